"""The banner of the job log: the cause first, then the facts."""

from typing import Final

from argocd_release.model.outcome import Outcome
from argocd_release.model.result import Result
from argocd_release.reports.evidence import facts, headline

RULE: Final = "=" * 45


def render(result: Result) -> str:
    """The banner, without a line feed at its end."""
    why = "" if result.outcome is Outcome.DELIVERED else f"{headline(result)}\n\n"
    return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{why}{facts(result)}\n{RULE}"
