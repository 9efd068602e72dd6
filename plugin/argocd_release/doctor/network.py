"""Check the network between the job and Argo CD layer by layer, and the versions of argocd and Argo CD.

The problem names the first layer that fails.
"""

import re
import shlex
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import urlsplit

from argocd_release.argocd import probe
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Answer, Handshake, Prober
from argocd_release.argocd.tested_versions import TESTED
from argocd_release.core.text import one_line, parse_object
from argocd_release.messages import ProblemMessage, argocd, doctor
from argocd_release.messages import argocd as texts
from argocd_release.model.errors import ArgoCDError, ProgramMissingError, SetupProblem
from argocd_release.model.git import WEB
from argocd_release.model.outcome import Outcome
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import DOCTOR_CALL, DOCTOR_PROCESS

_WEB_ADVICE: Final = "Use flag --grpc-web"
# The codes with which OpenSSL reports why a certificate is not valid (x509_vfy.h).
_EXPIRED, _NOT_YET, _SELF_SIGNED, _IP = 10, 9, 18, 64
_UNKNOWN: Final = frozenset({19, 20, 21})
# URL paths under which Argo CD is often served on a host that it shares with other programs.
_PATHS: Final = ("/argocd", "/argo-cd", "/argo", "/cd")
_TITLE: Final = re.compile(r"<title[^>]{0,100}>([^<]{0,200})", re.IGNORECASE)
_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
# For each minor version of Argo CD, the first patch version that fixes CVE-2025-55190. In earlier versions, a token
# with the right `projects, get` can read the credentials of a project's repositories.
_LEAKING: Final = {(2, 13): 9, (2, 14): 16, (3, 0): 14, (3, 1): 2}
_LEAKING_SINCE: Final = (2, 2)


def resolves(connection: Connection) -> str | SetupProblem:
    """Check that the host name resolves to an address."""
    host, port = probe.endpoint(connection)
    addresses, reason = probe.addresses(host, port)
    if not addresses:
        return _unreachable(texts.NAME_UNKNOWN, host=host, reason=one_line(reason))
    return texts.NAME_RESOLVED.fill(host=host, addresses=", ".join(addresses[:3]))


def connects(connection: Connection) -> str | SetupProblem:
    """Check that a server listens on the port."""
    host, port = probe.endpoint(connection)
    match probe.connects(host, port):
        case "":
            return texts.PORT_OPEN.fill(port=port)
        case "timeout":
            return _unreachable(texts.PORT_SILENT, host=host, port=port, seconds=f"{DOCTOR_CALL:.0f}")
        case reason:
            return _unreachable(texts.PORT_CLOSED, host=host, port=port, reason=one_line(reason))


def passes_proxy(connection: Connection, prober: Prober) -> str | SetupProblem:
    """Check that the HTTP proxy in the settings opens a connection to Argo CD."""
    answer, proxy, server = prober.get("/api/version"), connection.proxy_name, connection.server
    match answer.proxy_status:
        case None:
            return texts.PROXY_PASSES.fill(proxy=proxy)
        case 0:
            return _unreachable(texts.PROXY_DOWN, reason=one_line(answer.error, limit=300))
        case 407:
            return _unreachable(texts.PROXY_ACCOUNT, proxy=proxy)
        case status if status >= 500:  # noqa: PLR2004 - HTTP's
            return _unreachable(texts.PROXY_NO_SERVER, proxy=proxy, server=server, status=status)
        case status:
            return _unreachable(texts.PROXY_FORBIDS, proxy=proxy, server=server, status=status)


def encrypts(connection: Connection) -> str | SetupProblem:
    """Check that a TLS handshake succeeds with the options of argocd, and that the certificate is trusted."""
    if connection.options.get("--plaintext") == "true":
        if not probe.handshake(connection, verify=False).error:
            return _unreachable(texts.TLS_UNWANTED)
        return texts.PLAINTEXT.fill()
    handshake = probe.handshake(connection)
    if handshake.error:
        return _failed_handshake(connection, handshake)
    if connection.options.get("--insecure") == "true":
        return SetupProblem.of(doctor.INSECURE)
    return texts.TRUSTED.fill(end=handshake.ends)


def _failed_handshake(connection: Connection, handshake: Handshake) -> SetupProblem:
    host, _ = probe.endpoint(connection)
    match handshake.verify_code:
        case code if code == _SELF_SIGNED:
            return _unreachable(texts.CERTIFICATE_SELF_SIGNED)
        case code if code in _UNKNOWN:
            return _unreachable(texts.CERTIFICATE_UNKNOWN)
        case code if code == _EXPIRED:
            return _unreachable(texts.CERTIFICATE_EXPIRED)
        case code if code == _NOT_YET:
            return _unreachable(texts.CERTIFICATE_EARLY)
        case code if code in {probe.OTHER_NAME, _IP}:
            names = one_line(", ".join(handshake.names) or texts.ANOTHER_NAME.fill(), limit=300)
            return _unreachable(texts.CERTIFICATE_NAME, host=host, names=names)
        case _:
            return _no_tls(connection, handshake)


def _no_tls(connection: Connection, handshake: probe.Handshake) -> SetupProblem:
    error = handshake.error
    if error == "timeout":
        return _unreachable(texts.TLS_SILENT, seconds=f"{DOCTOR_CALL:.0f}")
    if re.search(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|RECORD_LAYER|PACKET_LENGTH", error):
        return _unreachable(texts.TLS_MISSING)
    if handshake.lacks_file:
        return SetupProblem.of(texts.OPTIONS_FILE, Outcome.SETTINGS, error=one_line(error))
    if "reset" in error.lower() or "EOF" in error:
        return _unreachable(texts.TLS_MISSING if _speaks_plaintext(connection) else texts.CONNECTION_RESET)
    return _unreachable(texts.TLS_FAILED, error=one_line(error))


def _speaks_plaintext(connection: Connection) -> bool:
    """Return True if Argo CD responds without TLS.

    If argocd-server runs with `--insecure`, it closes a TLS connection at once (argo-cd v2.13.2 server/server.go). The
    request is not encrypted, so it contains neither the token nor the headers that the options set.
    """
    root = connection.options.get("--grpc-web-root-path", "")
    opts = "--plaintext" + (f" --grpc-web-root-path {shlex.quote(root)}" if root else "")
    plain = Connection(server=connection.server, auth_token="", opts=opts, proxy=connection.proxy)
    with Prober(plain) as prober:
        return bool(version(prober.get("/api/version")))


def talks(connection: Connection, environ: JobEnvironment, stack: ExitStack) -> str | SetupProblem:
    """Check that the argocd command reaches Argo CD. Closing ``stack`` ends a command that is still running."""
    is_web = "--grpc-web-root-path" in connection.options or connection.options.get("--grpc-web") == "true"
    try:
        argocd = stack.enter_context(ArgoCD({**environ, **connection.environ}, echo=lambda _: None))
        output = argocd.all_output("version", "--short", seconds=DOCTOR_PROCESS)
    except ArgoCDError as error:
        return _unreachable(texts.ARGOCD_FAILS, error=one_line(error.message, limit=300))
    except ProgramMissingError as error:
        return SetupProblem.of(texts.ARGOCD_MISSING, Outcome.SETTINGS, error=error, fix=error.hint)
    if not is_web and _WEB_ADVICE in output:
        return SetupProblem.of(texts.GRPC_BLOCKED)
    if message := version_warning(*read_versions(output)):
        return SetupProblem.of(texts.VERSIONS_APART, message=message)
    return texts.ARGOCD_OVER_WEB.fill() if is_web else texts.ARGOCD_OVER_GRPC.fill()


def answers(connection: Connection, prober: Prober) -> str | SetupProblem:
    """Check that Argo CD responds over HTTP. If another server responds instead, the problem names that server."""
    answer = prober.get("/api/version")
    if version(answer):
        return texts.ARGO_CD_RESPONDS.fill()
    return _client_certificate(answer) or _other_path(connection, prober, answer) or _other_server(answer)


def version(answer: Answer) -> str:
    """Return the version in a response of /api/version, or ``""`` if the response is not from Argo CD."""
    server_version = str(parse_object(answer.body).get("Version") or "")
    return one_line(server_version, limit=60) if answer.status == 200 and _VERSION.match(server_version) else ""  # noqa: PLR2004 - HTTP's


def supported(server_version: str) -> str | list[SetupProblem]:
    """Check that the version of Argo CD is still maintained, and not affected by CVE-2025-55190."""
    match = _VERSION.match(server_version)
    if match is None:
        return texts.VERSION.fill(version=server_version)
    major, minor, patch = map(int, match.groups())
    # Report only the more severe problem, because an upgrade to a newer version solves both.
    fixed = _LEAKING.get((major, minor))
    if (major, minor) >= _LEAKING_SINCE and (patch < fixed if fixed is not None else (major, minor) < (2, 13)):
        return [SetupProblem.of(texts.LEAKS_CREDENTIALS, version=server_version)]
    if major < 3:  # noqa: PLR2004 - 3 is the oldest major version that is still maintained
        return [SetupProblem.of(texts.UNMAINTAINED, version=f"{major}.{minor}")]
    return texts.VERSION.fill(version=server_version)


def _client_certificate(answer: Answer) -> SetupProblem | None:
    if not re.search(r"CERTIFICATE_REQUIRED|certificate required|HANDSHAKE_FAILURE|bad certificate", answer.error):
        return None
    return _unreachable(texts.CLIENT_CERTIFICATE)


def _other_path(connection: Connection, prober: Prober, answer: Answer) -> SetupProblem | None:
    """Return a problem if Argo CD responds under a path other than the configured one, otherwise None."""
    if not answer.status or answer.status >= 500:  # noqa: PLR2004 - HTTP's
        return None
    root = connection.options.get("--grpc-web-root-path", "").strip("/")
    base = connection.address.removesuffix(f"/{root}") if root else connection.address
    for path in ("", *_PATHS):
        if path.strip("/") != root and version(prober.get(f"{base}{path}/api/version")):
            return _unreachable(texts.PATH_NEEDED, path=path) if path else _unreachable(texts.PATH_UNNEEDED)
    return None


def _other_server(answer: Answer) -> SetupProblem:
    """Return the problem that another server responds instead of Argo CD. Name that server if it is known."""
    if not answer.status:
        return _unreachable(texts.HTTP_SILENT, reason=one_line(answer.error, limit=200))
    title = one_line("".join(_TITLE.findall(answer.body)[:1]), limit=80)
    content = f"{answer.body[:2000]} {title} {answer.location}".lower()
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's
        return _redirected(answer, content)
    if "gitlab" in content:
        return _unreachable(texts.GITLAB)
    if "cloudflare access" in content:
        return _unreachable(texts.LOGIN_PAGE, site="Cloudflare Access")
    if '"kind":"status"' in content.replace(" ", "").replace("\n", ""):
        return _unreachable(texts.KUBERNETES)
    match answer.status:
        case 401 | 403 | 407:
            server = one_line(answer.server, limit=40)
            proxy = texts.PROXY_NAMED.fill(server=server) if server else texts.PROXY.fill()
            return _unreachable(texts.FORBIDDEN, proxy=proxy, status=_status(answer.status, title))
        case 404:
            return _unreachable(texts.NOT_FOUND, status=_status(404, title))
        case 502 | 503 | 504:
            return _unreachable(texts.GATEWAY, status=_status(answer.status, title))
        case status:
            page = texts.PAGE_TITLED.fill(title=title) if title else texts.OTHER_PROGRAM.fill()
            return _unreachable(texts.NOT_ARGOCD, page=page, status=status)


def _status(status: int, title: str) -> str:
    """Return the HTTP status and the title of a page on one line. Do not repeat a status that the title begins with."""
    return f"{status} {title.removeprefix(str(status)).strip()}".strip()


def _redirected(answer: Answer, content: str) -> SetupProblem:
    location = one_line(answer.location, limit=200)
    try:
        target = urlsplit(answer.location)
    except ValueError:
        target = urlsplit("")
    if "users/sign_in" in content or "gitlab" in (target.hostname or ""):
        return _unreachable(texts.GITLAB)
    if "cdn-cgi/access" in content or "cloudflareaccess" in content:
        return _unreachable(texts.LOGIN_PAGE, site="Cloudflare Access")
    if target.scheme == "https" and target.path.endswith("/api/version"):
        return _unreachable(texts.REDIRECTS_TO_TLS)
    return _unreachable(texts.LOGIN_PAGE, site=target.hostname or location)


def _unreachable(entry: ProblemMessage, **fields: Any) -> SetupProblem:
    return SetupProblem.of(entry, Outcome.UNREACHABLE, **fields)


# The maximum length in characters that GitLab accepts for the URL of an environment.
ADDRESS_LIMIT: Final = 255


def public_address(connection: Connection) -> str:
    """Ask Argo CD for the URL of its web interface. Return ``""`` if Argo CD returns no usable URL.

    The job's own address of Argo CD can be inside the cluster, where browsers cannot reach it. Argo CD returns its
    settings without a token (argo-cd v2.13.2 server/settings/settings.go).
    """
    with Prober(connection) as prober:
        answer = prober.get("/api/v1/settings")
    url = str(parse_object(answer.body).get("url") or "").rstrip("/")
    is_plain = len(url) <= ADDRESS_LIMIT and WEB.fullmatch(url) is not None and "@" not in url
    return url if is_plain else ""


_MINOR_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.|\b)")
Minor = tuple[int, int]


def read_versions(text: str) -> tuple[str, str]:
    """Parse the output of ``argocd version --short``. Return the server's and the client's version.

    Source: argo-cd v2.13.2 cmd/argocd/commands/version.go.
    """
    named = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return named.get("argocd-server", ""), named.get("argocd", "")


def version_warning(server: str, client: str) -> str:
    """Return a warning if the versions differ more than those of all tested pairs, otherwise an empty string.

    The result is also an empty string if one of the texts is not a version.
    """
    client_minor, server_minor = _minor(client), _minor(server)
    if client_minor is None or server_minor is None or client_minor == server_minor:
        return ""
    # If both versions lie between those of a tested pair, they are compatible, because they differ less than that pair.
    lower, upper = min(client_minor, server_minor), max(client_minor, server_minor)
    for pair in TESTED:
        tested_server, tested_client = map(_minor, pair)
        if tested_server is None or tested_client is None:
            continue
        if (tested_client <= tested_server) != (client_minor <= server_minor):
            continue
        if min(tested_client, tested_server) <= lower and upper <= max(tested_client, tested_server):
            return ""
    tested = ", ".join(argocd.TESTED_PAIR.fill(client=pair[1], server=pair[0]) for pair in TESTED)
    return argocd.NOT_TESTED.fill(client=_shown(client), server=_shown(server), tested=tested)


def _minor(version: str) -> Minor | None:
    match = _MINOR_VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else None


def _shown(version: str) -> str:
    # The version is untrusted text, because the server sends it.
    return one_line(version.removeprefix("v").partition("+")[0], limit=40)
