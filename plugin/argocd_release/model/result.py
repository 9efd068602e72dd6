"""What a reporter may know of a run: of each application, and of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from argocd_release.model.application import Application
from argocd_release.model.cause import Cause, CauseCode, Key
from argocd_release.model.outcome import Outcome
from argocd_release.model.resource_tree import Event, Node
from argocd_release.model.timeline import ReleaseTimeline, Transition
from argocd_release.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """A Kubernetes event of one object, such as ``Pod/web-x``."""

    subject: str
    event: Event


@dataclass(frozen=True, kw_only=True)
class PodLog:
    """The last lines of a container's log; ``previous``: of the run before its last restart."""

    pod: str
    container: str
    previous: bool
    lines: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return any(line.strip() for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """``cause``: None where nothing better is known than the verdict.

    ``status``: the application's as ``argocd app get`` shows it. ``pods``: of what runs now, the worst first.
    ``notes``: what could not be seen, and why.
    """

    cause: Cause | None = None
    status: str = ""
    pods: tuple[Node, ...] = ()
    occurrences: tuple[ObjectEvent, ...] = ()
    logs: tuple[PodLog, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NotificationResult:
    """That somebody was told of the release, or was not. ``text``: one line; of a failure: why."""

    sink: str
    done: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class ApplicationResult:
    """How the release of one application ended. ``name``, ``url``, ``image_tag``: ``""`` if unknown.

    ``ended_at``: with a time zone; ``seconds``: since the job began. ``expectation``: what was to be delivered;
    ``expects``: the same in words, ``""`` if nothing. ``docs_url``: where the documentation is, ``""`` if unknown.
    ``rollout``: what took its time on the way.
    """

    verdict: Verdict
    name: str
    url: str
    image_tag: str
    seconds: float
    ended_at: datetime
    application: Application | None
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    transitions: tuple[Transition, ...] = ()
    expectation: Mapping[str, Any] = field(default_factory=dict)
    expects: str = ""
    docs_url: str = ""
    rollout: ReleaseTimeline = field(default_factory=ReleaseTimeline)

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome or Outcome.UNEXPECTED

    @property
    def cause(self) -> Cause | None:
        """The root cause as far as it is known; None of what was delivered."""
        if self.outcome is Outcome.DELIVERED:
            return None
        cause = self.diagnosis.cause or self.verdict.cause
        hint = cause.hint or self.verdict.hint
        return replace(cause, hint=hint, link=page(self.url, cause.subject.key if cause.subject else None))

    @property
    def explained(self) -> str:
        """Where the documentation says what the cause means, and what to do; ``""`` if that is not known."""
        cause = self.cause
        return f"{self.docs_url.rstrip('/')}/troubleshooting/#{cause.code.word}" if cause and self.docs_url else ""

    @property
    def reason_adds(self) -> bool:
        """Whether the verdict's reason says something that the cause does not; what both say, the cause says better."""
        verdict, cause = self.verdict, self.cause
        if cause is None or cause.message == verdict.reason:
            return False
        return not (verdict.quotes and cause.is_about(verdict.subject))

    @property
    def site_is_silent(self) -> bool:
        """Return True if the application is delivered, but its site does not answer as it should."""
        return self.verdict.code is CauseCode.SITE_SILENT

    @property
    def image_runs(self) -> bool:
        """Whether an image of the application has the pipeline's short SHA in its tag."""
        tags = [image.partition("@")[0].rpartition("/")[2].partition(":")[2] for image in self._images]
        return bool(self.image_tag) and any(self.image_tag in tag for tag in tags)

    @property
    def proven(self) -> bool:
        """Whether green says of this very commit that it runs; also if the commit is not known."""
        revisions = self.application.revisions if self.application else ()
        seen = self.image_runs or any(revision.startswith(self.image_tag) for revision in revisions)
        return bool(self.expects) or not self.image_tag or seen

    @property
    def _images(self) -> tuple[str, ...]:
        return self.application.images if self.application else ()


@dataclass(frozen=True, kw_only=True)
class ReleaseResult:
    """The end of a run: one result an application, and the verdict on all of them.

    ``image_tag``, ``project_url``: ``""`` if unknown. ``attachment``, ``page``: the paths of the JSON report and of the
    page in the project, ``""`` if they lie elsewhere. ``dotenv_prefix``: without the ``_`` that follows. ``site_url``:
    of what is deployed, ``job_url``: of the job; ``""`` if unknown. ``notices``: who else was told.
    ``several``: whether it was of a set, which may well have one application; ``meant``: what was asked for, in words,
    the same in each run of the job.
    """

    verdict: Verdict
    applications: tuple[ApplicationResult, ...]
    seconds: float
    ended_at: datetime
    image_tag: str = ""
    project_url: str = ""
    version: str = ""
    attachment: str = ""
    page: str = ""
    dotenv_prefix: str = "ARGOCD_RELEASE"
    site_url: str = ""
    job_url: str = ""
    #: The name of the CI job, or "" outside GitLab.
    job_name: str = ""
    notices: tuple[NotificationResult, ...] = ()
    several: bool = False
    meant: str = ""

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome or Outcome.UNEXPECTED

    @property
    def only(self) -> ApplicationResult | None:
        """The application's, of a release of one."""
        return self.applications[0] if len(self.applications) == 1 else None

    @property
    def is_theirs(self) -> bool:
        """Whether the outcome is that of an application; else there are too few, or the site does not answer."""
        if not self.several:
            return bool(self.applications)
        return any(one.outcome is self.outcome for one in self.applications)

    @property
    def reason_adds(self) -> bool:
        """Whether the verdict's reason says something that the cause does not; of several it counts them."""
        return (
            self.only.reason_adds if self.only else self.cause is not None and self.cause.message != self.verdict.reason
        )

    @property
    def worst_first(self) -> tuple[ApplicationResult, ...]:
        """The most severe outcomes first, and of the same the slowest."""
        return tuple(sorted(self.applications, key=lambda one: (-one.outcome.severity, -one.seconds, one.name)))

    @property
    def undelivered(self) -> tuple[ApplicationResult, ...]:
        """Those that were not delivered, the worst first."""
        return tuple(one for one in self.worst_first if one.outcome is not Outcome.DELIVERED)

    @property
    def cause(self) -> Cause | None:
        """The root cause of the worst failure; None if the release was delivered.

        A group's cause names the application, unless all of them failed for this reason.
        """
        if self.outcome is Outcome.DELIVERED:
            return None
        worst = self.undelivered[0] if self.undelivered else None
        if worst is None or worst.cause is None or not self.is_theirs:
            return self.verdict.cause
        if self.only or len({(one.outcome, str(one.cause)) for one in self.applications}) == 1:
            return worst.cause
        return replace(worst.cause, message=f"{worst.name}: {worst.cause}")


def page(url: str, key: Key | None, *, tab: str = "") -> str:
    """The address in Argo CD's pages of one object of the application at ``url``; ``""`` if that is not known."""
    if not url or key is None:
        return url
    # As its own pages address it: group, kind, namespace, name, and of a pod the container.
    return f"{url}?resource=&node={quote('/'.join((*key, '0')), safe='')}{f'&tab={tab}' if tab else ''}"
