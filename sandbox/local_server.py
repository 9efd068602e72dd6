"""Run a server of the standard library in a thread of this process."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(server: socketserver.TCPServer) -> Iterator[int]:
    """Run the server during the ``with`` block, and yield its port. Requests can outlive the block."""
    if isinstance(server, socketserver.ThreadingMixIn):
        server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
