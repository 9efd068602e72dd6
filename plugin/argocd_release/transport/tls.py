"""TLS contexts: which certificates are trusted, and which certificate identifies the job."""

import ssl
from collections.abc import Iterable


def tls_context(
    *, authorities: Iterable[str] = (), certificate: str = "", key: str = "", verify: bool = True
) -> ssl.SSLContext:
    """Return a context that trusts the authorities of this machine and those in the PEM files.

    Args:
        authorities: paths of PEM files.
        certificate: path of the client's certificate; it is used only together with ``key``.
        key: path of the client's private key.
        verify: False accepts every server.

    Raises:
        OSError: a file cannot be read, or does not hold what it must.
    """
    context = ssl.create_default_context()
    if verify:
        for path in authorities:
            context.load_verify_locations(path)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate and key:
        context.load_cert_chain(certificate, key)
    return context
