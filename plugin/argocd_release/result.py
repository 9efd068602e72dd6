"""What a reporter may know of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from argocd_release.application import Application
from argocd_release.errors import Outcome
from argocd_release.evidence import Diagnosis
from argocd_release.timeline import Transition
from argocd_release.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a run. ``name``, ``url``, ``image_tag``, ``project_url``: ``""`` if unknown.

    ``ended_at``: with a time zone; ``seconds``: the whole run's until then. ``expectation``: what was to be delivered.
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
    version: str = ""

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
    def hint(self) -> str:
        """What to do next."""
        return self.diagnosis.hint or self.verdict.hint
