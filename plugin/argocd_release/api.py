"""Argo CD's HTTP API, read-only, for what the CLI has no JSON for: the resource tree and events.

Reached as the CLI reaches it, by the options in ``ARGOCD_OPTS``. Optional: where it gives no answer the verdict is
what it would be without.
"""

import ssl
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from argocd_release.errors import ArgoCDError, Trouble
from argocd_release.settings import Settings, parse_opts
from argocd_release.shape import as_object, as_objects
from argocd_release.text import one_line
from argocd_release.tree import Event, Node, Tree, Workloads, parse, parse_events

CALL_SECONDS: Final = 3.0


class Api:
    """One connection, made when it is first needed and kept open; use as a context manager."""

    def __init__(self, known: Settings) -> None:
        self._known = known
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    def workloads(self, name: str) -> Workloads:
        """What lies beneath the application and runs now; raises ``ArgoCDError``."""
        tree = self.tree(name)
        failing = [tree.described(node) for node in tree.failing]
        for node in tree.barren:
            # These have no condition that says it: only their events do.
            if node.kind != "ReplicaSet":
                refused = [event for event in self.events(name, node) if event.reason == "FailedCreate"]
                failing += [tree.described(node, event.message) for event in refused[-1:]]
        images = dict.fromkeys(image for pod in tree.pods for image in pod.images)
        return Workloads(failing=tuple(failing), images=tuple(images))

    def tree(self, name: str) -> Tree:
        """The application's resource tree; raises ``ArgoCDError``."""
        return parse(self._get(name, "resource-tree"))

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        """The events of one node of the application's tree, the latest last; raises ``ArgoCDError``."""
        query = {"resourceNamespace": node.namespace, "resourceName": node.name, "resourceUID": node.uid}
        return parse_events(self._get(name, "events", **query))

    def sync_window(self, name: str) -> str:
        """The sync window that keeps Argo CD from syncing by itself now; ``""`` if none. Raises ``ArgoCDError``.

        Source: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go SyncWindows.CanSync. ``canSync`` of the answer is
        about syncs by hand.
        """
        answer = as_object(self._get(name, "syncwindows"))
        active, assigned = as_objects(answer.get("activeWindows")), as_objects(answer.get("assignedWindows"))
        denying = [window for window in active if window.get("kind") == "deny"]
        allowing = [window for window in assigned if window.get("kind") == "allow"]
        if not denying and any(window.get("kind") == "allow" for window in active):
            return ""
        return ", ".join(
            one_line(f"{window.get('kind')} {window.get('schedule')} for {window.get('duration')}")
            for window in denying or allowing
        )

    def _get(self, name: str, what: str, **query: str) -> Any:
        namespace, _, plain = name.rpartition("/")
        path = f"/api/v1/applications/{quote(plain, safe='')}/{what}"
        try:
            if self._client is None:
                self._client = _client(self._known)
            answer = self._client.get(path, params=query | ({"appNamespace": namespace} if namespace else {}))
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            message = one_line(str(error), limit=300)
            raise ArgoCDError(trouble=Trouble.OTHER, command=f"GET {path}", exit_code=None, message=message) from error


def _client(known: Settings) -> httpx.Client:
    options = parse_opts(known.opts)
    headers = {"Authorization": f"Bearer {known.auth_token}"}
    for header in filter(None, options.get("--header", "").split(",")):
        name, _, value = header.partition(":")
        headers[name.strip()] = value.strip()
    return httpx.Client(
        base_url=known.address,
        headers=headers,
        timeout=CALL_SECONDS,
        # argocd takes no proxy from the environment over TLS (apiclient.go:270-278), so neither does this.
        trust_env=False,
        verify=_verification(options),
    )


def _verification(options: dict[str, str]) -> ssl.SSLContext | bool:
    if options.get("--insecure") == "true":
        return False
    context = ssl.create_default_context()
    if "--server-crt" in options:
        context.load_verify_locations(options["--server-crt"])
    if "--client-crt" in options and "--client-crt-key" in options:
        context.load_cert_chain(options["--client-crt"], options["--client-crt-key"])
    return context
