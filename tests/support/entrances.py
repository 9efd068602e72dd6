"""The ways by which a job can reach Argo CD: a real HAProxy with a port, called entrance, for each of them."""

import datetime as dt
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from sandbox.probes import listens

READY_SECONDS: Final = 10.0
ACCESS_ID, ACCESS_SECRET = "job.access", "an-access-secret"
# Pages like those of ingresses, firewalls and login portals.
_PAGE: Final = "<html><head><title>{title}</title></head><body><h1>{title}</h1>{more}</body></html>"
_PAGES: Final[Mapping[str, str]] = {
    "gitlab": _PAGE.format(title="Sign in · GitLab", more='<meta content="GitLab" property="og:site_name">'),
    "portal": _PAGE.format(title="Welcome to Guest WiFi", more="<form action=/accept></form>"),
    "access": _PAGE.format(title="Sign in ・ Cloudflare Access", more=""),
    "forbidden": _PAGE.format(title="403 Forbidden", more="<center>nginx</center>"),
    "missing": _PAGE.format(title="404 Not Found", more="<center>nginx</center>"),
    "bad-gateway": _PAGE.format(title="502 Bad Gateway", more="<center>nginx</center>"),
    "unavailable": _PAGE.format(title="503 Service Temporarily Unavailable", more="<center>nginx</center>"),
}
_ALLOWED: Final = (
    f"{{ req.hdr(CF-Access-Client-Id) {ACCESS_ID} }} {{ req.hdr(CF-Access-Client-Secret) {ACCESS_SECRET} }}"
)
# For each entrance, the options of its port, and HAProxy's rules for requests. Names between @ stand for files.
_PLAIN: Final[Mapping[str, tuple[str, str]]] = {
    "plaintext": ("", "default_backend http1"),
    "plaintext-h2": ("", "default_backend http2"),
    "redirects": ("", "http-request redirect scheme https code 308"),
}
_TLS: Final[Mapping[str, tuple[str, str]]] = {
    "terminated": ("crt @localhost@ alpn h2,http/1.1", "default_backend http1"),
    "terminated-h2": ("crt @localhost@ alpn h2,http/1.1", "default_backend http2"),
    "http1-only": ("crt @localhost@ alpn http/1.1", "default_backend http1"),
    "under-a-path": (
        "crt @localhost@ alpn h2,http/1.1",
        "http-request return status 404 content-type text/html file @missing@ unless { path_beg /argocd/ }\n"
        "  http-request replace-path /argocd(/.*) \\1\n  default_backend http1",
    ),
    "access": (
        "crt @localhost@ alpn h2,http/1.1",
        f"http-request return status 403 content-type text/html file @forbidden@ unless {_ALLOWED}\n"
        "  default_backend http1",
    ),
    "access-login": (
        "crt @localhost@ alpn h2,http/1.1",
        "http-request return status 200 content-type text/html file @access@ if { path /cdn-cgi/access/login }\n"
        f"  http-request redirect location /cdn-cgi/access/login code 302 unless {_ALLOWED}\n"
        "  default_backend http1",
    ),
    "client-certificate": (
        "crt @localhost@ alpn h2,http/1.1 ca-file @authority@ verify required",
        "default_backend http1",
    ),
    "expired": ("crt @expired@ alpn h2,http/1.1", "default_backend http1"),
    "wrong-name": ("crt @wrong-name@ alpn h2,http/1.1", "default_backend http1"),
    "slow": (
        "crt @localhost@ alpn h2,http/1.1",
        "tcp-request inspect-delay 1s\n  tcp-request content accept if WAIT_END\n  default_backend http1",
    ),
    "cuts-idle-streams": ("crt @localhost@ alpn h2,http/1.1", "default_backend impatient"),
    "gitlab": (
        "crt @localhost@ alpn h2,http/1.1",
        "http-request return status 200 content-type text/html file @gitlab@ if { path /users/sign_in }\n"
        "  http-request redirect location /users/sign_in code 302",
    ),
    **{
        name: (
            "crt @localhost@ alpn h2,http/1.1",
            f"http-request return status {status} content-type text/html file @{name}@",
        )
        for name, status in (("portal", 200), ("forbidden", 403), ("missing", 404), ("bad-gateway", 502),
                             ("unavailable", 503))
    },
}  # fmt: skip
_TCP: Final[Mapping[str, str]] = {
    "passthrough": "default_backend passed",
    "resets": "tcp-request connection reject",
}
NAMES: Final = (*_PLAIN, *_TLS, *_TCP)


@dataclass(frozen=True, kw_only=True)
class Entrances:
    """A running HAProxy with the port of each entrance. ``authority``, ``client`` and ``client_key`` are PEM files."""

    ports: Mapping[str, int]
    authority: Path
    client: Path
    client_key: Path

    def server(self, name: str) -> str:
        """Return the value of ARGOCD_SERVER with which a job connects through the entrance."""
        return f"localhost:{self.ports[name]}"


@contextmanager
def entrances(folder: Path, argocd_port: int) -> Iterator[Entrances]:
    """Run HAProxy with all entrances to the Argo CD at this port, until the context ends."""
    found = Entrances(
        ports=dict(zip(NAMES, _free_ports(len(NAMES)), strict=True)),
        authority=folder / "authority.pem",
        client=folder / "client.pem",
        client_key=folder / "client.key",
    )
    files = _write_certificates(folder, found) | {name: folder / f"{name}.html" for name in _PAGES}
    for name, page in _PAGES.items():
        files[name].write_text(page, encoding="utf-8")
    config = folder / "haproxy.cfg"
    config.write_text(_config(found, argocd_port, files), encoding="utf-8")
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=log, stderr=log)
    try:
        _await(process, found, folder / "haproxy.log")
        yield found
    finally:
        process.kill()
        process.wait()


@contextmanager
def hole() -> Iterator[str]:
    """Yield the address of a port that drops packets: its queue is full, so the kernel ignores new connections."""
    with socket.socket() as server, socket.socket() as one, socket.socket() as two:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (one, two):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"localhost:{server.getsockname()[1]}"


@contextmanager
def silence() -> Iterator[str]:
    """Yield the address of a port that accepts connections and never responds."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"localhost:{server.getsockname()[1]}"


def free_port() -> int:
    """Return a port at which no process listens."""
    return _free_ports(1)[0]


def _free_ports(number: int) -> list[int]:
    held = [socket.socket() for _ in range(number)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def _write_certificates(folder: Path, found: Entrances) -> dict[str, Path]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(found.authority))
    now = dt.datetime.now(dt.UTC)
    servers = {
        "localhost": authority.issue_cert("localhost", "127.0.0.1"),
        "wrong-name": authority.issue_cert("argocd.example.com"),
        "expired": authority.issue_cert(
            "localhost", not_before=now - dt.timedelta(days=30), not_after=now - dt.timedelta(days=3)
        ),
    }
    files = {"authority": found.authority}
    for name, made in servers.items():
        files[name] = folder / f"{name}.pem"
        made.private_key_and_cert_chain_pem.write_to_path(str(files[name]))
    client = authority.issue_cert("job.example.com")
    client.cert_chain_pems[0].write_to_path(str(found.client))
    client.private_key_pem.write_to_path(str(found.client_key))
    return files


def _config(found: Entrances, argocd_port: int, files: Mapping[str, Path]) -> str:
    argocd = f"server argocd 127.0.0.1:{argocd_port}"
    parts = [
        "global\n  maxconn 500\ndefaults\n  timeout connect 5s\n  timeout client 120s\n  timeout server 120s",
        f"backend http1\n  mode http\n  {argocd} ssl verify none alpn http/1.1",
        f"backend http2\n  mode http\n  {argocd} ssl verify none alpn h2",
        f"backend impatient\n  mode http\n  timeout server 2s\n  {argocd} ssl verify none alpn http/1.1",
        f"backend passed\n  mode tcp\n  {argocd}",
    ]
    for name, (bind, rules) in {**_PLAIN, **_TLS}.items():
        options = f" ssl {bind}" if name in _TLS else ""
        parts.append(f"frontend {name}\n  mode http\n  bind 127.0.0.1:{found.ports[name]}{options}\n  {rules}")
    for name, rules in _TCP.items():
        parts.append(f"frontend {name}\n  mode tcp\n  bind 127.0.0.1:{found.ports[name]}\n  {rules}")
    text = "\n".join(parts) + "\n"
    for name, file in files.items():
        text = text.replace(f"@{name}@", str(file))
    return text


def _await(process: "subprocess.Popen[bytes]", found: Entrances, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not listens(found.ports["passthrough"]):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"haproxy did not start:\n{log.read_text('utf-8', 'replace')}")
        time.sleep(0.02)
