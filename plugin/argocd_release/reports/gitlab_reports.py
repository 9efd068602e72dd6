"""Render the three small reports that GitLab parses: annotations, dotenv and metrics.

GitLab shows the links of the annotations on the page of the job. The format is that of GitLab's parser
(lib/gitlab/ci/parsers) and schema (ci_job_annotation_data.json). If the report contains an unknown key or a link
without an address, GitLab fails the job.

If the dotenv report is invalid, GitLab fails even a successful job (app/services/ci/parse_dotenv_artifact_service.rb).
So the dotenv report has no empty line, no line break in a value, less than 4 KB and at most 20 variables. Some values
come from outside. So the report contains nothing that later jobs would expand: neither ``$NAME`` nor ``%NAME%``
(lib/gitlab/ci/variables/collection/item.rb VARIABLES_REGEXP).

The metrics are in the text format of OpenMetrics (https://prometheus.io/docs/specs/om/open_metrics_spec/). In a merge
request, GitLab compares them with those of the target branch. It identifies a series by its name and labels
(lib/gitlab/ci/reports/metrics), so no label has a value that changes from run to run. Each metric has the lines TYPE
and HELP. If it has a unit, its name ends with that unit, and there is a line UNIT.
"""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote

from argocd_release.core.text import SHORT_SHA, one_line
from argocd_release.messages import reports as texts
from argocd_release.model.git import WEB, commit_address
from argocd_release.model.result import ApplicationResult, ReleaseResult, page
from argocd_release.model.timeline import SpanKind

# The maximum number of applications of a group for which the annotations have links.
LINKED: Final = 20
# The maximum length of a link's label. A longer label makes GitLab fail the job
# (app/validators/json_schemas/ci_job_annotation_data.json).
LABEL_LIMIT: Final = 255
# The maximum length of a pod's name. A pod with a longer name gets no link, because the label would exceed its limit.
# Names are rarely longer than half of this.
NAME_LIMIT: Final = 200


def render_annotations(result: ReleaseResult) -> str:
    """Return the annotations report as JSON text. It consists of sections, each with a list of external links."""
    links: dict[str, str] = {}
    # For a group, link only the applications that were not delivered, because a job's page has no room for hundreds of
    # links.
    for application in result.applications if result.only else result.undelivered[:LINKED]:
        links |= _links(application, result.project_url)
    if result.page and WEB.fullmatch(result.job_url):
        # Link GitLab's page of the artifact (config/routes/project.rb). `artifacts:expose_as` shows no link if the
        # artifact's path contains a variable. This path contains the variable of the job's name.
        links = {texts.PAGE_LINK: f"{result.job_url}/artifacts/file/{quote(result.page)}"} | links
    limited = {label[:LABEL_LIMIT]: url for label, url in links.items()}
    sections = {"Argo CD": [{"external_link": {"label": label, "url": url}} for label, url in limited.items()]}
    return json.dumps(sections if sections["Argo CD"] else {}, indent=2) + "\n"


def _links(result: ApplicationResult, project_url: str) -> dict[str, str]:
    links = {texts.IN_ARGO_CD.fill(application=result.name): result.url} if WEB.fullmatch(result.url) else {}
    named = [pod for pod in result.diagnosis.pods if len(pod.name) <= NAME_LIMIT and len(pod.namespace) <= NAME_LIMIT]
    broken = [pod for pod in named if pod.health != "Healthy"]
    if links and broken:
        links[texts.LOG_OF_POD.fill(pod=broken[0].name)] = page(result.url, broken[0].ref, tab="logs")
    application = result.application
    for revision, source in zip(application.commits, application.sources, strict=False) if application else ():
        if address := commit_address(source.repo_url, revision, project_url):
            links[texts.COMMIT.fill(revision=revision[:SHORT_SHA])] = address
    if result.cause and result.help_url:
        links[texts.HELP_LINK.fill(code=result.cause.code.word)] = result.help_url
    return links


# The maximum length of a value in the dotenv report.
VALUE_LIMIT: Final = 400
# The maximum size of the dotenv report in bytes. By default GitLab refuses files over 5 KB, and an instance can have a
# lower limit.
FILE_LIMIT: Final = 4096
# The dotenv keys whose values are lists of names, separated by spaces. A list that is too long ends after a complete
# name.
LISTS: Final = frozenset({"IMAGES", "FAILED_NAMES"})
# Matches each percent sign before a name. A space is inserted after it, so that GitLab does not expand %NAME%. If the
# sign were removed instead, %%A% would become %A%, which GitLab expands.
_NAMES: Final = re.compile(r"%(?=[A-Za-z_])")
# The dotenv keys whose values are addresses, in which percent escapes are decoded.
ADDRESSES: Final = frozenset({"URL", "SITE_URL"})
# Matches percent escapes of characters outside ASCII. In %D0%BF, GitLab would take %D0% for a variable. The escapes of
# ASCII characters begin with a digit, so they are safe.
_LETTERED: Final = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")


def render_dotenv(result: ReleaseResult) -> str:
    """Return the dotenv report as lines ``PREFIX_KEY=value``. The keys are the same for every outcome."""
    values = {key: _value(key, value) for key, value in dotenv_variables(result).items()}
    for listed in LISTS & values.keys():
        values[listed] = _names(values[listed], VALUE_LIMIT)
    while len((text := _text(result.dotenv_prefix, values)).encode()) >= FILE_LIMIT:
        longest = max(values, key=lambda key: len(values[key].encode()))
        half = len(values[longest]) // 2
        values[longest] = _names(values[longest], half) if longest in LISTS else values[longest][:half]
    return text


def dotenv_variables(result: ReleaseResult) -> dict[str, str]:
    """Return the values of the dotenv report by key, before they are escaped.

    For a group, the values about a single application are empty.
    """
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
    # Decode the percent escapes in an address, because GitLab would expand them like variables. `environment: url`
    # accepts such characters (RFC 3987).
    plain = _LETTERED.sub(_decoded, text) if key in ADDRESSES else text
    return _NAMES.sub("% ", one_line(plain, limit=FILE_LIMIT).replace("$", ""))


def _decoded(escapes: re.Match[str]) -> str:
    """Decode the percent escapes. If the result is not printable UTF-8, return the escapes unchanged."""
    text = unquote(escapes[0], errors="surrogateescape")
    return text if text.isprintable() else escapes[0]


def _names(text: str, limit: int) -> str:
    """Return as many of the space-separated names as fit into ``limit`` characters."""
    return text if len(text) <= limit else text[: limit + 1].rpartition(" ")[0]


PREFIX: Final = "argocd_release"
# The maximum length of the value of a metric's label.
SERIES_LABEL_LIMIT: Final = 300
_SECONDS: Final = "seconds"


def _attempts(result: ApplicationResult) -> int | None:
    if result.application is None:
        return None
    return sum(span.kind is SpanKind.SYNC for span in result.rollout.spans)


def _resources(result: ApplicationResult) -> int | None:
    return result.resource_counts.total() if result.application else None


def _changed(result: ApplicationResult) -> int | None:
    return result.change_counts.total() if result.application else None


def _restarts(result: ApplicationResult) -> int | None:
    pods = result.diagnosis.pods
    return sum(pod.restarts for pod in pods) if pods else None


_Value = Callable[[ApplicationResult], float | None]
# The unit, the help text and the value of each metric, by its name without the prefix.
METRICS: Final[Mapping[str, tuple[str, str, _Value]]] = MappingProxyType(
    {
        "duration_seconds": (_SECONDS, texts.DURATION_SECONDS, lambda result: result.seconds),
        "compared_seconds": (
            _SECONDS,
            texts.COMPARED_SECONDS,
            lambda result: result.rollout.phases.compared,
        ),
        "synced_seconds": (_SECONDS, texts.SYNCED_SECONDS, lambda result: result.rollout.phases.synced),
        "healthy_seconds": (_SECONDS, texts.HEALTHY_SECONDS, lambda result: result.rollout.phases.healthy),
        "sync_attempts": ("", texts.SYNC_ATTEMPTS, _attempts),
        "resources": ("", texts.RESOURCES, _resources),
        "resources_changed": ("", texts.RESOURCES_CHANGED, _changed),
        "pod_restarts": ("", texts.POD_RESTARTS, _restarts),
    }
)


def render_metrics(result: ReleaseResult) -> str:
    """Return the metrics as OpenMetrics text. If a value of an application is unknown, leave out its sample."""
    lines: list[str] = []
    for name, (unit, help_url, value) in METRICS.items():
        samples = [
            (application.name, number)
            for application in result.applications
            if (number := value(application)) is not None
        ]
        if not samples:
            continue
        whole = f"{PREFIX}_{name}"
        lines.append(f"# TYPE {whole} gauge")
        lines += [f"# UNIT {whole} {unit}"] if unit else []
        lines.append(f"# HELP {whole} {help_url}")
        lines += [
            f'{whole}{{application="{_label(application)}"}} {_number(number)}' for application, number in samples
        ]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _label(text: str) -> str:
    return one_line(text, limit=SERIES_LABEL_LIMIT).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
