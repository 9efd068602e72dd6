"""Find the root cause of a release that was not delivered, and collect the pods, events and logs that show it.

The number of calls to Argo CD, the log lines and the time are limited. If Argo CD does not return a part of the data,
the diagnosis contains a note with the reason. The diagnosis never changes the verdict.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from argocd_release.core.text import as_list, as_object, as_objects, as_text, one_line
from argocd_release.diagnosis import root_cause
from argocd_release.diagnosis.differences import differing_fields
from argocd_release.diagnosis.hook_evidence import HookRecorder, KeptPod, has_failed
from argocd_release.diagnosis.pod_status import Container, claim_names, parse_pod_status, restarted, serving_host
from argocd_release.messages import causes, drift
from argocd_release.model.application import Application, Operation, Resource, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.exclusion import without
from argocd_release.model.ports import Evidence, StopFlag
from argocd_release.model.problem import CauseCode, Problem, Subject
from argocd_release.model.resource_tree import Node, Tree
from argocd_release.model.result import Diagnosis, ObjectEvent, PodLog
from argocd_release.timing import run_in_background
from argocd_release.verdict.pending import CLAIM, PENDING_DELETION

#: The time limit of a diagnosis in seconds.
SECONDS: Final = 20.0
#: The maximum number of suspects whose events, state and logs are read.
SUSPECTS: Final = 3
#: How long a diagnosis waits for a hook recorder that is still reading data, in seconds.
HOOK_SECONDS: Final = 3.0
#: The number of lines to read from the end of a container's log.
LOG_LINES: Final = 30


class _CutShortError(Exception):
    """An exception that stops the diagnosis, because the job must end."""


def diagnose(
    name: str,
    application: Application,
    *,
    sources: Evidence,
    stop: StopFlag,
    seconds: float = SECONDS,
    hooks: HookRecorder | None = None,
    host: str = "",
    subject: Subject | None = None,
    look_for_cause: bool = True,
) -> Diagnosis:
    """Return the diagnosis of an application, or the part of it that was collected in time.

    Args:
        name: the name of the application for requests to Argo CD.
        application: its last observed state.
        sources: reads the tree, events, manifests and logs from Argo CD.
        stop: a flag that is set if the job must end. The diagnosis then ends, too.
        seconds: the time limit of the diagnosis.
        hooks: the recorder of the application's hooks; None if no operation ran.
        host: the host name of a site that did not respond. Only objects that serve it are then suspects.
        subject: the object of the verdict. If it is a pod that has restarted and is ready again, it is a suspect too.
        look_for_cause: False if the cause cannot be in the cluster. The diagnosis then only says which pods serve.
    """
    diagnoses, over = [Diagnosis()], False

    def work() -> None:
        kept = hooks.kept(application, seconds=HOOK_SECONDS) if hooks else ()
        found = (
            steps(name, application, sources, kept, host=host, subject=subject)
            if look_for_cause
            else _pods_only(name, application, sources)
        )
        for step in found:
            diagnoses.append(step)
            if over:
                return

    def check() -> None:
        if stop.is_set():
            raise _CutShortError

    background = run_in_background(work)
    with suppress(_CutShortError):
        background.wait_for(seconds=seconds, check=check)
    over = True
    if not background.done():
        reason = causes.CUT_SHORT.fill(seconds=f"{seconds:.0f}")
    elif error := background.exception():
        reason = f"{type(error).__name__}: {error}"
    else:
        return diagnoses[-1]
    return replace(diagnoses[-1], notes=(*diagnoses[-1].notes, causes.INCOMPLETE.fill(reason=reason)))


def steps(
    name: str,
    application: Application,
    sources: Evidence,
    kept: tuple[KeptPod, ...] = (),
    *,
    host: str = "",
    subject: Subject | None = None,
) -> Iterator[Diagnosis]:
    """Yield the diagnosis after each step, each time with more data. The last diagnosis is complete.

    Args:
        name: the name of the application for requests to Argo CD.
        application: its last observed state.
        sources: reads the tree, events, manifests and logs from Argo CD.
        kept: the recorded pods of failed hooks. Argo CD has possibly deleted these pods in the meantime.
        host: the host name of a site that did not respond, or an empty string.
        subject: the object of the verdict, or None.
    """
    diagnosis = Diagnosis()
    cause = root_cause.from_application(application)
    if cause is not None:
        yield (diagnosis := replace(diagnosis, cause=cause))
    for hook in kept[:SUSPECTS]:
        of_hook = _with(diagnosis, hook.tree, hook.pod, hook.clues, application)
        yield (diagnosis := of_hook if has_failed(hook, application) else replace(of_hook, cause=diagnosis.cause))
        if note := _missing_log(hook):
            yield (diagnosis := _without_log(diagnosis, note))
    try:
        tree = _chosen_tree(name, application, sources)
    except ArgoCDError as error:
        yield replace(diagnosis, notes=(_note(causes.PODS_AND_EVENTS, error),))
        return
    if diagnosis.cause is None:
        yield (diagnosis := _with_cause_in_manifest(diagnosis, name, application, tree, sources))
    uids = {hook.pod.uid for hook in kept}
    gone = [hook.pod for hook in kept if hook.pod.uid not in {node.uid for node in tree.nodes}]
    chosen = root_cause.suspects(application, tree)
    if host:
        serving = serving_host(tree, host)
        chosen = tuple(node for node in chosen if node.uid in serving)
    again = tuple(node for node in tree.pods if subject and node.ref == subject.ref and node.serves)
    chosen = (*again, *chosen)
    pods = (*gone, *sorted(tree.pods, key=lambda node: _order(node, chosen)))
    yield (diagnosis := replace(diagnosis.with_state_of(tree), pods=pods))
    for suspect in [node for node in chosen if node.uid not in uids][: SUSPECTS - len(kept[:SUSPECTS])]:
        clues, notes, no_log = _interrogate(name, suspect, sources)
        if (suspect.group, suspect.kind) == CLAIM:
            clues = replace(clues, used=_is_mounted(name, suspect, tree, sources))
        diagnosis = _with(diagnosis, tree, suspect, clues, application)
        diagnosis = replace(diagnosis, notes=tuple(dict.fromkeys((*diagnosis.notes, *notes))))
        yield (diagnosis := _without_log(diagnosis, no_log) if no_log else diagnosis)


def _with_cause_in_manifest(
    diagnosis: Diagnosis, name: str, application: Application, tree: Tree, sources: Evidence
) -> Diagnosis:
    """Add a cause that only a live manifest shows, if there is one. If a manifest is unreadable, add a note."""
    try:
        lost_hook = root_cause.lost_hook(application, tree, partial(sources.live, name))
        return replace(diagnosis, cause=lost_hook or _drift(name, application, tree, sources))
    except ArgoCDError as error:
        return replace(diagnosis, notes=(*diagnosis.notes, _note(causes.MANIFESTS, error)))


def _without_log(diagnosis: Diagnosis, note: str) -> Diagnosis:
    """Return the diagnosis with an added note that says why a log is missing."""
    no_log = diagnosis.no_log or ("" if diagnosis.logs else note)
    return replace(diagnosis, no_log=no_log, notes=tuple(dict.fromkeys((*diagnosis.notes, note))))


def _chosen_tree(name: str, application: Application, sources: Evidence) -> Tree:
    """Return the resource tree without the resources that RELEASE_RESOURCES excludes.

    Raises:
        ArgoCDError: Argo CD cannot return the tree.
    """
    return without(sources.tree(name), application.exclusion)


def _pods_only(name: str, application: Application, sources: Evidence) -> Iterator[Diagnosis]:
    try:
        yield Diagnosis().with_state_of(_chosen_tree(name, application, sources))
    except ArgoCDError as error:
        yield Diagnosis(notes=(_note(causes.PODS_AND_EVENTS, error),))


def _is_mounted(name: str, claim: Node, tree: Tree, sources: Evidence) -> bool:
    """Return True if a pod that is not Healthy mounts the claim, or if the manifest of such a pod cannot be read.

    At most ``SUSPECTS`` manifests are read.
    """
    pods = [pod for pod in tree.pods if pod.namespace == claim.namespace and pod.health != "Healthy"]
    for pod in pods[:SUSPECTS]:
        try:
            if claim.name in claim_names(sources.live(name, pod)):
                return True
        except ArgoCDError:
            return True
    return False


def _drift(name: str, application: Application, tree: Tree, sources: Evidence) -> Problem | None:
    """Read the live manifest of an OutOfSync resource, and return the problem that it shows, or None."""
    item = drifted_resource(application)
    if item is None or application.operating or application.sync is SyncStatus.SYNCED:
        return None
    node = next((node for node in tree.nodes if node.ref == item.ref), None)
    problem = drift_cause(application, item, sources.live(name, node)) if node else None
    if problem is None or problem.code is not CauseCode.NOT_KEPT:
        return problem
    # If the token is not allowed to read the difference, report the cause without the fields.
    with suppress(ArgoCDError):
        fields, is_dropped = differing_fields(item.kind, *sources.states(name, item))
        if fields:
            message = drift.NOT_KEPT_FIELDS.fill(message=problem.message, fields=fields)
            hint = drift.FIELDS_DROPPED if is_dropped else drift.NOT_KEPT_FIELDS.hint
            return replace(problem, message=message, hint=hint)
    return problem


def _with(
    diagnosis: Diagnosis, tree: Tree, suspect: Node, clues: root_cause.Clues, application: Application
) -> Diagnosis:
    """Add the evidence about one more suspect to the diagnosis. If a root cause is already known, keep it."""
    cause = root_cause.describe(tree, suspect, clues, application) if not diagnosis.cause else None
    events = [ObjectEvent(subject=str(suspect), event=event) for event in clues.events]
    return replace(
        diagnosis,
        cause=cause or diagnosis.cause,
        events=(*diagnosis.events, *events),
        logs=(*diagnosis.logs, clues.log) if clues.log and clues.log.says_something else diagnosis.logs,
    )


def _missing_log(hook: KeptPod) -> str:
    """Return the reason why there is no log of a hook's pod, or an empty string if there is one."""
    log, status = hook.clues.log, hook.clues.status
    if log is not None and log.says_something:
        return ""
    if hook.log_error is not None:
        return _note(causes.LOGS, hook.log_error, right="logs")
    container = status.culprit if status else None
    if container is None:
        return causes.NO_LOG_GONE.fill(pod=hook.pod)
    if not container.has_run:
        return causes.NO_LOG_NOT_STARTED.fill(pod=hook.pod, container=container.name)
    if log is None:
        return causes.NO_LOG_GONE.fill(pod=hook.pod)
    return causes.NO_LOG_EMPTY.fill(pod=hook.pod, container=container.name)


def _order(node: Node, chosen: tuple[Node, ...]) -> tuple[int, str]:
    return (chosen.index(node) if node in chosen else len(chosen), node.name)


def _interrogate(name: str, suspect: Node, sources: Evidence) -> tuple[root_cause.Clues, list[str], str]:
    """Read the data about an object that can be the root cause.

    Returns:
        The data, notes about data that could not be read, and the reason why there is no log. The reason is empty if
        there is a log.
    """
    notes: list[str] = []
    clues = root_cause.Clues()
    try:
        clues = replace(clues, events=sources.events(name, suspect))
    except ArgoCDError as error:
        notes.append(_note(causes.EVENTS.fill(subject=suspect), error))
    if suspect.kind != "Pod":
        return clues, notes, ""
    try:
        status = parse_pod_status(sources.live(name, suspect))
        # A serving pod is a suspect only because it has restarted, so report its state before the restart.
        clues = replace(clues, status=restarted(status) if suspect.serves else status)
    except ArgoCDError as error:
        return (
            clues,
            [*notes, _note(causes.OBJECT_STATE.fill(subject=suspect), error)],
            causes.NO_LOG_UNKNOWN.fill(pod=suspect),
        )
    container = clues.status.culprit if clues.status else None
    warns = any(event.type == "Warning" for event in clues.events)
    if not notes and not warns and not (container and container.has_run):
        notes.append(causes.NO_WARNINGS.fill(pod=suspect))
    if container is None:
        return clues, notes, causes.NO_LOG_NOT_SCHEDULED.fill(pod=suspect)
    if not container.has_run:
        return clues, notes, causes.NO_LOG_NOT_STARTED.fill(pod=suspect, container=container.name)
    try:
        log = _log(name, suspect, container, sources)
    except ArgoCDError as error:
        return clues, notes, _note(causes.LOGS, error, right="logs")
    empty = causes.NO_LOG_EMPTY.fill(pod=suspect, container=container.name)
    return replace(clues, log=log), notes, "" if log.says_something else empty


def _log(name: str, pod: Node, container: Container, sources: Evidence) -> PodLog:
    """Return the log of the container's current run or, if it is not running now, of its previous run."""
    previous = container.restarts > 0 and not container.running
    lines: tuple[str, ...] = ()
    if previous:
        lines = sources.log(name, pod, container.name, previous=True, lines=LOG_LINES)
    if not lines:
        previous = False
        lines = sources.log(name, pod, container.name, previous=False, lines=LOG_LINES)
    return PodLog(pod=pod.name, container=container.name, previous=previous, lines=lines)


def _note(what: str, error: ArgoCDError, *, right: str = "applications") -> str:
    note = causes.NOT_SHOWN.fill(what=what, reason=error.message)
    if error.kind is not FailureKind.DENIED:
        return note
    return causes.NOT_ALLOWED.fill(note=note, rule=f"p, role:ci-readonly, {right}, get, */*, allow")


#: The field managers of Argo CD itself, for client-side and server-side apply (argo-cd v2.13.2 common/common.go).
_ARGO_CD: Final = frozenset({"argocd-controller", "argocd-application-controller", "gitops-engine"})
#: Prefixes of field managers that belong to interactive programs, with which people change objects by hand.
_PEOPLE: Final = ("kubectl", "k9s", "lens", "node-fetch", "mozilla", "dashboard", "headlamp")


def drifted_resource(application: Application) -> Resource | None:
    """Return the first OutOfSync resource that exists, or None. Prefer a resource with a pending deletion."""
    pending = (item for item in application.resources if item.sync is SyncStatus.OUT_OF_SYNC and not item.hook)
    existing = [item for item in pending if item.health != "Missing"]
    held = [item for item in existing if item.message.startswith(PENDING_DELETION)]
    return next(iter((*held, *existing)), None)


def drift_cause(application: Application, item: Resource, manifest: object) -> Problem | None:
    """Return the problem that keeps a resource OutOfSync, or None if its live manifest does not show the problem.

    Args:
        application: the observed application.
        item: the OutOfSync resource.
        manifest: its live manifest, as parsed JSON.
    """
    metadata = as_object(as_object(manifest).get("metadata"))
    subject = Subject.of(item)
    if metadata.get("deletionTimestamp"):
        names = one_line(", ".join(as_text(name) for name in as_list(metadata.get("finalizers"))), limit=300)
        code = CauseCode.DELETION_PENDING
        message = drift.FINALIZER.fill(resource=item, finalizers=names)
        return Problem(code=code, message=message, subject=subject, hint=causes.HINTS[code.word]) if names else None
    operation = application.operation
    if operation is None or not application.attempted or item.requires_pruning:
        return None
    manager = _last_manager(metadata, since=operation.started_at)
    if not manager:
        return _not_kept(application, item, operation)
    if manager.lower().startswith(_PEOPLE):
        message = drift.CHANGED_BY_HAND.fill(resource=item, manager=manager)
        hint = drift.CHANGED_BY_HAND.fill_hint(application=application.full_name)
        return Problem(code=CauseCode.OUT_OF_SYNC, message=message, subject=subject, hint=hint)
    code, message = CauseCode.OVERWRITTEN, drift.OVERWRITTEN.fill(resource=item, manager=manager)
    return Problem(code=code, message=message, subject=subject, hint=causes.HINTS[code.word])


def _not_kept(application: Application, item: Resource, operation: Operation) -> Problem | None:
    """Return a problem if the resource still differs from git after the last sync has applied it, otherwise None.

    Return None also if no comparison has followed the sync, because the difference can then be outdated.
    """
    applied = any(result.ref == item.ref and result.applied for result in application.results)
    if not applied or not operation.succeeded or application.outdated:
        return None
    code = CauseCode.NOT_KEPT
    message = drift.NOT_KEPT.fill(resource=item)
    return Problem(code=code, message=message, subject=Subject.of(item), hint=causes.HINTS[code.word])


def _last_manager(metadata: dict[str, Any], *, since: str) -> str:
    """Return the field manager that last changed the object, ignoring the field managers of Argo CD.

    The result is an empty string if no other field manager has changed the object since the given time.

    Args:
        metadata: the metadata of the live manifest.
        since: the start of the last sync, in RFC 3339.
    """
    changes = sorted(_changes(metadata), key=lambda change: change[0])
    # Kubernetes stores these times in whole seconds, so a change in the second of the sync counts. A change of the
    # replicas through the scale subresource has no time (seen with Kubernetes 1.31). So treat it as a change after the
    # sync, too.
    others = [manager for time, manager in changes if manager not in _ARGO_CD and (not time or time >= since)]
    return one_line(others[-1], limit=100) if others else ""


def _changes(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in as_objects(metadata.get("managedFields")):
        fields = as_object(entry.get("fieldsV1"))
        # Controllers write the status and their own annotations. Ignore these changes, because they do not make a
        # resource OutOfSync.
        if entry.get("subresource") == "status" or not fields.keys() & {"f:spec", "f:data", "f:stringData", "f:rules"}:
            continue
        yield as_text(entry.get("time")), as_text(entry.get("manager"))
