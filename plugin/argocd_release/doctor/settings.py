"""Check the settings and the token before any request. The only I/O is reading the files that settings name."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from argocd_release.argocd import jwt
from argocd_release.core.text import one_line
from argocd_release.messages import doctor
from argocd_release.model.errors import SettingsError, SetupProblem
from argocd_release.model.outcome import Outcome
from argocd_release.settings import component_job, environment, interpret, load, server_address

_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_SOCKS: Final = ("ALL_PROXY", "all_proxy")
DAY: Final = 86400.0


def repaired(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with a usable address of Argo CD, so that the other checks can run."""
    given = environment.text(environ, server_address.NAME)
    if not given:
        return dict(environ)
    host, path = server_address.host_and_path(given)
    usable = "" if server_address.is_unexpanded(given) else host
    fixed = {**environ, environment.source(environ, server_address.NAME): usable}
    if path:
        name = environment.source(environ, "ARGOCD_OPTS")
        options = environment.text(environ, "ARGOCD_OPTS")
        fixed[name] = f"{options} --grpc-web-root-path {shlex.quote(path)}".strip()
    return fixed


def server_and_options(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the address and the options of argocd, even if other settings are wrong."""
    return environment.text(environ, server_address.NAME), environment.text(environ, "ARGOCD_OPTS")


def problems(environ: Mapping[str, str]) -> list[SetupProblem]:
    """Return every problem of the settings as a release reports it, and the warnings."""
    found: list[SetupProblem] = []
    try:
        load.load(environ)
    except SettingsError as error:
        found += error.problems
    return [*found, *interpret.warnings(environ), *component_job.warnings(environ)]


def token_problems(token: str, claims: jwt.Claims | None, *, timeout: float, now: float) -> str | list[SetupProblem]:
    """Return the problems of the token, or its owner and expiry date. Times are in seconds."""
    defect = jwt.token_defect(token)
    if claims is None or defect:
        entry = doctor.TOKEN_DAMAGED
        return [SetupProblem.of(entry, Outcome.DENIED, defect=defect or doctor.NO_JSON_WEB_TOKEN.fill())]
    owner = one_line(claims.whose, limit=150)
    if claims.expires_at is None:
        return [SetupProblem.of(doctor.TOKEN_ENDLESS, owner=owner)]
    left, day = claims.expires_at - now, _day(claims.expires_at)
    if left <= 0:
        entry = doctor.TOKEN_EXPIRED if claims.is_own else doctor.ID_TOKEN_EXPIRED
        return [SetupProblem.of(entry, Outcome.DENIED, owner=owner, span=span(-left), day=day)]
    if left < timeout:
        return [SetupProblem.of(doctor.TOKEN_ENDS_EARLY, owner=owner, span=span(left), timeout=span(timeout))]
    return doctor.TOKEN_VALID.fill(owner=owner, day=day, span=span(left))


def proxies(environ: Mapping[str, str], options: Mapping[str, str]) -> str | list[SetupProblem]:
    """Return the proxy variables that argocd ignores (argo-cd v2.13.2 apiclient.go:270-278)."""
    native = options.get("--grpc-web") != "true" and "--grpc-web-root-path" not in options
    plaintext = options.get("--plaintext") == "true"
    used = set(_SOCKS) if native else {"HTTP_PROXY", "http_proxy"} if plaintext else set()
    ignored = [name for name in (*_PROXIES, *_SOCKS) if environ.get(name) and name not in used]
    if not ignored:
        return doctor.PROXIES_USED.fill()
    return [SetupProblem.of(doctor.PROXY_IGNORED, variables=" and ".join(ignored))]


def span(seconds: float) -> str:
    """Return a length of time in its largest unit: 3 days, 4 min, 10 s."""
    for size, name in ((DAY, "day"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}" + ("s" if name == "day" and number != 1 else "")
    return f"{int(seconds)} s"


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return doctor.NO_DATE.fill()
