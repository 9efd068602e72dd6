"""Compare the versions of the argocd CLI and of the Argo CD server with the tested pairs of versions. Pure."""

import re
from typing import Final

from argocd_release.argocd.tested_versions import TESTED
from argocd_release.core.text import one_line
from argocd_release.messages import network

_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.|\b)")
Minor = tuple[int, int]


def read_versions(text: str) -> tuple[str, str]:
    """Return the versions of the server and of the client in the output of ``argocd version --short``.

    Source: argo-cd v2.13.2 cmd/argocd/commands/version.go.
    """
    named = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return named.get("argocd-server", ""), named.get("argocd", "")


def version_warning(server: str, client: str) -> str:
    """Return a warning if the versions are further apart than any tested pair, otherwise an empty string.

    If one of the two texts is not a version, there is no warning.
    """
    client_minor, server_minor = _minor(client), _minor(server)
    if client_minor is None or server_minor is None or client_minor == server_minor:
        return ""
    # A pair of versions works if a tested pair encloses it, because the versions of the tested pair differ more.
    lower, upper = min(client_minor, server_minor), max(client_minor, server_minor)
    for pair in TESTED:
        tested_server, tested_client = map(_minor, pair)
        if tested_server is None or tested_client is None:
            continue
        if (tested_client <= tested_server) != (client_minor <= server_minor):
            continue
        if min(tested_client, tested_server) <= lower and upper <= max(tested_client, tested_server):
            return ""
    tested = ", ".join(network.TESTED_PAIR.fill(client=pair[1], server=pair[0]) for pair in TESTED)
    return network.NOT_TESTED.fill(client=_shown(client), server=_shown(server), tested=tested)


def _minor(version: str) -> Minor | None:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else None


def _shown(version: str) -> str:
    # The version comes from the server, so it can be any text.
    return one_line(version.removeprefix("v").partition("+")[0], limit=40)
