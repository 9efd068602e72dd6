"""Every way to Argo CD that the guide describes, through a real proxy, and every way to miss it.

The rows are run some at a time, for most of them wait.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import pytest

from argocd_release.messages import argocd as texts
from argocd_release.messages import doctor as messages
from sandbox.sandbox import Sandbox
from scenarios.dsl import literal
from tests.support import entrances
from tests.support.entrances import ACCESS_ID, ACCESS_SECRET, Entrances
from tests.support.faults import Fault, network
from tests.support.job import Release, Running

ACCESS: Final = f"--header 'CF-Access-Client-Id: {ACCESS_ID},CF-Access-Client-Secret: {ACCESS_SECRET}'"
CA: Final = "--server-crt {authority}"
OWN: Final = "--server-crt {argocd}"
WEB: Final = f"--grpc-web {CA}"
AT_ONCE: Final = 4
# A grace of 2 s, the least time for a look, what the doctor asks; the rest is for a machine that others use too.
BLOCKED_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """An entrance, the options and the variables that lead through it; of these {…} are files.

    ``exit_code``, and what the log must say and must not.
    """

    entrance: str
    options: str = WEB
    environ: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    said: str = ""
    # The API is reached as the CLI is: pods are looked at through it.
    unsaid: str = "cannot see pods"


def blocked(entrance: str, options: str = WEB, said: str = "") -> Row:
    return Row(entrance=entrance, options=options, exit_code=30, said=said, environ={"RELEASE_CONNECT_GRACE": "2"})


ROWS: Final[Mapping[str, Row]] = {
    "TLS passes through, gRPC": Row(entrance="passthrough", options=OWN),
    "TLS passes through, gRPC-Web": Row(entrance="passthrough", options=f"--grpc-web {OWN}"),
    "TLS passes through, nobody checks the certificate": Row(
        entrance="passthrough", options="--insecure", said=f"warning: {messages.INSECURE.fill()}"
    ),
    "TLS ends at the ingress, HTTP/1.1 behind it": Row(entrance="terminated"),
    "TLS ends at the ingress, HTTP/2 behind it": Row(entrance="terminated-h2", options=CA),
    "HTTP/1.1 only, as a tunnel": Row(entrance="http1-only"),
    "a gRPC client is helped where only gRPC-Web can pass": Row(entrance="terminated", options=CA),
    "under a path": Row(entrance="under-a-path", options=f"--grpc-web-root-path /argocd {CA}"),
    "headers of a service token": Row(entrance="access", options=f"{WEB} {ACCESS}"),
    "headers, else a login page": Row(entrance="access-login", options=f"{WEB} {ACCESS}"),
    "a certificate of the client": Row(
        entrance="client-certificate", options=f"{WEB} --client-crt {{client}} --client-crt-key {{client_key}}"
    ),
    "plaintext in the cluster": Row(entrance="plaintext", options="--plaintext --grpc-web"),
    "plaintext in the cluster, gRPC": Row(entrance="plaintext-h2", options="--plaintext"),
    "a slow way": Row(entrance="slow"),
    "streams are cut when idle": Row(entrance="cuts-idle-streams"),
    "a private authority as text": Row(
        entrance="terminated", options="--grpc-web", environ={"RELEASE_ARGOCD_CA": "{authority_text}"}
    ),
    "a private authority in one line": Row(
        entrance="terminated", options="--grpc-web", environ={"RELEASE_ARGOCD_CA": "{authority_line}"}
    ),
    "a private authority in a file": Row(
        entrance="terminated", options="--grpc-web", environ={"RELEASE_ARGOCD_CA": "{authority}"}
    ),
    # As a variable of type File has it, with an editor's line feed at its end.
    "a token in a file": Row(entrance="terminated", environ={"ARGOCD_AUTH_TOKEN": "{token}"}),
    # Argocd takes none of them for gRPC-Web over TLS (argo-cd v2.13.2 pkg/apiclient/apiclient.go:270-278).
    **{
        f"a proxy that is not there, {name}": Row(
            entrance="terminated",
            environ={name: "http://localhost:{nobody}"},
            said=f"warning: {messages.PROXY_IGNORED.fill(variables=name)}",
        )
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY")
    },
    "the authority is not known": blocked("terminated", "--grpc-web", texts.CERTIFICATE_UNKNOWN.fill()),
    "the authority is not known, gRPC": blocked("passthrough", "", "x509: "),
    "an expired certificate": blocked("expired", said=texts.CERTIFICATE_EXPIRED.fill()),
    "a certificate for another name": blocked("wrong-name", said="certificate is valid for argocd.example.com"),
    "no certificate of the client": blocked("client-certificate", said=texts.CLIENT_CERTIFICATE.fill()),
    "plaintext on a port of TLS": blocked("terminated", "--plaintext --grpc-web", texts.TLS_UNWANTED.fill()),
    "TLS on a port of plaintext": blocked("plaintext", "--grpc-web", "add the option --plaintext"),
    "without its path": blocked("under-a-path", said=texts.PATH_NEEDED.fill_hint(path="/argocd")),
    "a page that forbids": blocked("forbidden", said=texts.FORBIDDEN.fill(proxy=texts.PROXY.text, status=403)),
    "a page that knows nothing": blocked("missing", said=texts.NOT_FOUND.fill(status=404)),
    "a gateway without anything behind it": blocked("bad-gateway", said="HTTP 502"),
    "a gateway that is overloaded": blocked("unavailable", said="HTTP 503"),
    "a guest portal's page": blocked("portal", said="Welcome to Guest WiFi"),
    "a login page": blocked("access-login", said=texts.LOGIN_PAGE.fill(site="Cloudflare Access")),
    "GitLab instead of Argo CD": blocked("gitlab", said=texts.GITLAB.fill()),
    "connections are reset": blocked("resets", said=texts.CONNECTION_RESET.fill()),
    **{
        f"{words}, {protocol}": blocked(f"@{where}", options, said)
        for where, words, said in (
            ("hole", "packets vanish", "a firewall drops the packets"),
            ("silence", "whoever answers says nothing", "the server accepts the connection, but does not respond"),
            ("nobody", "nothing listens", "refuses connections"),
        )
        for protocol, options in (("gRPC", ""), ("gRPC-Web", "--grpc-web"))
    },
    "every packet is late": Row(entrance=f"@{Fault.LATENCY.value}"),
    "every packet is late, gRPC": Row(entrance="@late gRPC", options=CA),
    "answers trickle in": Row(entrance=f"@{Fault.TRICKLE.value}"),
    "nothing comes back": blocked(f"@{Fault.HALF_OPEN.value}", said="but does not respond"),
    "nothing comes back, gRPC": blocked(f"@{Fault.HALF_OPEN.value}", CA, "but does not respond"),
}


@pytest.fixture(scope="module")
def servers(ways: Entrances) -> Iterator[Mapping[str, str]]:
    """Yield the address of each entrance; those of a network that misbehaves begin with @."""
    with ExitStack() as stack:
        found = {name: ways.server(name) for name in ways.ports}
        found["@hole"] = stack.enter_context(entrances.hole())
        found["@silence"] = stack.enter_context(entrances.silence())
        found["@nobody"] = f"localhost:{entrances.free_port()}"
        for fault in Fault:
            made = stack.enter_context(network(ways.ports["terminated"], fault))
            found[f"@{fault.value}"] = made.server
        found["@late gRPC"] = stack.enter_context(network(ways.ports["terminated-h2"], Fault.LATENCY)).server
        yield found


@pytest.fixture(scope="module")
def run(
    sandbox: Sandbox,
    ways: Entrances,
    servers: Mapping[str, str],
    delivered: str,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[str], Release]]:
    """Return the run of a row. The runs of all chosen tests start together."""
    folder = ways.authority.parent / "jobs"
    folder.mkdir()
    (folder / "token").write_text(f"{sandbox.ci_token}\n")
    text = ways.authority.read_text("utf-8")
    known = {
        "authority": str(ways.authority), "authority_text": text, "argocd": str(sandbox.certificate),
        "authority_line": text.strip().replace("\n", "\\n"), "client": str(ways.client),
        "client_key": str(ways.client_key), "token": str(folder / "token"), "nobody": servers["@nobody"].partition(":")[2],
    }  # fmt: skip

    def one(name: str) -> Release:
        row = ROWS[name]
        own = folder / str(list(ROWS).index(name))
        own.mkdir()
        environ = {"ARGOCD_APP_NAME": delivered, "RELEASE_TIMEOUT": "60", "ARGOCD_SERVER": servers[row.entrance]}
        environ["ARGOCD_OPTS"] = row.options.format(**known)
        changed = {key: value.format(**known) for key, value in row.environ.items()}
        return Running(sandbox.environment() | environ | changed, own).end()

    names = [item.name.removeprefix("test_way_in[").removesuffix("]") for item in request.session.items]
    chosen = [name for name in names if name in ROWS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs: dict[str, Future[Release]] = {name: pool.submit(one, name) for name in chosen}
        yield lambda name: runs[name].result()


@pytest.mark.parametrize("name", ROWS)
def test_way_in(sandbox: Sandbox, run: Callable[[str], Release], name: str) -> None:
    row, ended = ROWS[name], run(name)

    assert ended.exit_code == row.exit_code, ended.log
    assert row.said in ended.log
    assert row.unsaid not in ended.log
    assert sandbox.ci_token not in ended.log
    if row.exit_code:
        assert literal(messages.HINT) in ended.log
        assert ended.seconds < BLOCKED_SECONDS
