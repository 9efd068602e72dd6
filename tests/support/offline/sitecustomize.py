"""Loaded by the Python of every case: whoever asks a network, a name server included, ends at once and loudly.

This machine's loopback address is no network: nothing listens where a case looks.
"""

import os
import sys

OFFLINE_EXIT_CODE = 97


def forbid(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else address
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    if host != "127.0.0.1":
        os.write(2, f"a case asked the network: {event} {host!r}\n".encode())
        os._exit(OFFLINE_EXIT_CODE)


sys.addaudithook(forbid)
