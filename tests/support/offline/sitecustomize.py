"""Loaded by the Python of every case, so that a process which uses the network or a name server ends with an error.

The loopback address is allowed, because no server listens there. The name of the case's own Argo CD cannot be resolved,
as on a machine without HTTP access to it, so the job reads with the recorded command line.
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
    if host and host == os.environ.get("ARGOCD_SERVER", "").partition(":")[0] != "127.0.0.1":
        raise OSError(f"{host} cannot be resolved in a recorded case")
    if host != "127.0.0.1":
        os.write(2, f"a case asked the network: {event} {host!r}\n".encode())
        os._exit(OFFLINE_EXIT_CODE)


sys.addaudithook(forbid)
