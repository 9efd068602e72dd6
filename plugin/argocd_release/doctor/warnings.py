"""What a release that could be tracked is warned of, once: what the doctor marks with a !, as far as it comes cheap."""

from collections.abc import Mapping
from typing import Final

from argocd_release.argocd import jwt
from argocd_release.argocd.connection import Connection
from argocd_release.doctor import settings
from argocd_release.doctor.finding import Problem

# Of the versions only what endangers whoever signs in is worth a line in each release's log.
_OF_SERVER: Final = frozenset({"server-leaks-credentials", "rights-wide"})


def of_settings(connection: Connection, environ: Mapping[str, str], *, timeout: float, now: float) -> list[Problem]:
    """What the settings and the token say themselves; the token is tried all the same, for clocks may be wrong."""
    found: list[Problem] = []
    proxies = settings.proxies(environ, connection.options)
    if not isinstance(proxies, str):
        found += proxies
    if connection.options.get("--insecure") == "true":
        found.append(settings.INSECURE)
    claims = jwt.read(connection.auth_token)
    if claims is not None:
        token = settings.token_problems(connection.auth_token, claims, timeout=timeout, now=now)
        found += token if not isinstance(token, str) else ()
    return found


def of_server(connection: Connection, name: str, project: str) -> list[Problem]:
    """What Argo CD says of itself and of the token's rights; nothing where it does not answer."""
    # Loaded while the release is waited for, which begins without.
    from argocd_release.argocd.probe import Prober  # noqa: PLC0415
    from argocd_release.doctor import account, way  # noqa: PLC0415

    with Prober(connection) as prober:
        version = way.version(prober.get("/api/version"))
        if not version:
            return []
        seen = (way.supported(version), account.too_wide(prober, name, project))
    problems = [problem for found in seen if not isinstance(found, str) for problem in found]
    return [problem for problem in problems if problem.code in _OF_SERVER]
