"""Argo CD's real API server in its insecure mode, in addition to the one of the sandbox."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.components import components
from sandbox.probes import answers
from sandbox.sandbox import Sandbox
from tests.support.entrances import free_port
from tests.support.waiting import eventually


@contextmanager
def insecure_server(sandbox: Sandbox) -> Iterator[str]:
    """Run argocd-server with --insecure, and yield its host and port.

    In this mode, it speaks plaintext and closes TLS connections.
    """
    port, metrics = free_port(), free_port()
    server = next(each for each in components(sandbox.layout) if each.name == "argocd-server")
    command = [re.sub(r"^--port=\d+$", f"--port={port}", flag) for flag in server.command]
    command = [re.sub(r"^--metrics-port=\d+$", f"--metrics-port={metrics}", flag) for flag in command]
    environ = sandbox.layout.environ(os.environ.get("PATH", "")) | {"KUBECONFIG": str(sandbox.layout.kubeconfig)}
    process = subprocess.Popen(
        [*command, "--insecure"],
        env=environ | server.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: answers(f"http://localhost:{port}/healthz"))
        yield f"localhost:{port}"
    finally:
        process.kill()
        process.wait()
