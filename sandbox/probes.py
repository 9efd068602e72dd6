"""Call components over HTTP, without a certificate authority or a proxy."""

import socket
import ssl
import urllib.request

from sandbox.layout import ADDRESS


def call(
    method: str, url: str, *, token: str = "", body: bytes | None = None, kind: str = "", seconds: float = 1.0
) -> bytes:
    """Return the body of the answer; raise ``OSError``, also if the status is not a success.

    ``body`` has the content type ``kind``.
    """
    # The components sign their own certificates at each start, so no CA could verify them.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = ({"Authorization": f"Bearer {token}"} if token else {}) | ({"Content-Type": kind} if kind else {})
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - our own URLs
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=seconds) as response:
        found: bytes = response.read()
        return found


def answers(url: str, *, token: str = "") -> bool:
    """Return True if a GET of the URL succeeds within a second."""
    try:
        call("GET", url, token=token)
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    """Return True if a process on this machine accepts connections at the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((ADDRESS, port)) == 0
