"""Read the settings from environment variables, and check them against ``settings.schema.json``.

Only the schema declares a setting: its name, type, default, description and field.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jsonschema import Draft202012Validator

from argocd_release.argocd.connection import Connection
from argocd_release.messages import job_log
from argocd_release.messages import settings as texts
from argocd_release.model.errors import NoPreviewError, SettingsError, SetupProblem
from argocd_release.model.git import Access
from argocd_release.settings import checks, environment, expectations_file, interpret
from argocd_release.settings.environment import PREFIX, PROPERTIES, JobEnvironment
from argocd_release.settings.interpret import value_of
from argocd_release.timing import UPLOAD_SECONDS
from argocd_release.verdict.symptoms import GracePeriods

with_files_read: Final = environment.with_files_read
# If GitLab's clock is ahead by at most this many seconds, the job still trusts its start time from GitLab.
CLOCK_SECONDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class ConnectionSettings:
    """The address of Argo CD, and the credentials with which the job signs in to it."""

    server: str
    auth_token: str = field(repr=False)
    id_token: str = field(repr=False)
    dex_connector: str
    argocd_ca: str = field(repr=False)
    opts: str = field(repr=False)
    proxy: str = field(repr=False)
    connect_grace: int

    @property
    def connection(self) -> Connection:
        """Return the connection without a ``ca_file``, because ``argocd_ca`` can be PEM text that is not in a file."""
        return Connection(server=self.server, auth_token=self.auth_token, opts=self.opts, proxy=self.proxy)


@dataclass(frozen=True, kw_only=True)
class TargetSettings:
    """The settings that choose the applications for which the job waits."""

    app_name: str
    selector: str
    project: str
    expected_count: str
    children: bool
    expectations: str
    split: bool
    node_index: int
    node_total: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return the application names in ``app_name``."""
        return read_names(self.app_name)


@dataclass(frozen=True, kw_only=True)
class ExpectationSettings:
    """The expected revision, image or chart version. The file of expectations can override it for an application."""

    revision: str
    revision_match: str
    source: str
    image: str
    chart_version: str
    wait_for: str
    allow_empty: bool
    children: bool


@dataclass(frozen=True, kw_only=True)
class PolicySettings(GracePeriods, ExpectationSettings):
    """The rules for tracking and judging applications, including the grace periods of problems in seconds."""

    on_failure: str
    patience: str
    sync: bool
    owner: str
    refresh: str
    hard_refresh: bool
    terminate_old_sync: bool
    resources: str

    @property
    def pods_matter(self) -> bool:
        """Return True if pods can affect the verdict, so that the job needs Argo CD's HTTP API."""
        return (self.fail_fast and self.pod_grace > 0) or bool(self.image) or self.stable_for > 0


@dataclass(frozen=True, kw_only=True)
class GitSettings(Access):
    """The settings for git: the expected revision, and the repositories in which the job looks for it."""

    revision: str
    revision_match: str


@dataclass(frozen=True, kw_only=True)
class TraceSettings:
    """The settings for traces: the collector, and the pipeline to which the trace belongs."""

    otlp_endpoint: str
    otlp_traces_endpoint: str
    otlp_headers: str = field(repr=False)
    otlp_traces_headers: str = field(repr=False)
    otel_service_name: str
    traceparent: str
    project_path: str
    project_url: str
    commit: str
    ref_name: str
    pipeline_url: str
    job_url: str
    job_name: str
    gitlab_environment: str

    @property
    def otlp_address(self) -> str:
        """Return the URL that receives traces, or "" if no collector is configured."""
        base = self.otlp_endpoint.rstrip("/")
        return self.otlp_traces_endpoint or (f"{base}/v1/traces" if base else "")

    @property
    def pipeline_attributes(self) -> dict[str, str]:
        """Return the pipeline as attributes of OpenTelemetry's semantic conventions. Unknown values are empty."""
        return {
            "cicd.pipeline.name": self.project_path,
            "cicd.pipeline.run.id": self.pipeline_url.rpartition("/")[2],
            "cicd.pipeline.run.url.full": self.pipeline_url,
            "cicd.pipeline.task.name": self.job_name,
            "cicd.pipeline.task.run.id": self.job_url.rpartition("/")[2],
            "cicd.pipeline.task.run.url.full": self.job_url,
            "vcs.provider.name": "gitlab" if self.project_url else "",
            "vcs.repository.url.full": self.project_url,
            "vcs.ref.head.name": self.ref_name,
            "vcs.ref.head.revision": self.commit,
            "deployment.environment.name": self.gitlab_environment,
        }


@dataclass(frozen=True, kw_only=True)
class NotificationSettings(TraceSettings):
    """The settings for traces and for GitLab: deployments, commit statuses, merge request notes and reverts."""

    gitlab_deployment: str
    gitlab_ref: str
    gitlab_token: str = field(repr=False)
    mr_note: bool
    commit_status: str
    revert: str
    revert_project: str
    pipeline_created_at: str
    environment_name: str
    gitlab_api: str
    job_token: str = field(repr=False)
    git_ca_file: str
    project_id: str
    ref_tag: str
    merge_request: str
    merge_request_project: str
    default_branch: str

    @property
    def own_project(self) -> str:
        """Return the id of the pipeline's GitLab project, or its path if the id is not known."""
        return self.project_id or self.project_path


@dataclass(frozen=True, kw_only=True)
class DiffSettings:
    """The settings for a diff: the compared applications, the result files, and the changes that fail the job."""

    diff_scope: str
    diff_fail_on: str
    diff_files: str
    source_project: str
    target_branch: str
    target_branch_sha: str
    diff_base: str


@dataclass(frozen=True, kw_only=True)
class TimeSettings:
    """The timeout of the release in seconds, and the start and timeout of the job in GitLab."""

    timeout: int
    job_timeout: int
    job_started_at: str


@dataclass(frozen=True, kw_only=True)
class Settings(
    ConnectionSettings, TargetSettings, PolicySettings, GitSettings, NotificationSettings, DiffSettings, TimeSettings
):
    """All settings of a job. The schema declares each field by ``x-field``.

    Only the loader and the wiring use this class. All other code depends on one of its base classes.
    """

    preview_pattern: str
    site_url: str
    url_check: bool
    url_status: str
    url_body: str
    url_success_threshold: int
    junit_path: str
    dotenv_path: str
    dotenv_prefix: str
    annotations_path: str
    json_path: str
    metrics_path: str
    page_path: str
    page_language: str
    log_format: str
    log_level: str
    hook_logs: bool
    docs_url: str
    merge_request_project_url: str
    source_branch: str
    source_commit: str
    image_tag: str


def read_names(text: str) -> tuple[str, ...]:
    """Split a text with names at commas and whitespace, and remove duplicates."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def load(environ: JobEnvironment) -> Settings:
    """Read and check the settings in the environment.

    Raises:
        SettingsError: at least one setting is wrong. The error lists all problems.
        NoPreviewError: the job waits for a preview, but the branch has no preview tag.

    """
    values: dict[str, Any] = {}
    for name, declared in PROPERTIES.items():
        if given := environ.text(name):
            values[name] = value_of(name, given)
        elif "default" in declared:
            values[name] = declared["default"]
    values |= _grace_periods(values["RELEASE_PATIENCE"], environ)
    identity = values.get("RELEASE_ID_TOKEN")
    if identity or values["RELEASE_DEX_CONNECTOR"]:
        # An ID token or a connector takes precedence over a stored token, which can be inherited from a GitLab group.
        # The placeholder "unread" keeps the checks from reporting a missing token.
        values |= {"ARGOCD_AUTH_TOKEN": "unread"}
    preview = interpret.Preview.requested(values)
    values = preview.filled(values) if preview else values
    if problems := checks.problems(values, environ):
        raise SettingsError(problems)
    if identity:
        values["ARGOCD_AUTH_TOKEN"] = identity
    if preview and not preview.tag:
        raise NoPreviewError(preview.branch, preview.pattern)
    return Settings(**{declared["x-field"]: values[name] for name, declared in PROPERTIES.items()})


def _grace_periods(patience: str, environ: JobEnvironment) -> dict[str, int]:
    """Return the grace periods that ``RELEASE_PATIENCE`` sets, except those that users have set individually."""
    return {
        name: declared["x-patience"][patience]
        for name, declared in PROPERTIES.items()
        if patience in declared.get("x-patience", {}) and not environ.text(name)
    }


def expected_of(path: str) -> expectations_file.Expected:
    """Read the file of expectations. The result is empty if the path is empty or the file has mistakes."""
    return expectations_file.read(path, PROPERTIES)[0]


def seconds_left(job_time: TimeSettings, now: datetime) -> tuple[int, str]:
    """Return the timeout of the release in seconds, and a message if the clocks of GitLab and the runner differ.

    The timeout is at least 1. If GitLab's timeout of the job comes earlier, shorten the release's timeout: GitLab
    uploads no reports of a job that it has ended (gitlab-runner common/build.go).
    """
    left, why = job_seconds_left(job_time, now)
    return max(1, int(min(job_time.timeout, left - UPLOAD_SECONDS))), why


def check_job_time(policy: PolicySettings, seconds: int) -> None:
    """Check that the release can stay ready for long enough before GitLab ends the job.

    Args:
        policy: the rules for judging applications.
        seconds: the timeout of the release, as ``seconds_left`` returns it.

    Raises:
        SettingsError: the release cannot succeed in this time.
    """
    if 0 < seconds <= policy.stable_for:
        words = {"given": policy.stable_for, "timeout": seconds}
        name = "RELEASE_STABLE_FOR"
        raise SettingsError([SetupProblem.of_setting(texts.STABLE_TOO_LONG_FOR_JOB, name, **words)])


def job_seconds_left(job_time: TimeSettings, now: datetime) -> tuple[float, str]:
    """Return the seconds until GitLab ends the job, and a message if the clocks of GitLab and the runner differ.

    If the start or the timeout of the job is unknown, the seconds are infinite. If the clocks agree, the message is
    empty.
    """
    try:
        started = datetime.fromisoformat(job_time.job_started_at)
    except ValueError:
        return math.inf, ""
    if not job_time.job_timeout or started.tzinfo is None:
        return math.inf, ""
    elapsed, why = (now - started).total_seconds(), ""
    if not -CLOCK_SECONDS <= elapsed < job_time.job_timeout:
        # The elapsed time is impossible, because the job is running now. Assume that the job has just started.
        why = _impossible_start(elapsed, job_time.job_timeout)
        elapsed = 0
    return job_time.job_timeout - max(elapsed, 0), why


def _impossible_start(elapsed: float, timeout: int) -> str:
    if elapsed < 0:
        return job_log.STARTS_IN_FUTURE.fill(ahead=f"{-elapsed:.0f}")
    return job_log.STARTED_BEFORE_TIMEOUT.fill(elapsed=f"{elapsed:.0f}", timeout=timeout)


def report_paths(environ: JobEnvironment) -> dict[str, str]:
    """Return the path of each report, by its field in ``Settings``. Wrong values of other settings do not matter."""
    return {
        declared["x-field"]: environ.text(name) or declared["default"]
        for name, declared in PROPERTIES.items()
        if name.startswith(PREFIX) and name.endswith("_PATH")
    }


def wants(environ: JobEnvironment, name: str, value: str) -> bool:
    """Return True if the setting has this value. Wrong values of other settings do not matter."""
    return (environ.text(name) or PROPERTIES[name]["default"]) == value


def valid(environ: JobEnvironment, name: str) -> str:
    """Return the value of a setting, or its default if the value is invalid.

    This function serves the reports about wrong settings, because ``Settings`` does not exist then.
    """
    declared = PROPERTIES[name]
    given = environ.text(name)
    return given if given and Draft202012Validator(declared).is_valid(given) else str(declared.get("default", ""))
