"""Let Argo CD compare an application with the merge request's commit. If that fails, name the cause."""

import time
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.core.connectivity import is_outage
from argocd_release.core.text import counted, one_line
from argocd_release.diff import compare
from argocd_release.diff.compare import ApplicationDiff, State
from argocd_release.diff.dangers import Action
from argocd_release.diff.scope import Scope
from argocd_release.messages import diff as texts
from argocd_release.messages.causes import SYMPTOM_HINTS
from argocd_release.model.application import Application, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import COMPARISON_ERROR, CauseCode, Condition, Problem

#: The time limit of one comparison in seconds.
COMPARISON_SECONDS: Final = 120.0
_UNREACHABLE: Final = frozenset({FailureKind.UNREACHABLE, FailureKind.PROXY, FailureKind.TIMED_OUT, FailureKind.KILLED})
_DENIED: Final = frozenset({FailureKind.DENIED, FailureKind.UNAUTHENTICATED})
# Phrases by which git or the repo-server reports that the repository does not contain the commit.
_NO_COMMIT: Final = ("not our ref", "unable to resolve", "couldn't find remote ref", "Failed to checkout revision")


@dataclass(frozen=True, kw_only=True)
class Work:
    """The objects that the comparisons of all applications share."""

    argocd: ArgoCD
    api: Api
    revision: str
    scope: Scope


def compared(work: Work, name: str, application: Application, *, echo: bool) -> ApplicationDiff:
    """Compare one application, and return its result. A failed comparison is a result, and raises no exception."""
    started = time.monotonic()
    try:
        result = _compared(work, name, application, echo=echo)
    except ArgoCDError as error:
        result = failed(name, error)
    return replace(result, seconds=time.monotonic() - started)


def _compared(work: Work, name: str, application: Application, *, echo: bool) -> ApplicationDiff:
    positions = work.scope.positions(application)
    output = work.argocd.diff(name, work.revision, positions, seconds=COMPARISON_SECONDS, echo=echo)
    changes = [change for change in compare.changes_of(output, application) if not _is_secret(change)]
    notes = []
    secrets = 0
    try:
        of_secrets, secrets = _secrets(work, name, application, positions)
        changes += of_secrets
    except ArgoCDError as error:
        notes.append(texts.SECRETS_UNREAD.fill(error=one_line(error.message, limit=150)))
    if secrets:
        notes.append(texts.SECRETS.fill(secrets=counted(secrets, "Secret")))
    if application.sync is not SyncStatus.SYNCED and changes:
        notes.append(texts.ALREADY_DIFFERENT.fill())
    notes += [
        texts.NEW_APPLICATION.fill(name=change.ref.name)
        for change in changes
        if change.ref.kind == "Application" and change.action is Action.ADDED
    ]
    touched = {change.ref for change in changes if change.action is not Action.ADDED}
    managed = [each for each in application.resources if not each.hook]
    unchanged = sum(each.ref not in touched for each in managed)
    return ApplicationDiff(
        name=name,
        state=State.COMPARED,
        changes=tuple(sorted(changes, key=lambda change: (not change.dangers, change.ref))),
        unchanged=unchanged,
        secrets=secrets,
        notes=tuple(notes),
        sync=_sync_policy(application),
    )


def _sync_policy(application: Application) -> str:
    if not application.automated:
        return texts.MANUAL
    return texts.AUTOMATED_WITH_PRUNING if application.prune else texts.AUTOMATED


def _is_secret(change: compare.ResourceChange) -> bool:
    # argocd 2.13 does not show Secrets, and argocd 3.6 masks their values. So the job compares Secrets by itself.
    return change.ref.kind == "Secret" and not change.ref.group


def _secrets(
    work: Work, name: str, application: Application, positions: tuple[int, ...]
) -> tuple[tuple[compare.ResourceChange, ...], int]:
    """Return the changes of Secrets, and the number of Secrets whose values can change unnoticed."""
    query = [("revision", work.revision)]
    query += [pair for at in positions for pair in (("revisions", work.revision), ("sourcePositions", str(at)))]
    answer = work.api.get(name, f"manifests?{urlencode(query)}")
    new = compare.secret_documents(answer, "")
    live = compare.secret_documents(work.api.get(name, "managed-resources", kind="Secret"), "liveState")
    # Argo CD renders a Secret without its namespace. Use the first one of the application, because most have only one.
    namespace = next((each.namespace for each in application.resources if each.namespace), "")
    changes = compare.secret_changes(live, new, namespace, application)
    added = sum(change.action is Action.ADDED for change in changes)
    return changes, len(new) - added


def failed(name: str, error: ArgoCDError) -> ApplicationDiff:
    outcome, problem = problem_of(name, error)
    return ApplicationDiff(name=name, state=State.FAILED, problem=problem, outcome=outcome)


def problem_of(name: str, error: ArgoCDError) -> tuple[Outcome, Problem]:
    """Return the outcome of an application's failed comparison, and the problem with a hint on how to solve it."""
    message = one_line(error.message, limit=1000)

    def problem(code: CauseCode, hint: str) -> Problem:
        return Problem(code=code, message=message, hint=hint)

    if error.kind in _DENIED:
        return Outcome.DENIED, problem(CauseCode.DENIED, SYMPTOM_HINTS["DENIED"])
    if error.kind is FailureKind.MISSING:
        return Outcome.MISSING, problem(CauseCode.APPLICATION_MISSING, texts.MISSING_HINT)
    if error.kind in _UNREACHABLE:
        return Outcome.UNREACHABLE, problem(CauseCode.UNREACHABLE, texts.RETRY)
    if any(phrase in message for phrase in _NO_COMMIT):
        return Outcome.SYNC_FAILED, problem(CauseCode.COMPARISON_ERROR, texts.NO_COMMIT.fill())
    if is_outage(message):
        return Outcome.UNREACHABLE, problem(CauseCode.CANNOT_COMPARE, texts.RETRY)
    code = Condition(type=COMPARISON_ERROR, message=message).code or CauseCode.COMPARISON_ERROR
    return Outcome.SYNC_FAILED, problem(code, texts.FIX_RENDERING.fill(application=name))
