"""The way to Argo CD, layer by layer: the mistake is named where it first shows."""

import re
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final
from urllib.parse import urlsplit

from argocd_release.argocd import probe, versions
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Answer, Handshake, Prober
from argocd_release.core.text import one_line
from argocd_release.core.untrusted_json import as_object, parse_json
from argocd_release.doctor.settings import INSECURE
from argocd_release.model.errors import ArgoCDError, ProgramMissingError, SetupProblem
from argocd_release.model.git_url import WEB
from argocd_release.model.outcome import Outcome
from argocd_release.timing.limits import DOCTOR_CALL, DOCTOR_PROCESS

_WEB_ADVICE: Final = "Use flag --grpc-web"
# OpenSSL's x509_vfy.h.
_EXPIRED, _NOT_YET, _IP = 10, 9, 64
_UNKNOWN: Final = frozenset({18, 19, 20, 21})
# Where Argo CD is often put below a host that others share.
_PATHS: Final = ("/argocd", "/argo-cd", "/argo", "/cd")
_TITLE: Final = re.compile(r"<title[^>]{0,100}>([^<]{0,200})", re.IGNORECASE)
_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
# With projects, get a token reads the credentials of a project's repositories (CVE-2025-55190).
_LEAKING: Final = {(2, 13): 9, (2, 14): 16, (3, 0): 14, (3, 1): 2}
_LEAKING_SINCE: Final = (2, 2)


def resolves(connection: Connection) -> str | SetupProblem:
    """Whether the name has an address."""
    host, port = probe.endpoint(connection)
    found, why = probe.addresses(host, port)
    if not found:
        return _unreachable(
            "name-unknown",
            f"{host} cannot be resolved: {one_line(why)}",
            "check the spelling of <ARGOCD_SERVER>. A service name can only be resolved inside its cluster",
        )
    return f"{host} is {', '.join(found[:3])}"


def connects(connection: Connection) -> str | SetupProblem:
    """Whether anybody listens there."""
    host, port = probe.endpoint(connection)
    match probe.connects(host, port):
        case "":
            return f"port {port} accepts connections"
        case "timeout":
            return _unreachable(
                "port-silent",
                f"no answer from {host} port {port} within {DOCTOR_CALL:.0f} s: packets are dropped on the way",
                "look for a firewall, a NetworkPolicy, or an address that the runner has no route to",
            )
        case why:
            return _unreachable(
                "port-closed",
                f"nothing listens at {host} port {port}: {one_line(why)}",
                "check the port in <ARGOCD_SERVER>, and that argocd-server or its ingress runs",
            )


def encrypts(connection: Connection) -> str | SetupProblem:
    """Whether TLS comes about as the options want it."""
    plaintext = connection.options.get("--plaintext") == "true"
    if plaintext:
        tried = probe.handshake(connection, verify=False)
        if not tried.error:
            return _unreachable(
                "tls-unwanted", "the server speaks TLS, but the options say --plaintext", "leave --plaintext out"
            )
        return "no TLS, because of --plaintext: the token is sent unencrypted"
    tried = probe.handshake(connection)
    if tried.error:
        return _broken(connection, tried)
    if connection.options.get("--insecure") == "true":
        return INSECURE
    return f"the certificate is trusted, and valid until {tried.ends}"


def _broken(connection: Connection, tried: Handshake) -> SetupProblem:
    host, _ = probe.endpoint(connection)
    match tried.verify_code:
        case code if code in _UNKNOWN:
            own = "itself" if code == 18 else "an authority that this job does not know"  # noqa: PLR2004 - X509_V_ERR
            return _unreachable(
                "certificate-unknown",
                f"the certificate is signed by {own}",
                "put the authority's certificate, or the server's own, into <RELEASE_ARGOCD_CA>",
            )
        case code if code == _EXPIRED:
            return _unreachable(
                "certificate-expired", "the certificate of the server has expired", "renew the certificate"
            )
        case code if code == _NOT_YET:
            return _unreachable(
                "certificate-early", "the certificate of the server is not valid yet", "check both clocks"
            )
        case code if code in {probe.OTHER_NAME, _IP}:
            names = one_line(", ".join(tried.names) or "another name", limit=300)
            return _unreachable(
                "certificate-name",
                f"the certificate is not for {host}: it is for {names}",
                "set <ARGOCD_SERVER> to one of these names, or issue a certificate for this name",
            )
        case _:
            return _no_tls(connection, tried.error)


def _no_tls(connection: Connection, error: str) -> SetupProblem:
    if error == "timeout":
        return _unreachable(
            "tls-silent",
            f"a server accepts the connection and then does not respond for {DOCTOR_CALL:.0f} s",
            "check the port in <ARGOCD_SERVER>, and whether argocd-server hangs",
        )
    if re.search(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|RECORD_LAYER|PACKET_LENGTH", error):
        return _plaintext()
    if "cannot be read" in error:
        return SetupProblem(
            code="options-file", message=one_line(error), fix="check the paths in the options", outcome=Outcome.SETTINGS
        )
    if "reset" in error.lower() or "EOF" in error:
        return _plaintext() if _speaks_plaintext(connection) else _reset()
    return _unreachable("tls-failed", f"the TLS handshake failed: {one_line(error)}", "check what listens at that port")


def _speaks_plaintext(connection: Connection) -> bool:
    """Return whether Argo CD answers without TLS.

    With `--insecure` argocd-server closes a TLS connection at once (argo-cd v2.13.2 server/server.go). Neither the
    token nor a header of the options is sent.
    """
    root = connection.options.get("--grpc-web-root-path", "")
    opts = "--plaintext" + (f" --grpc-web-root-path {shlex.quote(root)}" if root else "")
    with Prober(Connection(server=connection.server, auth_token="", opts=opts)) as prober:
        return bool(version(prober.get("/api/version")))


def _plaintext() -> SetupProblem:
    return _unreachable(
        "tls-missing", "the server speaks plaintext, not TLS", "add the option --plaintext, or use its TLS port"
    )


def talks(connection: Connection, environ: Mapping[str, str], stack: ExitStack) -> str | SetupProblem:
    """Return how the argocd CLI reaches Argo CD, or why it does not; ``stack`` ends it if it still runs."""
    web = "--grpc-web-root-path" in connection.options or connection.options.get("--grpc-web") == "true"
    try:
        argocd = stack.enter_context(ArgoCD({**environ, **connection.environ}, echo=lambda _: None))
        said = argocd.all_said("version", "--short", seconds=DOCTOR_PROCESS)
    except ArgoCDError as error:
        return SetupProblem(
            code="argocd-fails",
            message=f"the argocd command does not reach Argo CD: {one_line(error.message, limit=300)}",
            fix="if a proxy in between does not carry gRPC, add the option --grpc-web",
            outcome=Outcome.UNREACHABLE,
        )
    except ProgramMissingError as error:
        return SetupProblem(code="argocd-missing", message=str(error), fix=error.hint, outcome=Outcome.SETTINGS)
    if not web and _WEB_ADVICE in said:
        return SetupProblem(
            code="grpc-blocked",
            message="gRPC does not reach Argo CD: every argocd command first tries gRPC, fails, and then uses gRPC-Web",
            fix="add the option --grpc-web",
        )
    if distance := versions.apart(*versions.read(said)):
        return SetupProblem(code="versions-apart", message=distance, fix="use an argocd of the server's version")
    return "the argocd command reaches Argo CD over gRPC-Web" if web else "the argocd command reaches Argo CD over gRPC"


def answers(connection: Connection, prober: Prober) -> str | SetupProblem:
    """Whether it is Argo CD that answers over HTTP, or what else does."""
    answer = prober.get("/api/version")
    if version(answer):
        return "Argo CD answers"
    return _client_certificate(answer) or _elsewhere(connection, prober, answer) or _else(answer)


def version(answer: Answer) -> str:
    """Argo CD's version, from its answer to /api/version; ``""`` if that is none of Argo CD's."""
    try:
        found = str(as_object(parse_json(answer.body)).get("Version") or "")
    except ValueError:
        return ""
    return one_line(found, limit=60) if answer.status == 200 and _VERSION.match(found) else ""  # noqa: PLR2004 - HTTP's


def supported(found: str) -> str | list[SetupProblem]:
    """What is known against that version of the server."""
    match = _VERSION.match(found)
    if match is None:
        return f"Argo CD {found}"
    major, minor, patch = map(int, match.groups())
    # One finding: a version that gets no fixes has a fix for neither.
    fixed = _LEAKING.get((major, minor))
    if (major, minor) >= _LEAKING_SINCE and (patch < fixed if fixed is not None else (major, minor) < (2, 13)):
        return [
            SetupProblem(
                code="server-leaks-credentials",
                message=f"Argo CD {found} shows the credentials of a project's repositories to every token with the "
                "right `projects, get` (CVE-2025-55190)",
                fix="update Argo CD to 3.1.2 or newer (2.13.9, 2.14.16 and 3.0.14 fix it too, but these release "
                "lines get no further fixes)",
            )
        ]
    if major < 3:  # noqa: PLR2004 - the last line that is still maintained begins there
        return [
            SetupProblem(
                code="server-unmaintained",
                message=f"Argo CD {major}.{minor} gets no more fixes",
                fix="update to Argo CD 3",
            )
        ]
    return f"Argo CD {found}"


def _client_certificate(answer: Answer) -> SetupProblem | None:
    if not re.search(r"CERTIFICATE_REQUIRED|certificate required|HANDSHAKE_FAILURE|bad certificate", answer.error):
        return None
    return _unreachable(
        "client-certificate",
        "the server asks for a certificate of the client",
        "add the options --client-crt FILE and --client-crt-key FILE",
    )


def _elsewhere(connection: Connection, prober: Prober, answer: Answer) -> SetupProblem | None:
    """Whether Argo CD is there, under another path."""
    if not answer.status or answer.status >= 500:  # noqa: PLR2004 - HTTP's
        return None
    root = connection.options.get("--grpc-web-root-path", "").strip("/")
    base = connection.address.removesuffix(f"/{root}") if root else connection.address
    for path in ("", *_PATHS):
        if path.strip("/") != root and version(prober.get(f"{base}{path}/api/version")):
            fix = f"add the option --grpc-web-root-path {path}" if path else "leave --grpc-web-root-path out"
            where = f"under the path {path}" if path else "at the root of this address, not under a path"
            return _unreachable("path", f"Argo CD is {where}", fix)
    return None


def _else(answer: Answer) -> SetupProblem:
    """What it is that answers, if not Argo CD."""
    if not answer.status:
        why = one_line(answer.error, limit=200)
        return _unreachable(
            "http-silent", f"no answer over HTTP: {why}", "find the proxy or firewall that closes the connection"
        )
    title = one_line("".join(_TITLE.findall(answer.body)[:1]), limit=80)
    said = f"{answer.body[:2000]} {title} {answer.location}".lower()
    by = f" by {one_line(answer.server, limit=40)}" if answer.server else ""
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's
        return _redirected(answer, said)
    if "gitlab" in said:
        return _gitlab()
    if "cloudflare access" in said:
        return _login("Cloudflare Access")
    if '"kind":"status"' in said.replace(" ", "").replace("\n", ""):
        return _unreachable(
            "kubernetes", "this is the API server of Kubernetes, not Argo CD", "<ARGOCD_SERVER> must be argocd-server's"
        )
    match answer.status:
        case 401 | 403 | 407:
            return _unreachable(
                "forbidden",
                f"a proxy refuses the request{by}: HTTP {_status(answer.status, title)}",
                "allow the runner's address in the proxy, or send the header that the proxy expects with --header",
            )
        case 404:
            return _unreachable(
                "not-found",
                f"there is no Argo CD at this address: HTTP {_status(404, title)}",
                "check the host in <ARGOCD_SERVER>. If Argo CD is served under a path, add --grpc-web-root-path /PATH",
            )
        case 502 | 503 | 504:
            return _unreachable(
                "gateway",
                f"the ingress answers, but nothing behind it does: HTTP {_status(answer.status, title)}",
                "check that argocd-server runs, and the port and protocol by which the ingress reaches it",
            )
        case status:
            shown = f"a page “{title}”" if title else "something else"
            return _unreachable(
                "not-argocd",
                f"{shown} answers, not Argo CD (HTTP {status})",
                "check <ARGOCD_SERVER>, and whether a login page or a captive portal is in between",
            )


def _status(status: int, title: str) -> str:
    """Return the status with the title of the page, which often begins with the status."""
    return f"{status} {title.removeprefix(str(status)).strip()}".strip()


def _redirected(answer: Answer, said: str) -> SetupProblem:
    location = one_line(answer.location, limit=200)
    try:
        target = urlsplit(answer.location)
    except ValueError:
        target = urlsplit("")
    if "users/sign_in" in said or "gitlab" in (target.hostname or ""):
        return _gitlab()
    if "cdn-cgi/access" in said or "cloudflareaccess" in said:
        return _login("Cloudflare Access")
    if target.scheme == "https" and target.path.endswith("/api/version"):
        return _unreachable("redirects-to-tls", "the server redirects to https", "leave --plaintext out")
    return _login(target.hostname or location)


def _gitlab() -> SetupProblem:
    return _unreachable("gitlab", "this is GitLab, not Argo CD", "set <ARGOCD_SERVER> to Argo CD's host")


def _login(whose: str) -> SetupProblem:
    return _unreachable(
        "login-page",
        f"a login page answers instead of Argo CD: {whose}",
        "send a service token that the login page accepts with --header 'Name: value', or use an "
        "address without a login page",
    )


def _reset() -> SetupProblem:
    return _unreachable(
        "connection-reset",
        "the connection is closed as soon as it is made",
        "check the firewalls and IP allow lists between the runner and Argo CD, and that each proxy "
        "in between has a backend",
    )


def _unreachable(code: str, message: str, fix: str) -> SetupProblem:
    return SetupProblem(code=code, message=message, fix=fix, outcome=Outcome.UNREACHABLE)


# GitLab takes an environment's URL of up to 255 characters.
ADDRESS_LIMIT: Final = 255


def public_address(connection: Connection) -> str:
    """Return the ``url`` of Argo CD's settings, without a slash at its end, or ``""`` if it is no web address.

    The address that the runner uses can be one of the cluster, which no browser outside reaches. The settings need no
    token (argo-cd v2.13.2 server/settings/settings.go).
    """
    with Prober(connection) as prober:
        answer = prober.get("/api/v1/settings")
    try:
        url = str(as_object(parse_json(answer.body)).get("url") or "").rstrip("/")
    except ValueError:
        return ""
    is_plain = len(url) <= ADDRESS_LIMIT and WEB.fullmatch(url) is not None and "@" not in url
    return url if is_plain else ""
