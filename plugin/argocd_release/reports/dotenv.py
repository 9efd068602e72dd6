"""Render the dotenv report, in the form that GitLab's parser reads.

If the file is invalid, GitLab fails even a successful job (app/services/ci/parse_dotenv_artifact_service.rb). So the
report has no empty line, no line break in a value, less than 4 KB and at most 20 variables. Some values come from
outside, so the report contains nothing that later jobs would expand: neither ``$NAME`` nor ``%NAME%``
(lib/gitlab/ci/variables/collection/item.rb VARIABLES_REGEXP).
"""

import re
from typing import Final
from urllib.parse import unquote

from argocd_release.core.text import one_line
from argocd_release.model.result import ReleaseResult

# The maximum length of a text or of a list of names.
VALUE_LIMIT: Final = 400
# The maximum size in bytes. By default GitLab refuses files over 5 KB, and an instance can have a lower limit.
FILE_LIMIT: Final = 4096
# The keys whose values are names, separated by spaces. A value that is too long is cut between two names.
LISTS: Final = frozenset({"IMAGES", "FAILED_NAMES"})
# A percent sign before a name gets a space after it, so that GitLab does not expand %NAME%. If the sign were removed
# instead, %%A% would become %A%, which GitLab expands.
_NAMES: Final = re.compile(r"%(?=[A-Za-z_])")
# The keys whose values are addresses. Their escapes are decoded.
ADDRESSES: Final = frozenset({"URL", "SITE_URL"})
# The escapes of characters outside ASCII. GitLab takes %D0% in %D0%BF for a variable. The escapes of ASCII characters
# begin with a digit, so they are safe.
_LETTERED: Final = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")


def render(result: ReleaseResult) -> str:
    """Return the report as lines ``PREFIX_KEY=value``. The keys are the same for every outcome."""
    values = {key: _value(key, value) for key, value in variables(result).items()}
    for listed in LISTS & values.keys():
        values[listed] = _names(values[listed], VALUE_LIMIT)
    while len((text := _text(result.dotenv_prefix, values)).encode()) >= FILE_LIMIT:
        longest = max(values, key=lambda key: len(values[key].encode()))
        half = len(values[longest]) // 2
        values[longest] = _names(values[longest], half) if longest in LISTS else values[longest][:half]
    return text


def variables(result: ReleaseResult) -> dict[str, str]:
    """Return the values by key, not escaped yet. For a group, the values about a single application are empty."""
    single, outcome = result.only, result.outcome
    application = single.application if single else None
    images = application.images if application else ()
    several = {} if not result.several else _of_several(result)
    return {
        "STATUS": outcome.word,
        "EXIT_CODE": str(outcome.exit_code),
        "REASON": one_line(result.verdict.reason, limit=VALUE_LIMIT),
        "CAUSE": one_line(str(result.cause or ""), limit=VALUE_LIMIT),
        "APPLICATION": single.name if single else "",
        "PROJECT": application.project if application else "",
        "REVISION": application.revision if application else "",
        "IMAGES": " ".join(images),
        "IMAGE_COUNT": str(len(images) + (single.unlisted.images if single else 0)),
        "SYNC_STATUS": application.sync.value if application else "",
        "HEALTH_STATUS": application.health.value if application else "",
        "URL": single.url if single else "",
        "SITE_URL": result.site_url,
        "DURATION": str(round(result.seconds)),
        **several,
    }


def _of_several(result: ReleaseResult) -> dict[str, str]:
    """Return the counts of a group, and the names of the applications that were not delivered, the worst first."""
    return {
        "APPLICATIONS": str(len(result.applications)),
        "DELIVERED": str(len(result.applications) - len(result.undelivered)),
        "FAILED": str(len(result.undelivered)),
        "FAILED_NAMES": " ".join(application.name for application in result.undelivered),
    }


def _text(prefix: str, values: dict[str, str]) -> str:
    return "".join(f"{prefix}_{key}={value}\n" for key, value in values.items())


def _value(key: str, text: str) -> str:
    # Replace the escapes in an address by their characters, because GitLab would expand them. `environment: url`
    # accepts such characters (RFC 3987).
    plain = _LETTERED.sub(_decoded, text) if key in ADDRESSES else text
    return _NAMES.sub("% ", one_line(plain, limit=FILE_LIMIT).replace("$", ""))


def _decoded(escapes: re.Match[str]) -> str:
    """Return the decoded characters, or the escapes if the result is not printable UTF-8."""
    text = unquote(escapes[0], errors="surrogateescape")
    return text if text.isprintable() else escapes[0]


def _names(text: str, limit: int) -> str:
    """Return the names, separated by spaces, that fit into ``limit`` characters."""
    return text if len(text) <= limit else text[: limit + 1].rpartition(" ")[0]
