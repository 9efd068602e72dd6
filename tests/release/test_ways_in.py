"""Every way to Argo CD that the guide describes, through a real proxy, and every way to miss it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox
from tests.support import entrances
from tests.support.entrances import ACCESS_ID, ACCESS_SECRET, Entrances
from tests.support.job import Release

Run = Callable[..., Release]
ACCESS = f"--header 'CF-Access-Client-Id: {ACCESS_ID},CF-Access-Client-Secret: {ACCESS_SECRET}'"
CA = "--server-crt {authority}"
OWN = "--server-crt {argocd}"


@dataclass(frozen=True, kw_only=True)
class Way:
    """An entrance, and the options that lead through it; of these {…} are files."""

    entrance: str
    options: str


WAYS = {
    "TLS passes through, gRPC": Way(entrance="passthrough", options=OWN),
    "TLS passes through, gRPC-Web": Way(entrance="passthrough", options=f"--grpc-web {OWN}"),
    "TLS passes through, nobody checks the certificate": Way(entrance="passthrough", options="--insecure"),
    "TLS ends at the ingress, HTTP/1.1 behind it": Way(entrance="terminated", options=f"--grpc-web {CA}"),
    "TLS ends at the ingress, HTTP/2 behind it": Way(entrance="terminated-h2", options=CA),
    "HTTP/1.1 only, as a tunnel": Way(entrance="http1-only", options=f"--grpc-web {CA}"),
    "a gRPC client is helped where only gRPC-Web can pass": Way(entrance="terminated", options=CA),
    "under a path": Way(entrance="under-a-path", options=f"--grpc-web-root-path /argocd {CA}"),
    "headers of a service token": Way(entrance="access", options=f"--grpc-web {CA} {ACCESS}"),
    "headers, else a login page": Way(entrance="access-login", options=f"--grpc-web {CA} {ACCESS}"),
    "a certificate of the client": Way(
        entrance="client-certificate",
        options=f"--grpc-web {CA} --client-crt {{client}} --client-crt-key {{client_key}}",
    ),
    "plaintext in the cluster": Way(entrance="plaintext", options="--plaintext --grpc-web"),
    "plaintext in the cluster, gRPC": Way(entrance="plaintext-h2", options="--plaintext"),
    "a slow way": Way(entrance="slow", options=f"--grpc-web {CA}"),
    "streams are cut when idle": Way(entrance="cuts-idle-streams", options=f"--grpc-web {CA}"),
}


@pytest.fixture
def filled(sandbox: Sandbox, ways: Entrances) -> Callable[[str], str]:
    """Options with the files in their places."""
    files = {
        "authority": ways.authority,
        "argocd": sandbox.certificate,
        "client": ways.client,
        "client_key": ways.client_key,
    }
    return lambda options: options.format(**files)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_way_in(release: Run, ways: Entrances, filled: Callable[[str], str], delivered: str, way: Way) -> None:
    ended = release(delivered, ARGOCD_SERVER=ways.server(way.entrance), ARGOCD_OPTS=filled(way.options))

    assert ended.exit_code == 0, ended.log
    # The API is reached as the CLI is: pods are looked at through it.
    assert "pods are not looked at" not in ended.log


def test_a_private_authority(release: Run, ways: Entrances, delivered: str) -> None:
    """For argocd and for the API alike: as text, in one line, and as a file."""
    text = ways.authority.read_text("utf-8")
    for given in (text, text.strip().replace("\n", "\\n"), str(ways.authority)):
        server = ways.server("terminated")

        ended = release(delivered, ARGOCD_SERVER=server, ARGOCD_OPTS="--grpc-web", RELEASE_ARGOCD_CA=given)

        assert ended.exit_code == 0, ended.log
        assert "pods are not looked at" not in ended.log


def test_a_token_in_a_file(sandbox: Sandbox, release: Run, delivered: str, tmp_path: Path) -> None:
    """As a variable of type File has it, with an editor's line feed at its end."""
    file = tmp_path / "ARGOCD_AUTH_TOKEN"
    file.write_text(sandbox.ci_token + "\n")

    ended = release(delivered, ARGOCD_AUTH_TOKEN=str(file))

    assert ended.exit_code == 0, ended.log
    assert sandbox.ci_token not in ended.log


BLOCKED = {
    "the authority is not known": ("terminated", "--grpc-web", "certificate signed by unknown authority"),
    "the authority is not known, gRPC": ("passthrough", "", "x509: "),
    "an expired certificate": ("expired", f"--grpc-web {CA}", "certificate has expired"),
    "a certificate for another name": ("wrong-name", f"--grpc-web {CA}", "certificate is valid for argocd.example.com"),
    "no certificate of the client": ("client-certificate", f"--grpc-web {CA}", "certificate required"),
    "plaintext on a port of TLS": ("terminated", "--plaintext --grpc-web", "EOF"),
    "TLS on a port of plaintext": ("plaintext", "--grpc-web", "server gave HTTP response to HTTPS client"),
    "without its path": ("under-a-path", f"--grpc-web {CA}", "404"),
    "a page that forbids": ("forbidden", f"--grpc-web {CA}", "403"),
    "a page that knows nothing": ("missing", f"--grpc-web {CA}", "404"),
    "a gateway without anything behind it": ("bad-gateway", f"--grpc-web {CA}", "502"),
    "a gateway that is overloaded": ("unavailable", f"--grpc-web {CA}", "503"),
    "a guest portal's page": ("portal", f"--grpc-web {CA}", ""),
    "a login page": ("access-login", f"--grpc-web {CA}", ""),
    "GitLab instead of Argo CD": ("gitlab", f"--grpc-web {CA}", ""),
    "connections are reset": ("resets", f"--grpc-web {CA}", ""),
}


@pytest.mark.parametrize("blocked", BLOCKED.values(), ids=BLOCKED)
def test_way_that_is_blocked(
    release: Run,
    ways: Entrances,
    filled: Callable[[str], str],
    delivered: str,
    blocked: tuple[str, str, str],
) -> None:
    entrance, options, said = blocked
    ended = release(
        delivered, ARGOCD_SERVER=ways.server(entrance), ARGOCD_OPTS=filled(options), RELEASE_CONNECT_GRACE="2"
    )

    assert ended.exit_code == 30, ended.log
    assert said in ended.log
    assert "`argocd-release doctor` checks the whole chain" in ended.log
    assert ended.seconds < 20


@pytest.mark.parametrize("options", ["--grpc-web", ""], ids=["gRPC-Web", "gRPC"])
@pytest.mark.parametrize("where", ["hole", "silence", "nobody"])
def test_nobody_answers(release: Run, delivered: str, where: str, options: str) -> None:
    with entrances.hole() as hole, entrances.silence() as silence:
        server = {"hole": hole, "silence": silence, "nobody": f"localhost:{entrances.free_port()}"}[where]

        ended = release(delivered, ARGOCD_SERVER=server, ARGOCD_OPTS=options, RELEASE_CONNECT_GRACE="3")

    assert ended.exit_code == 30, ended.log
    # Two looks, of which each may take a call's 15 s.
    assert ended.seconds < 45


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_that_is_not_there(
    release: Run, ways: Entrances, filled: Callable[[str], str], delivered: str, variable: str
) -> None:
    """Argocd takes none of them for gRPC-Web over TLS (argo-cd v2.13.2 pkg/apiclient/apiclient.go:270-278)."""
    ended = release(
        delivered,
        ARGOCD_SERVER=ways.server("terminated"),
        ARGOCD_OPTS=filled(f"--grpc-web {CA}"),
        **{variable: f"http://localhost:{entrances.free_port()}"},
    )

    assert ended.exit_code == 0, ended.log
