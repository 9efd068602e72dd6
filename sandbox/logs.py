"""Write the logs of containers, which kwok serves instead of the kubelet."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sandbox.layout import Layout

LINES: Final = ("connecting to database at db:5432", "cannot connect to database at db:5432: connection refused")
# File names for all pods and all containers. They cannot be confused with real names, because of the underscore.
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
    append: bool = False,
) -> dict[str, Any]:
    """Write the log of containers. Return the kwok object for it, which the caller must apply.

    Args:
        layout: the layout of the sandbox.
        namespace: the namespace of the pods.
        lines: the lines of the log.
        previous: the lines of the log before the last restart; by default ``lines``.
        pod: the name of the pod; by default all pods.
        container: the name of the container; by default all containers.
        append: True to add the lines to the log, as a running program does.
    """
    folder = _folder(layout, namespace) / (pod or _ALL_PODS)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (container or _ALL_CONTAINERS)
    lines = list(lines)
    with file.open("ab" if append else "wb") as log:
        log.write(_cri(lines))
    file.with_name(file.name + _PREVIOUS).write_bytes(_cri(lines if previous is None else previous))
    return told(layout, namespace, pod=pod)


def told(layout: Layout, namespace: str, *, pod: str = "") -> dict[str, Any]:
    """Return the kwok object with all logs of the namespace or pod. If there is no log, write ``LINES`` first."""
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
    """Convert the lines to the log format of the container runtime interface (CRI)."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()).encode()
    plain = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    return b"".join(b"%s stdout F %s\n" % (now, line) for line in re.split(rb"\n", plain)) if plain else b""
