"""Asking components over HTTP, without a certificate authority or a proxy."""

import socket
import ssl
import urllib.request

from sandbox.layout import ADDRESS


def call(
    method: str, url: str, *, token: str = "", body: bytes | None = None, kind: str = "", seconds: float = 1.0
) -> bytes:
    """What a request is answered with; raises ``OSError``, also for an answer that is no success.

    ``body`` is of the content type ``kind``.
    """
    # The components sign their own certificates at each start, and no CA is loaded that would know them.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = ({"Authorization": f"Bearer {token}"} if token else {}) | ({"Content-Type": kind} if kind else {})
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - our own URLs
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=seconds) as response:
        found: bytes = response.read()
        return found


def answers(url: str, *, token: str = "") -> bool:
    """Whether a GET of the URL is answered with success within a second."""
    try:
        call("GET", url, token=token)
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    """Whether anything on this machine accepts connections at the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((ADDRESS, port)) == 0
