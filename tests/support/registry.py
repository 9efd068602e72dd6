"""Run a real registry for images, Debian's ``docker-registry``."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support import missing
from tests.support.entrances import free_port
from tests.support.waiting import eventually


@contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """Run a registry that keeps its blobs in the folder, and yield ``HOST:PORT``."""
    if shutil.which("docker-registry") is None:
        missing.skip("there is no registry", "install a registry: apt-get install docker-registry")
    port = free_port()
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with subprocess.Popen(
        ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            eventually(lambda: _responds(f"http://127.0.0.1:{port}/v2/"), seconds=20)
            yield f"127.0.0.1:{port}"
        finally:
            running.terminate()


def _responds(address: str) -> bool:
    """Return True if the address responds with success."""
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.HTTPError:
        return False
