"""Whether the argocd of the job and the Argo CD that it asks are further apart than any two that were tested. Pure."""

import re
from typing import Final

from argocd_release.argocd.tested_versions import TESTED
from argocd_release.core.text import one_line

_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.|\b)")
Minor = tuple[int, int]


def read(text: str) -> tuple[str, str]:
    """Server and client, as ``argocd version --short`` names them (argo-cd v2.13.2 cmd/argocd/commands/version.go)."""
    named = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return named.get("argocd-server", ""), named.get("argocd", "")


def apart(server: str, client: str) -> str:
    """That they are, in one line; ``""`` if not, or if one of them is no version."""
    ours, theirs = _minor(client), _minor(server)
    if ours is None or theirs is None or ours == theirs:
        return ""
    # Two that lie between two others are nearer to each other than those.
    span = min(ours, theirs), max(ours, theirs)
    for pair in TESTED:
        other, mine = map(_minor, pair)
        if other is None or mine is None or (mine <= other) != (ours <= theirs):
            continue
        if min(mine, other) <= span[0] and span[1] <= max(mine, other):
            return ""
    tested = ", ".join(f"{mine} with {other}" for other, mine in TESTED)
    return (
        f"argocd {_shown(client)} and Argo CD {_shown(server)} are further apart than any two that were tested "
        f"({tested}); where something looks wrong, build the image with an argocd like the server's"
    )


def _minor(version: str) -> Minor | None:
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else None


def _shown(version: str) -> str:
    # The server may say anything.
    return one_line(version.removeprefix("v").partition("+")[0], limit=40)
