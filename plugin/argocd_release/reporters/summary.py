"""The end of the job log: the banner, the cause first, then the facts, then what to do."""

from typing import Final

from argocd_release.errors import Outcome
from argocd_release.result import Result
from argocd_release.text import one_line

RULE: Final = "=" * 45
SHOWN_IMAGES: Final = 3


def render(result: Result) -> str:
    """The banner of the job log."""
    outcome = result.verdict.outcome or Outcome.UNEXPECTED
    body = facts(result) if outcome is Outcome.DELIVERED else story(result)
    return f"{RULE}\n{outcome.headline}\n{RULE}\n{body}{RULE}\n"


def story(result: Result) -> str:
    """Why, what, and what next, of a release that was not delivered."""
    outcome = result.verdict.outcome or Outcome.UNEXPECTED
    hint = f"next: {result.verdict.hint}\n" if result.verdict.hint else ""
    return f"{result.verdict.reason}\n{hint}\n{facts(result)}Exit code:   {outcome.exit_code} ({outcome.meaning})\n"


def facts(result: Result) -> str:
    """The facts that are known, one a line."""
    application = result.application
    images = application.images if application else ()
    more = f" and {len(images) - SHOWN_IMAGES} more" if len(images) > SHOWN_IMAGES else ""
    lines = {
        "Application:": result.name,
        "Image Tag:": result.image_tag,
        "Images:": ", ".join(images[:SHOWN_IMAGES]) + more,
        "Revision:": application.revision if application else "",
        "Contains:": result.verdict.via,
        "URL:": result.url,
        "Duration:": f"{result.seconds:.1f} s",
    }
    return "".join(f"{label:12} {one_line(text)}\n" for label, text in lines.items() if text)
