"""Argo CD's HTTP API, read-only, for what the CLI has no JSON for: the resource tree, events, manifests and logs.

Reached as the CLI reaches it, by the options in ``ARGOCD_OPTS``. Optional: where it gives no answer the verdict is
what it would be without.
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from argocd_release.argocd.application_json import ListReader, parse_application
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.rollout_json import parse_rollout
from argocd_release.argocd.tree_json import parse_events, parse_log, parse_tree
from argocd_release.core.json_shape import as_message, as_object, as_objects
from argocd_release.core.text import one_line
from argocd_release.model.application import Application
from argocd_release.model.cause import Key
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.resource_tree import Event, Node, Tree, Workloads
from argocd_release.model.rollout import KIND, AnalysisRun, Rollout
from argocd_release.timing.deadline import Deadline

if TYPE_CHECKING:
    import httpx

CALL_SECONDS: Final = 3.0
BODY_LIMIT: Final = 64 << 20
# Each costs a request for each look.
ROLLOUTS: Final = 3
_APPLICATIONS: Final = "/api/v1/applications"
_TROUBLES: Final = {401: FailureKind.UNAUTHENTICATED, 403: FailureKind.DENIED, 404: FailureKind.MISSING}


class Api:
    """One connection, made when it is first needed and kept open; use as a context manager."""

    def __init__(
        self,
        connection: Connection,
        *,
        on_call: Callable[[str, float, str], object] = lambda *_: None,
        deadline: Deadline = Deadline(),  # noqa: B008 - without an end
    ) -> None:
        self._connection = connection
        self._on_call = on_call
        self._deadline = deadline
        self._client: httpx.Client | None = None
        self._lists = ListReader()
        self._making = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    def use(self, connection: Connection) -> None:
        """Reach Argo CD by this connection from the next request on."""
        with self._making:
            self._connection = connection
            if self._client is not None:
                self._client.close()
                self._client = None

    def application(self, name: str, *, seconds: float = CALL_SECONDS, refresh: bool = False) -> Application:
        """The application's state, as the command line gives it; raises ``ArgoCDError``.

        With ``refresh`` one that Argo CD has compared with git just now: the answer comes when it has, and there is
        none in time (``FailureKind.HUNG``) where it has not.
        """
        path, named = _place(name)
        text = self._patiently(path, named | ({"refresh": "normal"} if refresh else {}), seconds=seconds)
        try:
            return parse_application(text)
        except ValueError as error:
            raise _error("GET application", FailureKind.GARBAGE, f"no application: {error}") from error

    def applications(self, *, seconds: float, selector: str = "", project: str = "") -> tuple[Application, ...]:
        """Every application that the token may see, or those that are chosen; raises as ``application`` does.

        One that is as it was in the list before is the same object.
        """
        chosen = {"selector": selector, "project": project}
        text = self._patiently(_APPLICATIONS, {key: value for key, value in chosen.items() if value}, seconds=seconds)
        try:
            return self._lists.read(text)
        except ValueError as error:
            raise _error("GET applications", FailureKind.GARBAGE, f"no list of applications: {error}") from error

    def workloads(self, name: str) -> Workloads:
        """What lies beneath the application and runs now; raises ``ArgoCDError``."""
        tree = self.tree(name)
        failing = [tree.as_failing(node) for node in (*tree.failing, *tree.never_begun)]
        for node in tree.barren:
            # These have no condition that says it: only their events do.
            if node.kind != "ReplicaSet":
                refused = tree.refusals(node, self.events(name, node))
                failing += [tree.as_failing(node, event.message, refused=True) for event in refused[-1:]]
        ready = sum(pod.health == "Healthy" for pod in tree.served)
        return Workloads(
            failing=tuple(failing),
            images=tree.images,
            starting=tree.starting,
            pods=len(tree.served),
            ready=ready,
            rollouts=self._rollouts(name, tree),
        )

    def _rollouts(self, name: str, tree: Tree) -> dict[Key, Rollout]:
        unwell = [node for node in tree.nodes if (node.group, node.kind) == KIND and node.health != "Healthy"]
        found: dict[Key, Rollout] = {}
        for node in unwell[:ROLLOUTS]:
            # Without its manifest it is known by what Argo CD says of its health.
            with suppress(ArgoCDError):
                found[node.key] = parse_rollout(self.live(name, node), _failed_runs(tree, node))
        return found

    def tree(self, name: str) -> Tree:
        """The application's resource tree; raises ``ArgoCDError``."""
        return parse_tree(self._get(name, "resource-tree"))

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        """The events of one node of the application's tree, the latest last; raises ``ArgoCDError``."""
        query = {"resourceNamespace": node.namespace, "resourceName": node.name, "resourceUID": node.uid}
        return parse_events(self._get(name, "events", **query))

    def live(self, name: str, node: Node) -> Any:
        """The node's manifest as the cluster has it; raises ``ArgoCDError``."""
        about = {"namespace": node.namespace, "resourceName": node.name, "kind": node.kind, "group": node.group}
        answer = as_object(self._get(name, "resource", **about, version=node.version))
        try:
            return json.loads(str(answer.get("manifest") or "null"))
        except ValueError as error:
            raise _error(f"the manifest of {node}", FailureKind.GARBAGE, f"no JSON: {error}") from error

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """The last lines of a container's log, harmless; of ``previous``: of the run before. Raises ``ArgoCDError``.

        What keeps Kubernetes from giving a log comes as a line of it that has no time
        (argo-cd v2.13.2 server/application/logs.go); such lines are left out.
        """
        query = {"container": container, "namespace": pod.namespace, "tailLines": str(lines)}
        text = self._text(
            name, f"pods/{quote(pod.name, safe='')}/logs", query | ({"previous": "true"} if previous else {})
        )
        return parse_log(text)[-lines:]

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
        text = self._text(name, what, query)
        try:
            return json.loads(text)
        except ValueError as error:
            raise _error(f"GET {what}", FailureKind.GARBAGE, f"no JSON: {error}") from error

    def _text(self, name: str, what: str, query: Mapping[str, str]) -> str:
        path, named = _place(name)
        return self._asked(f"{path}/{what}", {**query, **named})

    def _patiently(self, path: str, query: Mapping[str, str], *, seconds: float) -> str:
        until = time.monotonic() + seconds
        try:
            return self._asked(path, query, seconds=seconds)
        except ArgoCDError as error:
            if time.monotonic() < until:
                raise
            message = f"no answer within {seconds:.0f} s"
            raise _error(error.command, FailureKind.HUNG, message) from error

    def _asked(self, path: str, query: Mapping[str, str], *, seconds: float = 0) -> str:
        # It takes a fifth of the time to the first look, which does without.
        import httpx  # noqa: PLC0415

        started, seconds = time.monotonic(), self._deadline.at_most(seconds or CALL_SECONDS).left
        status = 0
        try:
            with self._making:
                if self._client is None:
                    self._client = _client(self._connection)
            with self._client.stream("GET", path, params=query, timeout=seconds) as answer:
                status = answer.status_code
                # A server that drips is cut off; what it said until then is of no use.
                body = _body(answer, until=started + seconds)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise _error(f"GET {path}", FailureKind.OTHER, str(error) or type(error).__name__) from error
        finally:
            self._on_call(f"GET {path}", time.monotonic() - started, f", {status}" if status else ", no answer")
        text = body.decode("utf-8", "replace")
        if status != httpx.codes.OK:
            raise _error(
                f"GET {path}", _TROUBLES.get(status, FailureKind.OTHER), _said(text) or f"HTTP status {status}"
            )
        return text


def _place(name: str) -> tuple[str, dict[str, str]]:
    """Of the application the path, and what else says which it is."""
    namespace, _, plain = name.rpartition("/")
    return f"{_APPLICATIONS}/{quote(plain, safe='')}", {"appNamespace": namespace} if namespace else {}


def _failed_runs(tree: Tree, rollout: Node) -> list[AnalysisRun]:
    """Those of the rollout, the latest last."""
    runs = [each for each in tree.nodes if each.kind == "AnalysisRun" and each.owner == rollout.uid]
    failed = sorted((each for each in runs if each.health == "Degraded"), key=lambda each: each.created_at)
    return [AnalysisRun(name=each.name, status="Failed", message=each.message) for each in failed]


def _error(command: str, trouble: FailureKind, message: str) -> ArgoCDError:
    return ArgoCDError(
        trouble=trouble, command=command, exit_code=None, message=one_line(as_message(message), limit=300)
    )


def _body(answer: "httpx.Response", *, until: float) -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise ValueError(f"the answer is larger than {BODY_LIMIT >> 20} MB")
        if time.monotonic() > until:
            raise ValueError("no whole answer in time")
    return bytes(body)


def _said(text: str) -> str:
    """The message of an answer that is an error; of a stream it is one level deeper."""
    try:
        answer = as_object(json.loads(text))
    except ValueError:
        return ""
    return str(as_object(answer.get("error")).get("message") or answer.get("message") or "")


def _client(connection: Connection) -> "httpx.Client":
    import httpx  # noqa: PLC0415 - see above

    return httpx.Client(
        base_url=connection.address,
        headers=connection.headers,
        # argocd takes no proxy from the environment over TLS (apiclient.go:270-278), so neither does this.
        trust_env=False,
        verify=verification(connection),
    )


def verification(connection: Connection) -> ssl.SSLContext | bool:
    """Whom the options want trusted; False: whoever answers. Raises ``OSError`` where a file cannot be read."""
    options = connection.options
    if options.get("--insecure") == "true":
        return False
    context = ssl.create_default_context()
    if "--server-crt" in options:
        context.load_verify_locations(options["--server-crt"])
    if "--client-crt" in options and "--client-crt-key" in options:
        context.load_cert_chain(options["--client-crt"], options["--client-crt-key"])
    if connection.ca_file:
        context.load_verify_locations(connection.ca_file)
    return context
