"""A repository of Helm charts over plain HTTP."""

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
    """A handler that serves the files of a chart repository."""

    def __init__(self, *args: Any, repository: "ChartRepository", **options: Any) -> None:
        self._repository = repository
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """Serve a file or, while the repository is away, count the request and respond with 503."""
        if self._repository.away:
            self._repository.refused += 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Print nothing, so that the log of a test stays free of this server."""


class ChartRepository:
    """A chart repository at ``url``, which runs until ``close`` is called or the process ends.

    Attributes:
        away: while this is True, the server responds to all requests with 503.
        refused: the number of requests to which it has responded with 503.
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
        """Package a chart with ``helm package``, and add it to the index of the repository.

        Args:
            chart: the name of the chart.
            version: its version.
            files: the content of its files by path, as returned by ``manifests.helm_chart``.

        Raises:
            CommandError: helm has failed.
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
        """Stop the server. Connections are refused afterwards."""
        self._server.shutdown()
        self._server.server_close()

    def _index(self) -> None:
        self._helm("repo", "index", str(self._folder))

    def _helm(self, *arguments: str) -> None:
        environ = self._layout.environ(os.environ.get("PATH", ""))
        commands.run([str(self._layout.programs["helm"]), *arguments], environ=environ)
