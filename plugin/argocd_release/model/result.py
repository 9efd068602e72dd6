"""The results of a release as reports contain them: one per application, and one for the whole release."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from argocd_release.model.application import Application, HealthStatus, Resource, ResourceResult, SyncStatus
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, Problem, ResourceRef
from argocd_release.model.resource_tree import Event, Node, Tree
from argocd_release.model.serving_pods import ServingPods, not_begun
from argocd_release.model.timeline import ReleaseTimeline, Transition


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """A Kubernetes event of one object, such as ``Pod/web-x``."""

    subject: str
    event: Event


@dataclass(frozen=True, kw_only=True)
class PodLog:
    """The last lines of a container's log. If ``previous`` is True, they come from the run before the last restart."""

    pod: str
    container: str
    previous: bool
    lines: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return any(line.strip() for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class HookLog:
    """The log of one container of a hook. ``left_out`` is the number of lines before ``lines`` that are not kept."""

    hook: str
    pod: str
    container: str
    lines: tuple[str, ...]
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The root cause of a failed release, and the evidence for it."""

    #: The root cause; None if the diagnosis has found no cause that is more specific than the verdict's cause.
    cause: Problem | None = None
    #: The output of ``argocd app get``, which shows the application's state.
    status: str = ""
    #: The pods of the current revision, the most severe problems first.
    pods: tuple[Node, ...] = ()
    events: tuple[ObjectEvent, ...] = ()
    logs: tuple[PodLog, ...] = ()
    #: The pods of the current and of earlier revisions; None if they are unknown.
    serving: ServingPods | None = None
    #: The applied resources that have pods without any started container, such as a hook whose pod is Pending.
    not_begun: tuple[ResourceRef, ...] = ()
    #: The reason why the likeliest culprit among the pods has no log; empty if its log was read, or if there is no such
    #: pod.
    no_log: str = ""
    #: Messages about evidence that could not be read.
    notes: tuple[str, ...] = ()

    def with_state_of(self, tree: Tree) -> "Diagnosis":
        """Return a copy that says which pods of the tree serve, and which pods have not begun."""
        return replace(self, serving=ServingPods.of(tree), not_begun=not_begun(tree))


@dataclass(frozen=True, kw_only=True)
class NotificationResult:
    """The result of one notification. ``text`` describes it on one line, including the reason of a failure."""

    sink: str
    done: bool
    text: str


#: The values of ``health`` for a resource without problems. None stands for a resource whose kind has no health.
WELL: Final = frozenset({None, HealthStatus.HEALTHY})


class ResourceState(NamedTuple):
    """The sync status and health of a resource. Reports group and count resources by this state."""

    sync: SyncStatus
    health: HealthStatus | None
    hook: bool

    @classmethod
    def of(cls, item: Resource) -> "ResourceState":
        return cls(item.sync, item.health, item.hook)

    @property
    def deviates(self) -> bool:
        """Return True if the resource is not Synced or not Healthy. Return False for hooks."""
        return not self.hook and (self.sync is not SyncStatus.SYNCED or self.health not in WELL)


class Change(NamedTuple):
    """The kind of a change, such as ``created``, or the type of a hook. Reports count changes by this kind."""

    word: str
    hook: bool

    @classmethod
    def of(cls, item: ResourceResult) -> "Change":
        return cls(item.action or item.hook_type or item.hook_phase or item.status, bool(item.hook_type))


@dataclass(frozen=True, kw_only=True)
class Unlisted:
    """How many items of each kind ``reports.size_limits`` has removed from an application's result, to save space."""

    resources: Mapping[ResourceState, int] = field(default_factory=dict)
    changes: Mapping[Change, int] = field(default_factory=dict)
    conditions: int = 0
    images: int = 0
    spans: int = 0
    pods: int = 0


@dataclass(frozen=True, kw_only=True)
class ApplicationResult:
    """The result of the release for one application. A string is empty if its value is unknown."""

    verdict: Verdict
    name: str
    url: str
    image_tag: str
    #: Seconds from the start of the job to the verdict.
    seconds: float
    #: The time of the verdict, with a time zone.
    ended_at: datetime
    application: Application | None
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    transitions: tuple[Transition, ...] = ()
    #: The expectation that the application had to meet, as JSON data.
    expectation: Mapping[str, Any] = field(default_factory=dict)
    #: A description of the expectation; empty if the application has no expectation.
    expects: str = ""
    docs_url: str = ""
    #: The durations of the parts of the release.
    rollout: ReleaseTimeline = field(default_factory=ReleaseTimeline)
    #: The timeout of the job in seconds; 0 if the job ended before it was known.
    timeout: float = 0
    unlisted: Unlisted = field(default_factory=Unlisted)
    #: The logs of the hooks; empty unless the settings ask for them.
    hook_logs: tuple[HookLog, ...] = ()

    @cached_property
    def resource_counts(self) -> Counter[ResourceState]:
        """Return the number of resources in each state. Resources that were removed from the list are counted, too."""
        return Counter(map(ResourceState.of, self.application.resources if self.application else ())) + Counter(
            self.unlisted.resources
        )

    @cached_property
    def change_counts(self) -> Counter[Change]:
        """Return the number of changes of each kind. Changes that were removed from the list are counted, too."""
        results = self.application.results if self.application else ()
        return Counter(Change.of(item) for item in results if item.changed) + Counter(self.unlisted.changes)

    @property
    def unchanged_count(self) -> int:
        """Return the number of resources that the operation did not change. Hooks are not counted."""
        managed = sum(count for state, count in self.resource_counts.items() if not state.hook)
        changed = sum(
            count for change, count in self.change_counts.items() if not change.hook and change.word != "pruned"
        )
        return max(managed - changed, 0)

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome or Outcome.UNEXPECTED

    @cached_property
    def cause(self) -> Problem | None:
        """Return the most specific known cause of the failure, or None if the application was delivered."""
        if self.outcome is Outcome.DELIVERED:
            return None
        cause = self.diagnosis.cause or self.verdict.cause
        name = self.application.full_name if self.application else self.name
        # The hints of the catalogue have the placeholder ``{application}`` in their commands. Fill it here, because
        # this is the first place that has the name for every hint.
        hint = (cause.hint or self.verdict.hint).replace("{application}", name)
        return replace(cause, hint=hint, link=page(self.url, cause.subject.ref if cause.subject else None))

    @property
    def general_hint(self) -> str:
        """Return the hint of the cause with NAME instead of the application's name, for several applications."""
        name = self.application.full_name if self.application else self.name
        command = re.compile(rf"(argocd app [a-z-]{{1,20}} ){re.escape(name)}(?![\w./-])")
        return command.sub(r"\1NAME", self.cause.hint) if self.cause else ""

    @property
    def help_url(self) -> str:
        """Return the URL of the documentation about the cause, or an empty string if there is none."""
        cause = self.cause
        return f"{self.docs_url.rstrip('/')}/troubleshooting/#{cause.code.word}" if cause and self.docs_url else ""

    @property
    def reason_adds(self) -> bool:
        """Return True if the verdict's reason contains information that is missing in the message of the cause."""
        verdict, cause = self.verdict, self.cause
        if cause is None or cause.message == verdict.reason:
            return False
        # If the diagnosis has found a cause with the verdict's code, the cause only adds details to the reason. The log
        # then leaves out the reason.
        repeats = verdict.quotes or (cause.code is verdict.code and self.diagnosis.cause is not None)
        return not (repeats and cause.is_about(verdict.subject))

    @property
    def site_is_silent(self) -> bool:
        """Return True if the application was delivered, but its site does not respond as expected."""
        return self.verdict.code is CauseCode.SITE_SILENT

    @property
    def image_runs(self) -> bool:
        """Return True if a ready pod runs an image whose tag contains the pipeline's short SHA."""
        workloads = self.application.workloads if self.application else None
        return workloads is not None and not workloads.only_jobs and self._has_tag(workloads.images)

    @property
    def image_is_there(self) -> bool:
        """Return True if Argo CD lists an image whose tag contains the pipeline's short SHA.

        The list also contains the images of finished Jobs, so the result does not prove that a pod runs the image now.
        """
        return self._has_tag(self.application.images if self.application else ())

    @property
    def proven(self) -> bool:
        """Return True if the pipeline's commit is proven to be deployed, or if the commit is unknown.

        An expectation, the image of a ready pod, or the compared revision can be the proof.
        """
        return bool(self.expects) or not self.image_tag or self.image_runs or self.commit_is_deployed

    @property
    def commit_is_deployed(self) -> bool:
        """Return True if a compared revision of the application is the pipeline's commit."""
        revisions = self.application.revisions if self.application else ()
        return bool(self.image_tag) and any(revision.startswith(self.image_tag) for revision in revisions)

    def _has_tag(self, images: Iterable[str]) -> bool:
        tags = [image.partition("@")[0].rpartition("/")[2].partition(":")[2] for image in images]
        return bool(self.image_tag) and any(self.image_tag in tag for tag in tags)


@dataclass(frozen=True, kw_only=True)
class ReleaseResult:
    """The result of the release: one result per application, and the verdict on the whole release.

    A text is empty if its value is unknown.
    """

    verdict: Verdict
    applications: tuple[ApplicationResult, ...]
    seconds: float
    ended_at: datetime
    image_tag: str = ""
    project_url: str = ""
    version: str = ""
    #: The path of the JSON report relative to the project's folder; empty if the report is not in this folder.
    attachment: str = ""
    #: The path of the report page relative to the project's folder; empty if the page is not in this folder.
    page: str = ""
    #: The prefix of the variables in the dotenv report, without the ``_`` after the prefix.
    dotenv_prefix: str = "ARGOCD_RELEASE"
    #: The URL of the deployed site.
    site_url: str = ""
    job_url: str = ""
    #: URLs by the names ``job``, ``pipeline``, ``merge_request``, ``commit`` (pages in GitLab) and ``docs``.
    links: Mapping[str, str] = field(default_factory=dict)
    #: The initial language of the report page: en or ru.
    language: str = "en"
    #: The name of the CI job; "" if the program does not run in GitLab CI.
    job_name: str = ""
    #: The results of the notifications.
    notices: tuple[NotificationResult, ...] = ()
    #: True if the job was started for a group, even if the group has only one application.
    several: bool = False
    #: A description of the requested application or group. It is the same in each run of the job.
    meant: str = ""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome or Outcome.UNEXPECTED

    @property
    def only(self) -> ApplicationResult | None:
        """Return the result of the only application, or None if there is not exactly one."""
        return self.applications[0] if len(self.applications) == 1 else None

    @property
    def is_theirs(self) -> bool:
        """Return True if the outcome of the release is that of one of its applications.

        Return False if the group itself has failed, for example because it has too few applications.
        """
        if not self.several:
            return bool(self.applications)
        return any(application.outcome is self.outcome for application in self.applications)

    @property
    def reason_adds(self) -> bool:
        """Return True if the verdict's reason contains information that is missing in the message of the cause."""
        return (
            self.only.reason_adds if self.only else self.cause is not None and self.cause.message != self.verdict.reason
        )

    @cached_property
    def worst_first(self) -> tuple[ApplicationResult, ...]:
        """Return the applications by outcome, the most severe first. With equal outcomes, the slowest comes first."""
        return tuple(
            sorted(
                self.applications,
                key=lambda application: (-application.outcome.severity, -application.seconds, application.name),
            )
        )

    @cached_property
    def undelivered(self) -> tuple[ApplicationResult, ...]:
        """Return the applications that were not delivered, those with the most severe outcomes first."""
        return tuple(application for application in self.worst_first if application.outcome is not Outcome.DELIVERED)

    @cached_property
    def cause(self) -> Problem | None:
        """Return the cause of the most severe failure, or None if the release was delivered.

        For a group, the message begins with the name of the failed application. If all applications have failed for the
        same reason, no name is added.
        """
        if self.outcome is Outcome.DELIVERED:
            return None
        worst = self.undelivered[0] if self.undelivered else None
        if worst is None or worst.cause is None or not self.is_theirs:
            return self.verdict.cause
        if self.only or len({(application.outcome, str(application.cause)) for application in self.applications}) == 1:
            return worst.cause
        return replace(worst.cause, message=f"{worst.name}: {worst.cause}")


def page(url: str, key: ResourceRef | None, *, tab: str = "") -> str:
    """Return the URL of an object in Argo CD's web interface.

    Args:
        url: the URL of the application, or "". If it is empty, or if ``key`` is None, the function returns it
            unchanged.
        key: the object, or None for the application itself.
        tab: the tab to open, such as ``logs``.
    """
    if not url or key is None:
        return url
    # The parameter ``node`` consists of group, kind, namespace, name and the index of a container.
    return f"{url}?resource=&node={quote('/'.join((*key, '0')), safe='')}{f'&tab={tab}' if tab else ''}"
