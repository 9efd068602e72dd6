"""Count the failed attempts of a running sync, and recognise failures that can heal by themselves.

Argo CD retries a failed sync. If a failure needs a change in git, it counts as a failed attempt. If it can heal without
one, such as an admission webhook that does not respond, it starts a grace period instead. All functions are pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from argocd_release.core.connectivity import Speaker, is_outage, outage
from argocd_release.messages import causes, verdict
from argocd_release.model.application import Application, Operation, ResourceResult, SyncStatus
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.verdict.last_operation import failed_attempts as attempts_problem
from argocd_release.verdict.last_operation import failure, is_blocked, is_obsolete
from argocd_release.verdict.symptoms import Symptom


class Healing(Enum):
    """A reason for a failed sync that can disappear without a change in git, so that a retry can succeed."""

    #: The API server could not call an admission webhook.
    WEBHOOK = auto()
    #: A namespace or an object is still being deleted.
    TERMINATING = auto()
    #: The API server does not know the kind of an object, usually because its CRD is not installed yet.
    KIND = auto()
    #: The namespace of an object does not exist yet.
    NAMESPACE = auto()
    #: Another client changed the same object at the same time.
    CONFLICT = auto()
    #: The cluster has not finished preparing a new namespace or quota.
    NOT_READY = auto()
    #: Argo CD could not reach a server that the sync needs.
    OUTAGE = auto()


# Phrases with which the API server or a webhook rejects the object itself. Check these phrases before those in _WORDS,
# because the rest of such a message can quote any part of a manifest.
_DECIDED: Final = re.compile(
    r'" is invalid: |denied the request|denied request: |exceeded quota[: ]|insufficient quota |violates PodSecurity'
)
# Phrases of messages, each with the reason that it identifies. They come from the API server (kubernetes v1.31.0) and
# from Argo CD (argo-cd v2.13.2 util/argo/argo.go:50).
_WORDS: Final = (
    # Source: apiserver pkg/util/webhook/error.go.
    (Healing.WEBHOOK, re.compile(r'failed calling webhook "')),
    # Source: apiserver pkg/admission/plugin/namespace/lifecycle, pkg/registry/generic/registry/store.go.
    (Healing.TERMINATING, re.compile(r"\bis being terminated\b|\bobject is being deleted: ")),
    # Source: apimachinery pkg/api/meta/errors.go, pkg/api/errors/errors.go; cli-runtime pkg/resource/mapper.go.
    (
        Healing.KIND,
        re.compile(
            r'The Kubernetes API could not find |\bno matches for kind "|ensure CRDs are installed first'
            r"|server could not find the requested resource"
        ),
    ),
    (Healing.NAMESPACE, re.compile(r'\bnamespaces "[^"]{1,253}+" not found')),
    # Source: apiserver pkg/registry/generic/registry/store.go OptimisticLockErrorMsg; etcd3/store.go.
    (
        Healing.CONFLICT,
        re.compile(
            r"the object has been modified; please apply your changes|server reported a conflict|Precondition failed: "
        ),
    ),
    # After the creation of a namespace or a quota, controllers need a moment to prepare it (kubernetes v1.31.0
    # plugin/pkg/admission).
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
    """Return the reason why a failure with this message can heal, or None if it needs a change in git."""
    if _DECIDED.search(message):
        return None
    kind = next((kind for kind, words in _WORDS if words.search(message)), None)
    if kind is None and outage(message, Speaker.CLUSTER):
        return Healing.OUTAGE
    return kind


def healings(operation: Operation) -> tuple[Healing, ...]:
    """Return the distinct reasons why the operation's failures can heal; () if at least one failure cannot."""
    failed = [item for item in operation.results if item.failed]
    kinds = [_of_result(item) for item in failed] if failed else [_of_operation(operation)]
    return tuple(dict.fromkeys(kind for kind in kinds if kind)) if all(kinds) else ()


def cannot_succeed(operation: Operation) -> bool:
    """Return True if the operation keeps retrying, although an attempt failed and only a change in git can fix that."""
    failed = bool(operation.retries) and (bool(operation.finished_at) or any(item.failed for item in operation.results))
    return operation.running and failed and not healings(operation)


def other_sync(application: Application) -> Operation | None:
    """Return the operation if it syncs another revision and is running or waiting for a retry, otherwise None."""
    operation = application.operation
    if operation is None or not operation.running or operation.dry_run or operation.is_of(application.revisions):
        return None
    return operation


def hangs(application: Application) -> Operation | None:
    """Return the operation if it syncs another revision and an attempt is running now, otherwise None."""
    operation = other_sync(application)
    # An operation between two attempts does not hang, because Argo CD starts the next attempt by itself. An operation
    # that a sync window blocks continues after the window, and the window blocks every other sync too.
    return None if operation is None or operation.finished_at or is_blocked(operation) else operation


def is_slow(application: Application) -> bool:
    """Return True if the running operation waits for a hook that runs or for pods that start, and no pod fails.

    The operation can still end, for example after a long database migration.
    """
    operation, workloads = application.operation, application.workloads
    if operation is None or workloads is None or workloads.failing:
        return False
    hook_runs = any(item.hook_type and item.hook_phase == "Running" for item in operation.results)
    return hook_runs or bool(workloads.unready)


def awaited(kinds: Iterable[Healing]) -> str:
    """Describe the events for which these failures wait, such as ``the admission webhook to respond``."""
    return " and ".join(verdict.AWAITED[kind.name].text for kind in kinds)


def remedy(kinds: Iterable[Healing]) -> str:
    """Return the combined hints on what to do if the events for which the failures wait do not happen."""
    return "; ".join(verdict.AWAITED[kind.name].hint for kind in kinds)


def cause_code(kinds: Iterable[Healing]) -> CauseCode:
    """Return the cause code of the first reason. ``kinds`` must not be empty."""
    return _CODES.get(next(iter(kinds)), CauseCode.CLUSTER_NOT_READY)


def hook_failed(application: Application, *, failed_attempts: int) -> bool:
    """Return True if a hook failed in attempt ``failed_attempts - 1`` of the running operation, or in a later attempt.

    For a hook, one failed attempt fewer is enough than for a manifest. A retry seldom undoes the effects of a hook, and
    Argo CD deletes the pod and the log of the failed hook before it retries.
    """
    operation = application.operation
    if operation is None or not application.operation_counts or not operation.running:
        return False
    hooks = any(item.hook_ran and item.failed for item in operation.results)
    return hooks and operation.attempt >= failed_attempts - 1


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The failed attempts of the running operation, as far as looks at the application have shown them.

    Argo CD reports the results of a failed attempt until the next attempt has results of its own.
    """

    #: The start time and the revisions of the running operation, which identify it; "" if no operation is running.
    operation: str = ""
    #: The number of failed attempts at the last look that showed why an attempt failed.
    failed: int = 0
    #: The number of attempts that failed for a reason that needs a change in git.
    counted: int = 0
    #: The reasons why the last attempt's failure can heal; () if it cannot, or if the next attempt has got further.
    waits_for: tuple[Healing, ...] = ()

    def observe(self, application: Application) -> "Attempts":
        """Return a copy that includes a look with this state of the application."""
        operation = application.operation
        if operation is None or not operation.running or operation.excluded_failures:
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
    # If a hook ran and failed, its message comes from the hook's own program. Only the API server's message about a
    # resource (SyncFailed) can show that a failure heals.
    return healing(result.message) if result.status == "SyncFailed" else None


def _of_operation(operation: Operation) -> Healing | None:
    """Return the reason why an operation that failed before it applied any resource can heal, or None."""
    return healing(operation.message) or (Healing.OUTAGE if is_outage(operation.message) else None)


def operation_symptoms(
    application: Application, attempts: Attempts, *, failed_attempts: int
) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptoms that the last operation shows, with their problems.

    Args:
        application: the observed application.
        attempts: the attempts that have failed so far.
        failed_attempts: the number of failed attempts after which a sync counts as failed.
    """
    operation = application.operation
    if operation is None:
        return
    # If the application is Synced, a failed sync of another revision fails the release too, because no sync follows.
    is_synced = application.sync is SyncStatus.SYNCED
    counts = (application.operation_counts or is_synced) and not is_obsolete(application)
    # If only excluded resources failed, the next comparison decides whether that matters.
    undecided = operation.excluded_failures and application.outdated
    if counts and operation.unsuccessful and not (application.operating or undecided):
        yield Symptom.OPERATION_FAILED, _given_up(application, operation)
    elif application.operation_counts and operation.running:
        yield from _attempt_symptoms(application, operation, attempts, failed_attempts)


def _given_up(application: Application, operation: Operation) -> Problem:
    """Return the problem of a failed operation. If it can heal without a change in git, replace its code and hint."""
    problem, kinds = failure(application), healings(operation)
    if not kinds:
        return problem
    hint = verdict.HEALS_AFTER_SYNC.fill_hint(remedy=remedy(kinds), application=application.full_name)
    return replace(problem, code=cause_code(kinds), hint=hint)


def _attempt_symptoms(
    application: Application, operation: Operation, attempts: Attempts, limit: int
) -> Iterator[tuple[Symptom, Problem]]:
    if 0 < limit <= attempts.counted:
        problem = attempts_problem(application, operation.retries)
        if operation.retry.refreshes and not (problem.hint or problem.code.word in causes.HINTS):
            problem = replace(problem, hint=verdict.ATTEMPTS.hint)
        yield Symptom.ATTEMPTS_FAILED, problem
    elif hook_failed(application, failed_attempts=limit):
        yield Symptom.HOOK_FAILED, attempts_problem(application, operation.attempt)
    if attempts.waits_for:
        waiting = attempts_problem(application, operation.retries, waits_for=awaited(attempts.waits_for))
        steps = remedy(attempts.waits_for)
        hint = verdict.HEALS_WHILE_RETRYING.fill_hint(remedy=steps, application=application.full_name)
        yield Symptom.ATTEMPTS_WAIT, replace(waiting, code=cause_code(attempts.waits_for), hint=hint)
