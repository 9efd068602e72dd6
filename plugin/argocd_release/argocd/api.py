"""Read applications, resource trees, events, manifests and logs from Argo CD's HTTP API.

The argocd CLI prints only applications as JSON. The job reads all other data with this API. The client connects with
the TLS settings and headers in ``ARGOCD_OPTS``, as the CLI does. The API is optional: if it does not respond, the job
reads applications with the CLI and cannot report on pods.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Self
from urllib.parse import quote

from argocd_release.argocd.api_errors import KINDS, api_error, error_of_answer, error_of_request, parsed
from argocd_release.argocd.application_json import application_set_of, parse_application
from argocd_release.argocd.application_list import ApplicationReader, ListReading
from argocd_release.argocd.connection import Connection, Credentials
from argocd_release.argocd.sync_windows import blocks, sync_window_of
from argocd_release.argocd.tree_json import (
    LogReader,
    PodWarnings,
    parse_events,
    parse_log,
    parse_pod_template,
    parse_states,
    parse_tree,
    summary,
)
from argocd_release.core.text import as_list, as_object
from argocd_release.messages import argocd as texts
from argocd_release.model.application import Application, Resource
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.exclusion import Exclusion, without
from argocd_release.model.observation import LOG_CONTEXT, ApplicationSet, LogPosition, SyncWindow
from argocd_release.model.resource_tree import Event, Node, PodTemplate, Tree, Workloads
from argocd_release.timing import API_CALL, FOLLOW, MANIFESTS_CALL, STREAM, Deadline
from argocd_release.transport.client import Client, HttpError, Request, Response

BODY_LIMIT: Final = 64 << 20
_OK: Final = 200
_VERSIONS: Final = re.compile(rb'"(?:resourceVersion|reconciledAt|time|generation)":(?:"[^"]*+"|[0-9]++)')
_UNAUTHENTICATED: Final = 401
#: The maximum number of live manifests that one look reads to find the images of workloads without pods.
TEMPLATES: Final = 5
_APPLICATIONS: Final = "/api/v1/applications"
_PROJECTS: Final = "/api/v1/projects"
_STREAM: Final = "/api/v1/stream/applications"
_APPLICATION_SETS: Final = "/api/v1/applicationsets"


class Api:
    """A thread-safe client of Argo CD's HTTP API that reuses open connections. Use it as a context manager.

    Each method raises ``ArgoCDError`` if its request fails.

    Args:
        connection: the address, token and options of Argo CD. Pass ``Credentials`` if the token must be renewed.
        on_call: a callback for each finished request. It receives its name, its duration in seconds, and its result.
        deadline: the time by which every request must end.
        check: called repeatedly while the main thread waits for a response. It raises an exception to cancel the wait.
    """

    def __init__(
        self,
        connection: Connection | Credentials,
        *,
        on_call: Callable[[str, float, str], object] = lambda *_: None,
        deadline: Deadline = Deadline(),  # noqa: B008 - infinite
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self._credentials = connection if isinstance(connection, Credentials) else Credentials(connection)
        self._on_call = on_call
        # Like argocd over TLS (apiclient.go:270-278), this client ignores the proxy variables of the environment, such
        # as HTTPS_PROXY. It only uses the proxy in the settings.
        first = self._credentials.current()
        self._client = Client(tls=first.tls, deadline=deadline, check=check, proxy=first.proxy)
        self._check = check
        self._reader = ApplicationReader()
        self._pod_warnings = PodWarnings()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._client.__exit__(*details)

    def application(self, name: str, *, seconds: float = API_CALL, refresh: str = "") -> Application:
        """Return the application's state. If ``refresh`` is ``normal`` or ``hard``, make Argo CD compare it first.

        Raises:
            ArgoCDError: the request failed. Its kind is ``FailureKind.TIMED_OUT`` if it took longer than ``seconds``.
        """
        path, named = application_path(name)
        text = self._ask_within(path, named | ({"refresh": refresh} if refresh else {}), seconds=seconds)
        try:
            return parse_application(text, self._reader.application)
        except ValueError as error:
            raise api_error("GET application", FailureKind.MALFORMED, texts.NO_APPLICATION.fill(error=error)) from error

    def applications(self, *, seconds: float, selector: str = "", project: str = "") -> tuple[Application, ...]:
        """List the applications that the token can see, optionally only those of a label selector and a project.

        If an application did not change since the previous list, the result contains the same Python object again.
        """
        chosen = {key: value for key, value in (("selector", selector), ("project", project)) if value}
        reading = ListReading(self._reader, self._check)
        self._ask_within(_APPLICATIONS, chosen, seconds=seconds, on_part=reading.feed)
        try:
            return reading.end()
        except ValueError as error:
            raise api_error("GET applications", FailureKind.MALFORMED, texts.NO_LIST.fill(error=error)) from error

    def workloads(self, name: str, exclusion: Exclusion | None = None) -> Workloads:
        """Read the application's resource tree, and return a summary of its pods, images and failing resources.

        The summary leaves out the excluded resources and their pods.

        Raises:
            ArgoCDError: a request failed. ``is_refused`` is True only if Argo CD refused to return the resource tree.
        """
        tree = without(self.tree(name), exclusion)
        with _no_refusal():
            return summary(tree, partial(self.events, name), partial(self.live, name), self._pod_warnings)

    def pod_templates(self, name: str, nodes: tuple[Node, ...]) -> tuple[PodTemplate, ...]:
        """Read the live manifests of the first ``TEMPLATES`` workloads or pods, and return their pod templates."""
        with _no_refusal():
            return tuple(parse_pod_template(node, self.live(name, node)) for node in nodes[:TEMPLATES])

    def watch_application(self, name: str, on_change: Callable[[], object]) -> None:
        """Call ``on_change`` immediately and after each change of the application, until Argo CD ends the stream.

        Raises:
            ArgoCDError: Argo CD did not respond, or the connection was lost.
        """
        namespace, _, plain = name.rpartition("/")
        self._watch(_STREAM, {"name": plain} | ({"appNamespace": namespace} if namespace else {}), on_change)

    def watch_tree(self, name: str, on_change: Callable[[], object]) -> None:
        """Call ``on_change`` after each change of the application's resource tree, until Argo CD ends the stream.

        Argo CD sends nothing before the first change, not even the HTTP status line.

        Raises:
            ArgoCDError: Argo CD did not respond, or the connection was lost.
        """
        path, named = application_path(name)
        self._watch(f"{_STREAM}{path.removeprefix(_APPLICATIONS)}/resource-tree", named, on_change)

    def _watch(self, path: str, query: Mapping[str, str], on_change: Callable[[], object]) -> None:
        """Read a stream, and call ``on_change`` for each message that changes more than versions and times."""
        last, text = b"", bytearray()

        def on_part(part: bytes) -> None:
            nonlocal last
            text.extend(part)
            if not text.endswith(b"\n") and len(text) < BODY_LIMIT:
                return
            message = hashlib.sha256(_VERSIONS.sub(b"", bytes(text))).digest()
            text.clear()
            if message != last:
                last = message
                on_change()

        connection = self._credentials.current()
        request = Request(
            url=f"{connection.address}{path}",
            query=query,
            # Argo CD does not compress this content type (server/server.go compressHandler). In a compressed response,
            # messages would arrive late.
            headers={**connection.headers, "Accept": "text/event-stream"},
            truncate=True,
            body_limit=0,
            on_part=on_part,
        )
        self._read_stream(path, request, seconds=STREAM)

    def _read_stream(self, path: str, request: Request, *, seconds: float) -> int:
        """Pass each part of the response to the request's callback until the response ends. Return its HTTP status."""
        started, status = time.monotonic(), 0
        try:
            status = self._client.send(request, seconds=seconds).status
        except HttpError as error:
            raise api_error(f"GET {path}", FailureKind.OTHER, str(error)) from error
        finally:
            end = texts.CALL_END.fill(result=status or texts.WITHOUT_RESPONSE)
            self._on_call(f"GET {path}", time.monotonic() - started, end)
        return status

    def tree(self, name: str) -> Tree:
        """Return the application's resource tree."""
        return parse_tree(self.get(name, "resource-tree"))

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        """Return the Kubernetes events of one resource in the application's tree, oldest first."""
        query = {"resourceNamespace": node.namespace, "resourceName": node.name, "resourceUID": node.uid}
        return parse_events(self.get(name, "events", **query))

    def live(self, name: str, node: Node) -> Any:
        """Return the resource's live manifest as parsed JSON."""
        about = {"namespace": node.namespace, "resourceName": node.name, "kind": node.kind, "group": node.group}
        answer = as_object(self.get(name, "resource", **about, version=node.version))
        return parsed(str(answer.get("manifest") or "null"), texts.MANIFEST_OF.fill(subject=node))

    def states(self, name: str, item: Resource) -> tuple[object, object]:
        """Return the live and the wanted state of a managed resource, as Argo CD normalizes both for its comparison."""
        query = {"namespace": item.namespace, "name": item.name, "kind": item.kind, "group": item.group}
        return parse_states(parsed(self._text(name, "managed-resources", query), "GET managed-resources"))

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Return the last lines of a container's log, without control characters and secrets.

        If ``previous`` is True, read the log of the container's previous run. Lines without a timestamp are left out.
        With them, Kubernetes says why it cannot return a log (argo-cd v2.13.2 server/application/logs.go).
        """
        query = {"container": container, "namespace": pod.namespace, "tailLines": str(lines + LOG_CONTEXT)}
        text = self._text(
            name, f"pods/{quote(pod.name, safe='')}/logs", query | ({"previous": "true"} if previous else {})
        )
        return parse_log(text)[-lines:]

    def follow(
        self,
        name: str,
        pod: Node,
        container: str,
        *,
        lines: int,
        take: Callable[[str], object],
        position: LogPosition,
    ) -> None:
        """Pass the last ``lines`` lines of a container's log to ``take``, and then each new line.

        This method blocks until the container ends, so call it in a separate thread.

        Leave out the lines up to ``position``, and update it.

        Raises:
            ArgoCDError: the log cannot be read, or the response ended before the log.
        """
        path, query = application_path(name)
        path = f"{path}/pods/{quote(pod.name, safe='')}/logs"
        query |= {"container": container, "namespace": pod.namespace, "tailLines": str(lines), "follow": "true"}
        reader = LogReader(take, position)
        connection = self._credentials.current()
        request = Request(
            url=f"{connection.address}{path}",
            query=query,
            # Request an uncompressed response. If Argo CD compressed the response, it would send the lines late.
            headers={**connection.headers, "Accept-Encoding": "identity"},
            truncate=True,
            body_limit=0,
            on_part=reader.feed,
        )
        status = self._read_stream(path, request, seconds=FOLLOW)
        if status != _OK:
            raise api_error(f"GET {path}", KINDS.get(status, FailureKind.OTHER), texts.HTTP_STATUS.fill(status=status))
        if not reader.is_complete:
            raise api_error(f"GET {path}", FailureKind.OTHER, texts.LOG_INCOMPLETE)

    def application_set(self, name: str, /) -> ApplicationSet:
        """Return the ApplicationSet with this ``name`` or ``namespace/name``."""
        namespace, _, plain = name.rpartition("/")
        named = {"appsetNamespace": namespace} if namespace else {}
        path = f"{_APPLICATION_SETS}/{quote(plain, safe='')}"
        document = as_object(parsed(self._ask(path, named), "GET applicationset"))
        return application_set_of(document)

    def sync_window(self, name: str, project: str) -> SyncWindow | None:
        """Return the sync windows that block automated syncs now, or None if none does."""
        answer = as_object(self.get(name, "syncwindows"))
        if not blocks(answer):
            return None
        try:
            document = parsed(self._ask(f"{_PROJECTS}/{quote(project, safe='')}", {}), "GET project")
        except ArgoCDError:
            document = {}
        return sync_window_of(answer, as_object(as_object(document).get("spec")), datetime.now(UTC))

    def manifests(self, name: str, *, seconds: float) -> tuple[str, ...]:
        """Return the manifests that a sync would apply now, each as JSON text. Argo CD masks the values of Secrets."""
        path, named = application_path(name)
        text = self._ask_within(f"{path}/manifests", named, seconds=min(seconds, MANIFESTS_CALL))
        manifests = as_list(as_object(parsed(text, "GET manifests")).get("manifests"))
        return tuple(item for item in manifests if isinstance(item, str))

    def get(self, name: str, what: str, **query: str) -> Any:
        """Request one of the application's API endpoints, such as ``manifests``, and return the parsed JSON."""
        return parsed(self._text(name, what, query), f"GET {what}")

    def _text(self, name: str, what: str, query: Mapping[str, str]) -> str:
        path, named = application_path(name)
        return self._ask(f"{path}/{what}", {**query, **named})

    def _ask_within(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        seconds: float,
        on_part: Callable[[bytes], object] | None = None,
    ) -> str:
        """Send a GET request with a time limit. If the server does not respond in time, the error names the limit."""
        try:
            return self._ask(path, query, seconds=seconds, on_part=on_part)
        except ArgoCDError as error:
            if error.kind is FailureKind.TIMED_OUT:
                message = texts.NO_RESPONSE.fill(seconds=f"{seconds:.0f}")
                raise api_error(error.command, FailureKind.TIMED_OUT, message) from error
            raise

    def _ask(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        seconds: float = 0,
        on_part: Callable[[bytes], object] | None = None,
    ) -> str:
        return self._request(Request(url=path, query=query, body_limit=BODY_LIMIT, on_part=on_part), seconds)

    def send(self, method: str, path: str, query: Mapping[str, str], *, seconds: float, body: bytes = b"") -> str:
        """Send a request, and return the body of its response."""
        return self._request(Request(url=path, method=method, query=query, body=body, body_limit=BODY_LIMIT), seconds)

    def _request(self, request: Request, seconds: float) -> str:
        """Send a request whose ``url`` is a path. If Argo CD refuses the token, renew the token and retry once."""
        connection = self._credentials.current()
        answer = self._send(connection, request, seconds)
        if answer.status == _UNAUTHENTICATED:
            newer = self._credentials.newer_than(connection)
            if newer is not None:
                answer = self._send(newer, request, seconds)
        if answer.status != _OK:
            raise error_of_answer(f"{request.method} {request.url}", answer)
        return answer.text

    def _send(self, connection: Connection, request: Request, seconds: float) -> Response:
        started, status, command = time.monotonic(), 0, f"{request.method} {request.url}"
        # Argo CD requires the content type in all requests but GET (argo-cd v2.13.2 server/server.go).
        content = {} if request.method == "GET" else {"Content-Type": "application/json"}
        url, headers = f"{connection.address}{request.url}", {**connection.headers, **content}
        try:
            answer = self._client.send(replace(request, url=url, headers=headers), seconds=seconds or API_CALL)
            status = answer.status
        except HttpError as error:
            raise error_of_request(command, error) from error
        finally:
            end = texts.CALL_END.fill(result=status or texts.WITHOUT_RESPONSE)
            self._on_call(command, time.monotonic() - started, end)
        return answer


def application_path(name: str) -> tuple[str, dict[str, str]]:
    """Return the application's API path, and a query parameter with its namespace if the name contains one."""
    namespace, _, plain = name.rpartition("/")
    return f"{_APPLICATIONS}/{quote(plain, safe='')}", {"appNamespace": namespace} if namespace else {}


@contextmanager
def _no_refusal() -> Iterator[None]:
    """Convert an ``ArgoCDError`` whose ``is_refused`` is True to one for which it is False.

    Argo CD also refuses requests for a resource that no longer exists. That refusal does not prove that the token has
    no right to read the resource tree.
    """
    try:
        yield
    except ArgoCDError as error:
        if not error.is_refused:
            raise
        raise api_error(error.command, FailureKind.OTHER, error.message) from error
