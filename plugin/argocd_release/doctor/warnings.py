"""What a release that could be tracked is warned of, once: what the doctor marks with a !, as far as it comes cheap."""

from collections.abc import Mapping
from typing import Final

from argocd_release.argocd import jwt
from argocd_release.argocd.connection import Connection
from argocd_release.core.json_shape import as_object, parse_json
from argocd_release.doctor import settings
from argocd_release.doctor.finding import Problem
from argocd_release.model.git_url import WEB

# GitLab takes an environment's URL of up to 255 characters.
ADDRESS_LIMIT: Final = 255


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
        # The doctor tells of the server's version: in the log of each release it would hide what the release says.
        return account.too_wide(prober, name, project)


def public_address(connection: Connection) -> str:
    """Return the ``url`` of Argo CD's settings, without a slash at its end, or ``""`` if it is no web address.

    The address that the runner uses can be one of the cluster, which no browser outside reaches. The settings need no
    token (argo-cd v2.13.2 server/settings/settings.go).
    """
    from argocd_release.argocd.probe import Prober  # noqa: PLC0415

    with Prober(connection) as prober:
        answer = prober.get("/api/v1/settings")
    try:
        url = str(as_object(parse_json(answer.body)).get("url") or "").rstrip("/")
    except ValueError:
        return ""
    is_plain = len(url) <= ADDRESS_LIMIT and WEB.fullmatch(url) is not None and "@" not in url
    return url if is_plain else ""
