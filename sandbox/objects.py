"""Objects of Kubernetes and Argo CD as dictionaries."""

import time
import uuid
from typing import Any, Final

# The namespaces in which applications are allowed, besides Argo CD's own namespace.
OTHER_NAMESPACES: Final = "team-*"
# The spec of a project without restrictions.
EVERYTHING: Final = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    "sourceNamespaces": [OTHER_NAMESPACES],
}


def project(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a project that only has the restrictions in ``spec``."""
    metadata = {"name": name, "namespace": "argocd"}
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata}
    return kind | {"spec": EVERYTHING | spec}


def deny_window(*applications: str) -> dict[str, Any]:
    """Return a sync window for a project's ``syncWindows`` that is active now and denies syncs."""
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "manualSync": False}
    return window | {"applications": list(applications or ("*",))}


def event(about: dict[str, Any], message: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return an event of an object. It is a Warning with reason ``Test`` unless ``fields`` override that."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    involved = {key: about[key] for key in ("apiVersion", "kind")}
    involved |= {key: about["metadata"][key] for key in ("name", "namespace", "uid")}
    metadata = {"name": f"{involved['name']}.{uuid.uuid4().hex}", "namespace": involved["namespace"]}
    own = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": involved}
    own |= {"type": "Warning", "reason": "Test", "message": message, "source": {"component": "sandbox"}}
    return own | {"firstTimestamp": now, "lastTimestamp": now, "count": 1} | fields
