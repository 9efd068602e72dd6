"""A client of the sandbox's Kubernetes API with admin rights.

It is faster than kubectl, and also works before kubectl is built.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

from sandbox.commands import CALL_SECONDS, CommandError
from sandbox.layout import ADDRESS, Layout
from sandbox.probes import call

Object = Mapping[str, Any]
_APPLY: Final = "?" + urlencode({"fieldManager": "sandbox", "force": "true", "fieldValidation": "Ignore"})
_CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class KubeAPI:
    """A client of the Kubernetes API. Each method raises ``CommandError`` if its request fails."""

    def __init__(self, layout: Layout) -> None:
        self._base = f"https://{ADDRESS}:{layout.ports['kube-apiserver']}"
        self._token = layout.admin_token
        # For each apiVersion and kind, the plural name, and whether its objects are in namespaces.
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}

    def get(self, path: str) -> dict[str, Any]:
        """Read the object at a path such as ``/api/v1/namespaces/argocd/secrets/argocd-secret``."""
        return self._call("GET", path)

    def merge(self, path: str, patch: Object) -> None:
        """Patch the object at the path with a JSON merge patch."""
        self._call("PATCH", path, json.dumps(patch).encode(), "application/merge-patch+json")

    def apply(self, *objects: Object) -> None:
        """Apply the objects with server-side apply, one after the other."""
        for each in objects:
            self._apply(self._path(each), json.dumps(each).encode())

    def apply_crd(self, name: str, text: bytes) -> None:
        """Apply a custom resource definition, given as YAML."""
        self._apply(f"{_CRDS}/{name}", text)

    def await_crd(self, name: str, seconds: float = 60.0) -> None:
        """Wait until the API server has accepted a definition. It serves the resources only a moment later."""
        deadline = time.monotonic() + seconds
        while True:
            conditions = self.get(f"{_CRDS}/{name}").get("status", {}).get("conditions") or []
            if any((is_["type"], is_["status"]) == ("Established", "True") for is_ in conditions):
                return
            if time.monotonic() > deadline:
                raise CommandError(f"{name} is not established after {seconds:.0f} s: {conditions}")
            time.sleep(0.1)

    def _apply(self, path: str, text: bytes) -> None:
        # JSON is valid YAML.
        self._call("PATCH", path + _APPLY, text, "application/apply-patch+yaml")

    def _path(self, each: Object) -> str:
        version, kind, metadata = each["apiVersion"], each["kind"], each["metadata"]
        group = _group(version)
        if (version, kind) not in self._resources:
            for found in self.get(group)["resources"]:
                if "/" not in found["name"]:
                    self._resources[version, found["kind"]] = found["name"], found["namespaced"]
        try:
            plural, namespaced = self._resources[version, kind]
        except KeyError:
            raise CommandError(f"the cluster knows no {kind} of {version}") from None
        within = f"/namespaces/{quote(metadata.get('namespace', 'default'))}" if namespaced else ""
        return f"{group}{within}/{plural}/{quote(metadata['name'])}"

    def _call(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
        try:
            answer = call(method, self._base + path, token=self._token, body=body, kind=kind, seconds=CALL_SECONDS)
            found: dict[str, Any] = json.loads(answer)
        except HTTPError as error:
            raise CommandError(f"{method} {path}: {_message(error)}") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"{method} {path}: {error}") from error
        return found


def _group(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _message(error: HTTPError) -> str:
    with error:
        said = error.read()
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error}: {said[:400].decode('utf-8', 'replace')}"
