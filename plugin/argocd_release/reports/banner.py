"""The banner of the job log: the cause first, then the facts; of several applications a table, the worst first."""

from typing import Final

from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ReleaseResult
from argocd_release.reports.evidence import facts, headline
from argocd_release.reports.overview import overview

RULE: Final = "=" * 45


def render(result: ReleaseResult) -> str:
    """The banner, without a line feed at its end."""
    one = None if result.several else result.only
    if one is None:
        return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{overview(result)}\n{RULE}"
    why = "" if result.outcome is Outcome.DELIVERED else f"{headline(one)}\n\n"
    return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{why}{facts(one)}\n{RULE}"
