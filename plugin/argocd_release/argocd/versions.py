"""Compare the versions of the job's argocd and of the Argo CD server with the pairs that were tested. Pure."""

import re
from typing import Final

from argocd_release.argocd.tested_versions import TESTED
from argocd_release.core.text import one_line
from argocd_release.messages import network

_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.|\b)")
Minor = tuple[int, int]


def read_versions(text: str) -> tuple[str, str]:
    """Return the versions of server and client in ``argocd version --short``.

    Source: argo-cd v2.13.2 cmd/argocd/commands/version.go.
    """
    named = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return named.get("argocd-server", ""), named.get("argocd", "")


def version_warning(server: str, client: str) -> str:
    """Return a warning if the versions are further apart than any tested pair, otherwise an empty string.

    If one of them is not a version, there is no warning.
    """
    ours, theirs = _minor(client), _minor(server)
    if ours is None or theirs is None or ours == theirs:
        return ""
    # Two versions that lie between those of a tested pair are nearer to each other than that pair.
    span = min(ours, theirs), max(ours, theirs)
    for pair in TESTED:
        other, mine = map(_minor, pair)
        if other is None or mine is None or (mine <= other) != (ours <= theirs):
            continue
        if min(mine, other) <= span[0] and span[1] <= max(mine, other):
            return ""
    tested = ", ".join(network.TESTED_PAIR.fill(client=mine, server=other) for other, mine in TESTED)
    return network.NOT_TESTED.fill(client=_shown(client), server=_shown(server), tested=tested)


def _minor(version: str) -> Minor | None:
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else None


def _shown(version: str) -> str:
    # The version comes from the server, so it can be any text.
    return one_line(version.removeprefix("v").partition("+")[0], limit=40)
