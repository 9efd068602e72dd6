"""Argo CD's vocabulary: an Application as ``argocd app get -o json`` prints it, made typed and harmless.

Fields: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go. Everything there is ``omitempty``, and right after
creation even the sync and health status are absent. A word we do not know is a case, not a crash.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from argocd_release.shape import as_list, as_object, as_objects
from argocd_release.text import clean, one_line
from argocd_release.tree import Workloads

MESSAGE_LIMIT: Final = 4000


class Word(StrEnum):
    """A closed vocabulary; any other word becomes its ``UNKNOWN``."""

    @classmethod
    def read(cls, value: object) -> Self:
        try:
            return cls(str(value))
        except ValueError:
            return cls("Unknown")


class SyncStatus(Word):
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class HealthStatus(Word):
    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


class OperationPhase(Word):
    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One managed resource; ``health`` is None for kinds that have none, such as ConfigMap."""

    group: str
    kind: str
    namespace: str
    name: str
    sync: SyncStatus
    health: HealthStatus | None
    message: str = ""
    hook: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class ResourceResult:
    """What an operation did to one resource: Synced, SyncFailed, …, or a hook's phase."""

    kind: str
    name: str
    status: str
    hook_phase: str
    message: str
    # PreSync, Sync, PostSync, …; empty for what is no hook.
    hook_type: str = ""
    group: str = ""
    namespace: str = ""

    @property
    def failed(self) -> bool:
        return self.status == "SyncFailed" or self.hook_phase in {"Failed", "Error"}

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The last sync, or the running one. ``retries`` counts attempts that failed and were begun again."""

    phase: OperationPhase
    message: str
    revisions: tuple[str, ...]
    started_at: str
    finished_at: str
    retries: int
    results: tuple[ResourceResult, ...]

    @property
    def running(self) -> bool:
        """Whether it goes on. Between a failed attempt and the next, ``finishedAt`` is set and the phase Running."""
        return not self.finished_at or self.phase in {OperationPhase.RUNNING, OperationPhase.TERMINATING}


@dataclass(frozen=True, kw_only=True)
class Condition:
    type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Application:
    """The state of an application at one moment. Times are RFC 3339 in whole seconds, or ``""``."""

    name: str
    namespace: str
    uid: str
    project: str
    automated: bool
    deleting: bool
    requested: bool
    sync: SyncStatus
    revisions: tuple[str, ...]
    health: HealthStatus
    health_message: str
    operation: Operation | None
    conditions: tuple[Condition, ...]
    resources: tuple[Resource, ...]
    images: tuple[str, ...]
    reconciled_at: str
    unknown_words: tuple[str, ...] = ()
    # Not of the Application object: of its resource tree, where that was looked at.
    workloads: Workloads | None = None

    @property
    def revision(self) -> str:
        """The revision compared last; of several sources all, separated by commas."""
        return ",".join(self.revisions)

    @property
    def failing(self) -> tuple[str, ...]:
        """What lies beneath the application and cannot start, in one line each."""
        return self.workloads.failing if self.workloads else ()

    @property
    def operating(self) -> bool:
        """Whether a sync is asked for or running."""
        return self.requested or (self.operation is not None and self.operation.running)


def parse(text: str) -> Application:
    """The application in the output of ``argocd app get -o json``; raises ``ValueError``.

    ``app wait -o json`` can print two documents one after the other (app.go:2448-2566): the last one counts.
    """
    documents = list(_documents(text))
    if not documents:
        raise ValueError("no JSON document")
    document = as_object(documents[-1])
    metadata, spec, status = (as_object(document.get(key)) for key in ("metadata", "spec", "status"))
    if not _text(metadata.get("name")):
        raise ValueError("the JSON document is no application")
    sync, health = as_object(status.get("sync")), as_object(status.get("health"))
    resources = tuple(_resource(item) for item in as_objects(status.get("resources")))
    operation = _operation(as_object(status.get("operationState")))
    words = [
        ("sync status", sync.get("status"), SyncStatus),
        ("health status", health.get("status"), HealthStatus),
        ("operation phase", as_object(status.get("operationState")).get("phase"), OperationPhase),
    ]
    return Application(
        name=_text(metadata.get("name")),
        namespace=_text(metadata.get("namespace")),
        uid=_text(metadata.get("uid")),
        project=_text(spec.get("project")),
        automated="automated" in as_object(spec.get("syncPolicy")),
        deleting=bool(metadata.get("deletionTimestamp")),
        requested=bool(document.get("operation")),
        sync=SyncStatus.read(sync.get("status")),
        revisions=_revisions(sync),
        health=HealthStatus.read(health.get("status")),
        health_message=_text(health.get("message")),
        operation=operation,
        conditions=tuple(
            Condition(type=_text(item.get("type")), message=_text(item.get("message")))
            for item in as_objects(status.get("conditions"))
        ),
        resources=resources,
        images=tuple(_text(image) for image in as_list(as_object(status.get("summary")).get("images"))),
        reconciled_at=_text(status.get("reconciledAt")),
        unknown_words=tuple(
            f"{name} {_text(word)}" for name, word, words_of in words if word and word not in set(words_of)
        ),
    )


def _documents(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    position = 0
    while (position := _skip_space(text, position)) < len(text):
        document, position = decoder.raw_decode(text, position)
        yield document


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _resource(item: dict[str, Any]) -> Resource:
    health = as_object(item.get("health"))
    return Resource(
        group=_text(item.get("group")),
        kind=_text(item.get("kind")),
        namespace=_text(item.get("namespace")),
        name=_text(item.get("name")),
        sync=SyncStatus.read(item.get("status")),
        health=HealthStatus.read(health.get("status")) if health.get("status") else None,
        message=_text(health.get("message")),
        hook=bool(item.get("hook")),
    )


def _operation(state: dict[str, Any]) -> Operation | None:
    if not state:
        return None
    result = as_object(state.get("syncResult"))
    asked = as_object(as_object(state.get("operation")).get("sync"))
    retries = state.get("retryCount")
    return Operation(
        phase=OperationPhase.read(state.get("phase")),
        message=_text(state.get("message")),
        revisions=_revisions(result) or _revisions(asked),
        started_at=_text(state.get("startedAt")),
        finished_at=_text(state.get("finishedAt")),
        retries=retries if isinstance(retries, int) else 0,
        results=tuple(
            ResourceResult(
                kind=_text(item.get("kind")),
                name=_text(item.get("name")),
                status=_text(item.get("status")),
                hook_phase=_text(item.get("hookPhase")),
                message=_text(item.get("message")),
                hook_type=_text(item.get("hookType")),
                group=_text(item.get("group")),
                namespace=_text(item.get("namespace")),
            )
            for item in as_objects(result.get("resources"))
        ),
    )


def _revisions(holder: dict[str, Any]) -> tuple[str, ...]:
    """Of several sources ``revisions``, of one ``revision``; never both."""
    several = tuple(one_line(_text(revision)) for revision in as_list(holder.get("revisions")) if revision)
    single = one_line(_text(holder.get("revision")))
    return several or ((single,) if single else ())


def _text(value: object) -> str:
    return clean(value, limit=MESSAGE_LIMIT).strip() if isinstance(value, str) else ""
