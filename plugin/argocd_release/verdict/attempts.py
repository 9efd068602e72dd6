"""The failed attempts of a sync: which of them count, and which failures heal without a change in git. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from argocd_release.core.connectivity import Speaker, is_outage, outage
from argocd_release.messages import verdict
from argocd_release.model.application import Application, Operation, ResourceResult
from argocd_release.model.problem import CauseCode


class Healing(Enum):
    """The reason for a failed sync that can succeed later without a change in git."""

    WEBHOOK = auto()
    TERMINATING = auto()
    KIND = auto()
    NAMESPACE = auto()
    CONFLICT = auto()
    NOT_READY = auto()
    OUTAGE = auto()


# With these phrases, the API server or a webhook refuses the object itself. They take precedence over all others,
# because the rest of such a message can contain any text of a manifest.
_DECIDED: Final = re.compile(
    r'" is invalid: |denied the request|denied request: |exceeded quota: |insufficient quota |violates PodSecurity'
)
# Messages of the API server (kubernetes v1.31.0) and of Argo CD (argo-cd v2.13.2 util/argo/argo.go:50).
_WORDS: Final = (
    # apiserver pkg/util/webhook/error.go.
    (Healing.WEBHOOK, re.compile(r'failed calling webhook "')),
    # apiserver pkg/admission/plugin/namespace/lifecycle, pkg/registry/generic/registry/store.go.
    (Healing.TERMINATING, re.compile(r"\bis being terminated\b|\bobject is being deleted: ")),
    # apimachinery pkg/api/meta/errors.go, pkg/api/errors/errors.go; cli-runtime pkg/resource/mapper.go.
    (
        Healing.KIND,
        re.compile(
            r'The Kubernetes API could not find |\bno matches for kind "|ensure CRDs are installed first'
            r"|server could not find the requested resource"
        ),
    ),
    (Healing.NAMESPACE, re.compile(r'\bnamespaces "[^"]{1,253}+" not found')),
    # apiserver pkg/registry/generic/registry/store.go OptimisticLockErrorMsg; etcd3/store.go.
    (
        Healing.CONFLICT,
        re.compile(
            r"the object has been modified; please apply your changes|server reported a conflict|Precondition failed: "
        ),
    ),
    # The cluster's controllers prepare a namespace or a quota a moment after it was created (plugin/pkg/admission).
    (
        Healing.NOT_READY,
        re.compile(
            r'status unknown for quota: |serviceaccount "default" not found|could not be completed at this time, please'
        ),
    ),
)
_CODES: Final[Mapping[Healing, CauseCode]] = MappingProxyType(
    {Healing.WEBHOOK: CauseCode.WEBHOOK_FAILED, Healing.OUTAGE: CauseCode.CANNOT_COMPARE}
)


def healing(message: str) -> Healing | None:
    """Return the reason why a failure to apply can heal by itself, or None if it needs a change in git."""
    if _DECIDED.search(message):
        return None
    kind = next((kind for kind, words in _WORDS if words.search(message)), None)
    if kind is None and outage(message, Speaker.CLUSTER):
        return Healing.OUTAGE
    return kind


def healings(operation: Operation) -> tuple[Healing, ...]:
    """Return the reasons why the operation's failures can heal by themselves; () if one of them cannot."""
    failed = [item for item in operation.results if item.failed]
    kinds = [_of_result(item) for item in failed] if failed else [_of_operation(operation)]
    return tuple(dict.fromkeys(kind for kind in kinds if kind)) if all(kinds) else ()


def awaited(kinds: Iterable[Healing]) -> str:
    """Return the awaited events in words, such as ``the admission webhook to respond``."""
    return " and ".join(verdict.AWAITED[kind.name].text for kind in kinds)


def remedy(kinds: Iterable[Healing]) -> str:
    """Return the hints for the case that the awaited events do not happen."""
    return "; ".join(verdict.AWAITED[kind.name].hint for kind in kinds)


def cause_code(kinds: Iterable[Healing]) -> CauseCode:
    """Return the cause code of the first reason."""
    return _CODES.get(next(iter(kinds)), CauseCode.CLUSTER_NOT_READY)


def hook_failed(application: Application, *, failed_attempts: int) -> bool:
    """Return True if a hook of the running operation has failed in enough attempts.

    A hook needs one attempt less than a manifest, because a retry seldom undoes the effects of a hook. Argo CD also
    deletes the pod and the log of the failed hook.
    """
    operation = application.operation
    if operation is None or not application.operation_counts or not operation.running:
        return False
    hooks = any(item.hook_ran and item.failed for item in operation.results)
    return hooks and operation.attempt >= failed_attempts - 1


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The failed attempts of the running operation, as far as the looks have shown them.

    Argo CD keeps the results of a failed attempt until the next one has results of its own.
    """

    #: The start and the revisions of the operation; "" if none is running.
    operation: str = ""
    #: The number of failed attempts at the last look that showed why they failed.
    failed: int = 0
    #: The number of failed attempts that need a change in git.
    counted: int = 0
    #: The reasons why the last failed attempt can heal; () if it cannot, or if a later attempt got further.
    waits_for: tuple[Healing, ...] = ()

    def observe(self, application: Application) -> "Attempts":
        """Return the attempts after one more look at the application."""
        operation = application.operation
        if operation is None or not operation.running:
            return Attempts()
        name = f"{operation.started_at} {operation.revisions or operation.requested}"
        attempts = self if self.operation == name else Attempts(operation=name)
        failed = any(item.failed for item in operation.results)
        if not operation.finished_at and not failed:
            return replace(attempts, waits_for=()) if operation.results else attempts
        if operation.retries <= attempts.failed:
            return attempts
        waits_for = healings(operation)
        more = 0 if waits_for else operation.retries - attempts.failed
        return replace(attempts, failed=operation.retries, counted=attempts.counted + more, waits_for=waits_for)


def _of_result(result: ResourceResult) -> Healing | None:
    # The message of a hook that ran and failed comes from its program, so it says nothing about the cluster.
    return healing(result.message) if result.status == "SyncFailed" else None


def _of_operation(operation: Operation) -> Healing | None:
    """Return the reason why an operation that failed before it applied anything can heal, or None."""
    return healing(operation.message) or (Healing.OUTAGE if is_outage(operation.message) else None)
