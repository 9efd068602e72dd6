"""What is wrong with the settings, before anything is asked of a server. Pure but for the files that they name."""

import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from argocd_release.argocd import jwt
from argocd_release.core.text import one_line
from argocd_release.doctor.finding import Problem
from argocd_release.model.errors import SettingsError
from argocd_release.model.outcome import Outcome
from argocd_release.settings import environment, load

_UNEXPANDED: Final = re.compile(r"\$\{?\w+\}?")
_QUOTES: Final = "\"'"
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_SOCKS: Final = ("ALL_PROXY", "all_proxy")
DAY: Final = 86400.0
INSECURE: Final = Problem(
    code="insecure",
    message="nobody checks the certificate: --insecure gives the token to whoever answers",
    fix="leave --insecure out, and name the authority in <RELEASE_ARGOCD_CA>",
)


def repaired(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with an address that can be used all the same, so that the rest can be checked."""
    given = environment.text(environ, "ARGOCD_SERVER")
    if not given:
        return dict(environ)
    host, path = _parts(given)
    found = {**environ, environment.source(environ, "ARGOCD_SERVER"): "" if _UNEXPANDED.fullmatch(given) else host}
    if path:
        name = environment.source(environ, "ARGOCD_OPTS")
        found[name] = f"{environment.text(environ, 'ARGOCD_OPTS')} --grpc-web-root-path {shlex.quote(path)}".strip()
    return found


def server_and_options(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the address and the options of argocd, even if other settings are wrong."""
    return environment.text(environ, "ARGOCD_SERVER"), environment.text(environ, "ARGOCD_OPTS")


def problems(environ: Mapping[str, str]) -> list[Problem]:
    """Every setting that is wrong."""
    server, absent = list(_server(environ)), dict(_absent(environ))
    named = absent.keys() | ({"ARGOCD_SERVER"} if server else set())
    others: list[Problem] = []
    try:
        load.load(environ)
    except SettingsError as error:
        pairs = zip(error.names, error.problems, strict=True)
        unnamed = [text for name, text in pairs if name not in named]
        others = [_wrong("setting", text, "argocd-release --help explains each setting") for text in unnamed]
    return [*server, *absent.values(), *others]


def _server(environ: Mapping[str, str]) -> Iterator[Problem]:
    given = environment.text(environ, "ARGOCD_SERVER")
    if not given:
        return
    host, path = _parts(given)
    shown = one_line(given, limit=100)
    if given[:1] in _QUOTES:
        yield _wrong("server-quoted", f"<ARGOCD_SERVER> has quotes around it: {shown}", f"set it to {host}")
    elif _UNEXPANDED.fullmatch(given):
        yield _wrong(
            "server-not-expanded",
            f"<ARGOCD_SERVER> is {shown}: the variable in it was not expanded, or does not exist",
            "write the address itself; a variable with “Expand variable reference” off is taken as it is",
        )
    elif "://" in given:
        scheme = given.partition("://")[0]
        yield _wrong("server-scheme", f"<ARGOCD_SERVER> has {scheme}:// in front: {shown}", f"set it to {host}")
    if path and given[:1] not in _QUOTES:
        yield _wrong(
            "server-path",
            f"<ARGOCD_SERVER> has a path: {shown}",
            f"set it to {host}, and the option --grpc-web-root-path {path}",
        )


def _absent(environ: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    """What is not set, by the setting's name."""
    branch = one_line(environ.get("CI_COMMIT_REF_NAME", ""), limit=100)
    unprotected = environ.get("CI_COMMIT_REF_PROTECTED") == "false"
    for name in ("ARGOCD_SERVER", "ARGOCD_AUTH_TOKEN", "ARGOCD_APP_NAME"):
        # Whoever names a connector means to sign in without a stored token.
        others = ("RELEASE_ID_TOKEN", "RELEASE_DEX_CONNECTOR") if name == "ARGOCD_AUTH_TOKEN" else ()
        if any(environment.text(environ, given) for given in (name, *others)):
            continue
        if unprotected and name != "ARGOCD_APP_NAME":
            problem = _wrong(
                "protected-variable",
                f"{name} is empty, and {branch or 'this branch'} is not protected: GitLab gives no protected variable "
                "to its jobs",
                f"clear “Protect variable” of {name}, or protect the branch",
            )
        else:
            problem = _wrong(
                "setting-missing",
                f"{name} is not set",
                "set <ARGOCD_APP_NAME>"
                if name == "ARGOCD_APP_NAME"
                else "set it in Settings → CI/CD → Variables of the group or project; an environment scope may hide it",
            )
        yield name, problem


def token_problems(token: str, claims: jwt.Claims | None, *, timeout: float, now: float) -> str | list[Problem]:
    """What the token says of itself that is wrong, or whose it is and until when."""
    if claims is None or jwt.flaw(token):
        why = jwt.flaw(token) or "it is no JSON Web Token"
        fix = "copy it once more, alone and whole, from `argocd account generate-token`"
        return [Problem(code="token-damaged", message=f"the token is unusable: {why}", fix=fix, outcome=Outcome.DENIED)]
    whose = one_line(claims.whose, limit=150)
    if claims.expires_at is None:
        return [
            Problem(
                code="token-endless",
                message=f"the token of {whose} never ends",
                fix="generate one with --expires-in, and put its last day into a calendar",
            )
        ]
    left = claims.expires_at - now
    if left <= 0:
        return [
            Problem(
                code="token-expired",
                message=f"the token of {whose} expired {span(-left)} ago, on {_day(claims.expires_at)}",
                fix="generate a new one and change the variable"
                if claims.is_own
                else "an ID token is made when the job starts: the job was older than its token; run it again",
                outcome=Outcome.DENIED,
            )
        ]
    if left < timeout:
        return [
            Problem(
                code="token-ends-early",
                message=f"the token of {whose} ends in {span(left)}, the timeout is {span(timeout)}",
                fix="replace it, or shorten <RELEASE_TIMEOUT>",
            )
        ]
    return f"{whose}, until {_day(claims.expires_at)} (in {span(left)})"


def proxies(environ: Mapping[str, str], options: Mapping[str, str]) -> str | list[Problem]:
    """Which variables of a proxy are set that argocd will not use (argo-cd v2.13.2 apiclient.go:270-278)."""
    native = options.get("--grpc-web") != "true" and "--grpc-web-root-path" not in options
    plaintext = options.get("--plaintext") == "true"
    used = set(_SOCKS) if native else {"HTTP_PROXY", "http_proxy"} if plaintext else set()
    ignored = [name for name in (*_PROXIES, *_SOCKS) if environ.get(name) and name not in used]
    if not ignored:
        return "no variable of a proxy that argocd would ignore"
    return [
        Problem(
            code="proxy-ignored",
            message=f"{', '.join(ignored)} is set, and argocd does not use it for Argo CD",
            fix="give the runner a direct way to Argo CD, or a transparent proxy",
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


def _parts(given: str) -> tuple[str, str]:
    """Host with port, and path, of an address that may be written as a URL; the path has no slash at its end."""
    plain = given.strip("\"'")
    try:
        parts = urlsplit(plain if "://" in plain else f"//{plain}")
    except ValueError:
        return plain, ""
    return parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


def _wrong(code: str, message: str, fix: str) -> Problem:
    return Problem(code=code, message=message, fix=fix, outcome=Outcome.SETTINGS)
