"""What we say of a release."""

from dataclasses import dataclass

from argocd_release.model.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What we say of the release; ``outcome`` None means: not known yet, ``reason`` says what is missing."""

    outcome: Outcome | None
    reason: str
    hint: str = ""
    # How an expected revision was delivered by one that came later.
    via: str = ""
