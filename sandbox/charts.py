"""A repository of Helm charts, served over plain HTTP on this machine."""

import os
import tempfile
import threading
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox import commands
from sandbox.layout import ADDRESS, Layout


class _Handler(SimpleHTTPRequestHandler):
    """A handler that serves the files of one repository, unless it is away."""

    def __init__(self, *args: Any, repository: "ChartRepository", **options: Any) -> None:
        self._repository = repository
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """Answer 503 and count the request while the repository is away."""
        if self._repository.away:
            self._repository.refused += 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Print nothing, so that the log of a test stays free of this server."""


class ChartRepository:
    """A repository of charts at ``url``, served until ``close`` or until the process that created it ends.

    Attributes:
        away: the server answers every request with 503 while this is true.
        refused: the number of requests while it was away.
    """

    def __init__(self, layout: Layout, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.away = False
        self.refused = 0
        self._layout, self._folder = layout, folder
        self._server = ThreadingHTTPServer((ADDRESS, 0), partial(_Handler, directory=str(folder), repository=self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://{ADDRESS}:{self._server.server_port}"
        self._index()

    def publish(self, chart: str, version: str, files: Mapping[str, str]) -> None:
        """Package the files with ``helm package`` and index them; raise ``CommandError``.

        ``files`` are those of the chart's own folder, see ``manifests.helm_chart``.
        """
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = Path(folder) / chart / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
            self._helm("package", str(Path(folder) / chart), "--version", version, "--destination", str(self._folder))
        self._index()

    def source(self, chart: str, version: str, **fields: Any) -> dict[str, Any]:
        """Return the source of an application. ``version`` can be a range, such as ``1.2.*``."""
        return {"repoURL": self.url, "chart": chart, "targetRevision": version} | fields

    def close(self) -> None:
        """Stop serving, like a server that is down."""
        self._server.shutdown()
        self._server.server_close()

    def _index(self) -> None:
        self._helm("repo", "index", str(self._folder))

    def _helm(self, *arguments: str) -> None:
        environ = self._layout.environ(os.environ.get("PATH", ""))
        commands.run([str(self._layout.programs["helm"]), *arguments], environ=environ)
