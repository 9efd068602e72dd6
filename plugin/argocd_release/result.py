"""What a reporter may know of a run."""

from dataclasses import dataclass

from argocd_release.application import Application
from argocd_release.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a run. ``name``, ``url``, ``image_tag``: ``""`` if unknown; ``seconds``: the whole run's."""

    verdict: Verdict
    name: str
    url: str
    image_tag: str
    seconds: float
    application: Application | None
