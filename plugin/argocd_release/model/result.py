"""What a reporter may know of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from argocd_release.model.application import Application
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.outcome import Outcome
from argocd_release.model.transition import Transition
from argocd_release.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a run. ``name``, ``url``, ``image_tag``, ``project_url``: ``""`` if unknown.

    ``ended_at``: with a time zone; ``seconds``: the whole run's until then. ``expectation``: what was to be delivered.
    ``expects``: the same in words, ``""`` if nothing. ``attachment``: the JSON report's path in the project, ``""`` if
    it lies elsewhere. ``dotenv_prefix``: without the ``_`` that follows.
    """

    verdict: Verdict
    name: str
    url: str
    image_tag: str
    seconds: float
    ended_at: datetime
    application: Application | None
    project_url: str = ""
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    transitions: tuple[Transition, ...] = ()
    expectation: Mapping[str, Any] = field(default_factory=dict)
    expects: str = ""
    version: str = ""
    attachment: str = ""
    dotenv_prefix: str = "ARGOCD_RELEASE"

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome or Outcome.UNEXPECTED

    @property
    def cause(self) -> str:
        """The root cause as far as it is known; ``""`` of what was delivered."""
        if self.outcome is Outcome.DELIVERED:
            return ""
        return self.diagnosis.cause or self.verdict.reason

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

    @property
    def hint(self) -> str:
        """What to do next."""
        return self.diagnosis.hint or self.verdict.hint
