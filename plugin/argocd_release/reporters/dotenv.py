"""The dotenv report, by the grammar of GitLab's parser (app/services/ci/parse_dotenv_artifact_service.rb).

An invalid file fails a job that succeeded, so whatever could make it invalid is taken out here: no empty line, no
line break in a value, less than 5 KB, at most 20 variables, and no ``$``, which later jobs would expand.
"""

from typing import Final

from argocd_release.result import Result
from argocd_release.text import one_line

PREFIX: Final = "ARGOCD_RELEASE_"
VALUE_LIMIT: Final = 400
FILE_LIMIT: Final = 5120


def render(result: Result) -> str:
    """The report as lines ``ARGOCD_RELEASE_KEY=value``; each key is there on every outcome."""
    lines = [f"{PREFIX}{key}={_value(value)}\n" for key, value in _variables(result).items()]
    while len("".join(lines).encode()) >= FILE_LIMIT:
        longest = max(range(len(lines)), key=lambda index: len(lines[index].encode()))
        lines[longest] = lines[longest][: len(lines[longest]) // 2].rstrip("\n") + "\n"
    return "".join(lines)


def _variables(result: Result) -> dict[str, str]:
    application, outcome = result.application, result.outcome
    return {
        "STATUS": outcome.word,
        "EXIT_CODE": str(outcome.exit_code),
        "REASON": result.verdict.reason,
        "CAUSE": result.cause,
        "APPLICATION": result.name,
        "PROJECT": application.project if application else "",
        "REVISION": application.revision if application else "",
        "IMAGES": " ".join(application.images) if application else "",
        "SYNC_STATUS": application.sync.value if application else "",
        "HEALTH_STATUS": application.health.value if application else "",
        "URL": result.url,
        "DURATION": str(round(result.seconds)),
    }


def _value(text: str) -> str:
    return one_line(text, limit=VALUE_LIMIT).replace("$", "")
