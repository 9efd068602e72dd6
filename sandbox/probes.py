"""Call components over HTTP, without verification of certificates and without a proxy."""

import socket
import ssl
import urllib.request

from sandbox.layout import ADDRESS


def call(
    method: str, url: str, *, token: str = "", body: bytes | None = None, kind: str = "", seconds: float = 1.0
) -> bytes:
    """Send a request, and return the body of the response.

    Args:
        method: the HTTP method.
        url: the URL.
        token: a bearer token, or an empty string.
        body: the body of the request.
        kind: the content type of the body.
        seconds: the timeout.

    Raises:
        OSError: the request has failed, or the status of the response is an error.
    """
    # Do not verify certificates, because the components create self-signed ones at each start.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = ({"Authorization": f"Bearer {token}"} if token else {}) | ({"Content-Type": kind} if kind else {})
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - our own URLs
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=seconds) as response:
        found: bytes = response.read()
        return found


def answers(url: str, *, token: str = "") -> bool:
    """Return True if a GET request to the URL succeeds within a second."""
    try:
        call("GET", url, token=token)
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    """Return True if a process on this machine accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((ADDRESS, port)) == 0
