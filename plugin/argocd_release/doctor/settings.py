"""What is wrong with the settings, before anything is asked of a server. Pure but for the files that they name."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from argocd_release.argocd import jwt
from argocd_release.core.text import one_line
from argocd_release.model.errors import SettingsError, SetupProblem
from argocd_release.model.outcome import Outcome
from argocd_release.settings import component_job, environment, interpret, load, server_address

_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_SOCKS: Final = ("ALL_PROXY", "all_proxy")
DAY: Final = 86400.0
INSECURE: Final = SetupProblem(
    code="insecure",
    message="--insecure turns off the check of the certificate: any server that answers gets the token",
    fix="leave --insecure out, and name the authority in <RELEASE_ARGOCD_CA>",
)


def repaired(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with an address that can be used all the same, so that the rest can be checked."""
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
    """What the token says of itself that is wrong, or whose it is and until when."""
    if claims is None or jwt.token_defect(token):
        why = jwt.token_defect(token) or "it is not a JSON Web Token"
        fix = "set the variable to the whole output of `argocd account generate-token`, and nothing else"
        return [
            SetupProblem(code="token-damaged", message=f"the token is unusable: {why}", fix=fix, outcome=Outcome.DENIED)
        ]
    whose = one_line(claims.whose, limit=150)
    if claims.expires_at is None:
        return [
            SetupProblem(
                code="token-endless",
                message=f"the token of {whose} has no expiry date",
                fix="generate one with --expires-in, and note its expiry date",
            )
        ]
    left = claims.expires_at - now
    if left <= 0:
        return [
            SetupProblem(
                code="token-expired",
                message=f"the token of {whose} expired {span(-left)} ago, on {_day(claims.expires_at)}",
                fix="generate a new one and change the variable"
                if claims.is_own
                else "run the job again: GitLab makes a new ID token for each job",
                outcome=Outcome.DENIED,
            )
        ]
    if left < timeout:
        return [
            SetupProblem(
                code="token-ends-early",
                message=f"the token of {whose} expires in {span(left)}, before the timeout of {span(timeout)}",
                fix="replace it, or shorten <RELEASE_TIMEOUT>",
            )
        ]
    return f"the token of {whose} is valid until {_day(claims.expires_at)} (in {span(left)})"


def proxies(environ: Mapping[str, str], options: Mapping[str, str]) -> str | list[SetupProblem]:
    """Which variables of a proxy are set that argocd will not use (argo-cd v2.13.2 apiclient.go:270-278)."""
    native = options.get("--grpc-web") != "true" and "--grpc-web-root-path" not in options
    plaintext = options.get("--plaintext") == "true"
    used = set(_SOCKS) if native else {"HTTP_PROXY", "http_proxy"} if plaintext else set()
    ignored = [name for name in (*_PROXIES, *_SOCKS) if environ.get(name) and name not in used]
    if not ignored:
        return "no proxy variable is set that argocd would ignore"
    return [
        SetupProblem(
            code="proxy-ignored",
            message=f"{', '.join(ignored)} is set, and argocd does not use it for Argo CD",
            fix="give the runner a direct connection to Argo CD, or a transparent proxy",
        )
    ]


def span(seconds: float) -> str:
    """A time as people say it: 3 days, 4 min, 10 s."""
    for size, name in ((DAY, "day"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}" + ("s" if name == "day" and number != 1 else "")
    return f"{int(seconds)} s"


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "a day that no calendar has"
