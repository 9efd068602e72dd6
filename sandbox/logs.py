"""Write the logs of containers, which kwok serves in place of the kubelet."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sandbox.layout import Layout

LINES: Final = ("connecting to database at db:5432", "cannot connect to database at db:5432: connection refused")
# Kubernetes allows neither of these names.
_ALL_PODS: Final = "_pods"
_ALL_CONTAINERS: Final = "_containers"
_PREVIOUS: Final = ".previous"

Line = str | bytes


def write(
    layout: Layout,
    namespace: str,
    lines: Iterable[Line],
    *,
    previous: Iterable[Line] | None = None,
    pod: str = "",
    container: str = "",
) -> dict[str, Any]:
    """Write the output of these containers; return the object that tells kwok, which must be applied."""
    folder = _folder(layout, namespace) / (pod or _ALL_PODS)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (container or _ALL_CONTAINERS)
    lines = list(lines)
    file.write_bytes(_cri(lines))
    file.with_name(file.name + _PREVIOUS).write_bytes(_cri(lines if previous is None else previous))
    return told(layout, namespace, pod=pod)


def told(layout: Layout, namespace: str, *, pod: str = "") -> dict[str, Any]:
    """Return kwok's object with all logs of the namespace or the pod; by default ``LINES``."""
    folder = _folder(layout, namespace) / (pod or _ALL_PODS)
    if not (folder / _ALL_CONTAINERS).exists():
        return write(layout, namespace, LINES, pod=pod)
    files = [file for file in sorted(folder.iterdir()) if not file.name.endswith(_PREVIOUS)]
    logs = [
        {
            "containers": [] if file.name == _ALL_CONTAINERS else [file.name],
            "logsFile": str(file),
            "previousLogsFile": f"{file}{_PREVIOUS}",
        }
        for file in files
    ]
    if pod:
        metadata = {"name": pod, "namespace": namespace}
        return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Logs", "metadata": metadata, "spec": {"logs": logs}}
    selector = {"matchNamespaces": [namespace]}
    kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs", "metadata": {"name": namespace}}
    return kind | {"spec": {"selector": selector, "logs": logs}}


def _folder(layout: Layout, namespace: str) -> Path:
    return layout.folder / "pod-logs" / namespace


def _cri(lines: Iterable[Line]) -> bytes:
    """Return the lines in the format of the container runtime interface, in which a newline always ends a line."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()).encode()
    plain = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    return b"".join(b"%s stdout F %s\n" % (now, line) for line in re.split(rb"\n", plain)) if plain else b""
