"""Run the commands of a job over Argo CD's HTTP API alone, for a job that reaches Argo CD through an HTTP proxy.

The argocd CLI cannot use an HTTP proxy. Over gRPC, it only uses SOCKS proxies, and with ``--grpc-web`` over TLS it uses
none (argo-cd v2.13.2 util/grpc/grpc.go:67, pkg/apiclient/apiclient.go:270-278).
"""

import json
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, urlencode

from argocd_release.argocd.api import Api, application_path
from argocd_release.argocd.api_errors import api_error
from argocd_release.core.text import as_object, as_objects, parse_object
from argocd_release.messages import argocd as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, Cancelled, FailureKind
from argocd_release.model.outcome import Outcome
from argocd_release.timing import Deadline

#: The time limit of a request in seconds, unless the caller gives another one.
CALL_SECONDS: Final = 15.0
#: The number of projects in which the job looks up the rights of the token.
_PROJECTS_ASKED: Final = 20
# The time limit in seconds of the requests that find out whether an application is missing or forbidden.
_PROBES_SECONDS: Final = 5.0
#: The strategy with which ``argocd app sync`` requests a sync (argo-cd v2.13.2 cmd/argocd/commands/app.go:2083).
_SYNC: Final[dict[str, object]] = {"strategy": {"hook": {}}}


class NoFeed:
    """The feed of a job without ``argocd app wait``. It has ended from the start, so the job polls."""

    ended = True

    def stop(self, *, grace: float = 0.0) -> None:
        """Do nothing, because no process is running."""


class HttpOnlyCommands:
    """The commands of a job, implemented as requests to Argo CD's HTTP API.

    Args:
        api: Argo CD's HTTP API.
        echo: a callback that receives each request that users should see in the job log.
    """

    def __init__(self, api: Api, *, echo: Callable[[str], None]) -> None:
        self._api = api
        self._echo = echo
        self._cancelled: Outcome | None = None

    def cancel(self, outcome: Outcome) -> None:
        """Make all later commands raise ``Cancelled``. A signal handler can call this method."""
        self._cancelled = outcome

    def get(
        self,
        name: str,
        *,
        seconds: float = CALL_SECONDS,
        refresh: bool = False,
        hard: bool = False,
        echo: bool = False,
    ) -> Application:
        """Return the application's state. If ``refresh`` is True, make Argo CD compare it with git first.

        If ``hard`` is True as well, Argo CD renders the manifests again, without its cache.

        Raises:
            ArgoCDError: the request failed. Argo CD returns the same error for a missing and for a forbidden
                application. In that case, further requests find out which of the two it is.
        """
        kind = ("hard" if hard else "normal") if refresh else ""
        self._begin(f"GET {self._shown(name, '', {'refresh': kind} if kind else {})}" if echo else "")
        try:
            return self._api.application(name, seconds=seconds, refresh=kind)
        except ArgoCDError as error:
            if error.kind is FailureKind.DENIED and "denied:" not in error.message:
                raise self._missing_or_denied(name, error) from error
            raise

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        """List the applications that the token can see, optionally only those of a label selector and a project.

        Raises:
            ArgoCDError: the request failed.
        """
        self._begin("GET /api/v1/applications" if echo else "")
        return self._api.applications(seconds=seconds, selector=selector, project=project)

    def sync(self, name: str, *, seconds: float) -> None:
        """Start a sync without waiting for its end.

        Raises:
            ArgoCDError: the request failed.
        """
        path, query = application_path(name)
        self._begin(f"POST {self._shown(name, '/sync', {})}")
        body = json.dumps(_SYNC | query).encode()
        self._api.send("POST", f"{path}/sync", {}, body=body, seconds=min(seconds, CALL_SECONDS))

    def terminate(self, name: str, *, seconds: float) -> None:
        """Terminate the running operation.

        Raises:
            ArgoCDError: the request failed.
        """
        path, query = application_path(name)
        self._begin(f"DELETE {self._shown(name, '/operation', {})}")
        self._api.send("DELETE", f"{path}/operation", query, seconds=min(seconds, CALL_SECONDS))

    def wait(self, name: str, *, seconds: float, wait_for: Iterable[str], on_line: Callable[[str], None]) -> NoFeed:
        """Return a feed that has ended, because only the CLI has a command that waits."""
        del name, seconds, wait_for, on_line
        return NoFeed()

    def show(self, *arguments: str, seconds: float = CALL_SECONDS) -> str:
        """Return "", because only the CLI has output for people."""
        del arguments, seconds
        return ""

    def _begin(self, request: str) -> None:
        if request:
            self._echo(request)
        if self._cancelled is not None:
            raise Cancelled(self._cancelled)

    @staticmethod
    def _shown(name: str, what: str, query: dict[str, str]) -> str:
        path, named = application_path(name)
        whole = urlencode(named | query)
        return f"{path}{what}{'?' if whole else ''}{whole}"

    def _missing_or_denied(self, name: str, error: ArgoCDError) -> ArgoCDError:
        """Return the error ``MISSING`` if the token has the right to read the application, otherwise ``DENIED``.

        If one of the requests fails for another reason, such as an expired token, return its error instead.
        """
        deadline = Deadline(_PROBES_SECONDS)
        try:
            projects = as_objects(self._read("/api/v1/projects", deadline).get("items"))
            names = [str(as_object(project.get("metadata")).get("name") or "") for project in projects]
            for project in names[:_PROJECTS_ASKED] or ["default"]:
                thing = f"{quote(project, safe='')}/{quote(name)}"
                answer = self._read(f"/api/v1/account/can-i/applications/get/{thing}", deadline)
                if answer.get("value") == "yes":
                    return api_error(
                        error.command, FailureKind.MISSING, texts.APPLICATION_MISSING.fill(application=name)
                    )
        except ArgoCDError as probe:
            if probe.kind not in {FailureKind.DENIED, FailureKind.REFUSED, FailureKind.OTHER, FailureKind.TIMED_OUT}:
                return probe
        return api_error(error.command, FailureKind.DENIED, texts.APPLICATION_DENIED.fill(application=name))

    def _read(self, path: str, deadline: Deadline) -> dict[str, object]:
        return parse_object(self._api.send("GET", path, {}, seconds=max(deadline.left, 0.1)))
