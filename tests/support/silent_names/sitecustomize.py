"""Loaded by the Python of a job whose name server does not respond: names below ``.silent`` are looked up for ever."""

import socket
import time
from typing import Any

_resolve = socket.getaddrinfo


def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    """Look the host up, unless the name server is silent about it."""
    if str(host).endswith(".silent"):
        time.sleep(600)
    return _resolve(host, *arguments, **options)


socket.getaddrinfo = getaddrinfo
