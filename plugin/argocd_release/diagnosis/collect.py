"""Why a release was not delivered: the root cause, and the pods, events and logs that show it.

Bounded in calls, lines and time. What could not be seen becomes a note; the verdict stands without any of it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from argocd_release.diagnosis import root_cause
from argocd_release.diagnosis.pod_status import parse_pod_status
from argocd_release.model.application import Application
from argocd_release.model.diagnosis import Diagnosis, ObjectEvent, PodLog
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Evidence, Stop
from argocd_release.model.resource_tree import Node
from argocd_release.timing.inquiry import answered, ask

SECONDS: Final = 20.0
SUSPECTS: Final = 3
LOG_LINES: Final = 30
# Outcomes whose cause can lie in the cluster, and after which Argo CD still answers.
DIAGNOSED: Final = frozenset({Outcome.SYNC_FAILED, Outcome.DEGRADED, Outcome.TIMED_OUT})


class _CutShortError(Exception):
    pass


def diagnose(
    name: str, application: Application, *, sources: Evidence, stop: Stop, seconds: float = SECONDS
) -> Diagnosis:
    """The diagnosis as far as it came within ``seconds``, or until ``stop`` is set; never later than that.

    ``name``: as Argo CD is asked for the application.
    """
    found, over = [Diagnosis()], False

    def work() -> None:
        for step in steps(name, application, sources):
            found.append(step)
            if over:
                return

    def check() -> None:
        if stop.is_set():
            raise _CutShortError

    asked = ask(work)
    with suppress(_CutShortError):
        answered(asked, seconds=seconds, check=check)
    over = True
    if not asked.done():
        why = f"cut short, at the latest after {seconds:.0f} s"
    elif error := asked.exception():
        why = f"{type(error).__name__}: {error}"
    else:
        return found[-1]
    return replace(found[-1], notes=(*found[-1].notes, f"pods, events and logs are incomplete: {why}"))


def steps(name: str, application: Application, sources: Evidence) -> Iterator[Diagnosis]:
    """The diagnosis after each call, every one knowing more than the one before."""
    known = Diagnosis()
    finding = root_cause.from_application(application)
    if finding is not None:
        yield (known := replace(known, cause=finding))
    try:
        tree = sources.tree(name)
    except ArgoCDError as error:
        yield replace(known, notes=(_note("pods and events", error),))
        return
    chosen = root_cause.suspects(application, tree)
    known = replace(known, pods=tuple(sorted(tree.pods, key=lambda node: _order(node, chosen))))
    yield known
    for suspect in chosen[:SUSPECTS]:
        clues, notes = _interrogate(name, suspect, sources)
        found = root_cause.describe(tree, suspect, clues, application) if not known.cause else None
        occurrences = [ObjectEvent(subject=str(suspect), event=event) for event in clues.events]
        known = replace(
            known,
            cause=found or known.cause,
            occurrences=(*known.occurrences, *occurrences),
            logs=(*known.logs, clues.log) if clues.log and clues.log.says_something else known.logs,
            notes=tuple(dict.fromkeys((*known.notes, *notes))),
        )
        yield known


def _order(node: Node, chosen: tuple[Node, ...]) -> tuple[int, str]:
    return (chosen.index(node) if node in chosen else len(chosen), node.name)


def _interrogate(name: str, suspect: Node, sources: Evidence) -> tuple[root_cause.Clues, list[str]]:
    notes: list[str] = []
    clues = root_cause.Clues()
    try:
        clues = replace(clues, events=sources.events(name, suspect))
    except ArgoCDError as error:
        notes.append(_note(f"events of {suspect}", error))
    if suspect.kind != "Pod":
        return clues, notes
    try:
        clues = replace(clues, status=parse_pod_status(sources.live(name, suspect)))
    except ArgoCDError as error:
        notes.append(_note(f"the state of {suspect}", error))
    container = clues.status.culprit if clues.status else None
    if container is None or not container.has_run:
        return clues, notes
    try:
        lines: tuple[str, ...] = ()
        previous = container.restarts > 0 and not container.running
        if previous:
            lines = sources.log(name, suspect, container.name, previous=True, lines=LOG_LINES)
        if not lines:
            previous = False
            lines = sources.log(name, suspect, container.name, previous=False, lines=LOG_LINES)
        log = PodLog(pod=suspect.name, container=container.name, previous=previous, lines=lines)
        clues = replace(clues, log=log)
    except ArgoCDError as error:
        notes.append(_note("logs of pods", error, allow="p, role:ci-readonly, logs, get, */*, allow"))
    return clues, notes


def _note(what: str, error: ArgoCDError, *, allow: str = "p, role:ci-readonly, applications, get, */*, allow") -> str:
    way = f". To allow it: {allow}" if error.trouble is FailureKind.DENIED else ""
    return f"{what} can't be shown: {error.message}{way}"
