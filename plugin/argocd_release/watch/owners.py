"""The owners of the applications of a job: each is compared once, however many applications it owns."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import APPLICATION, APPLICATION_SET, Owner, OwnerRef, OwnerState
from argocd_release.model.ports import ApplicationSets, Commands
from argocd_release.timing.background import ask

COMPARISON_SECONDS: Final = 60.0
READ_SECONDS: Final = 10.0
# An owner that was read is as it was for so long, and one that could not be read is asked for again after so long.
READ_AGAIN_SECONDS: Final = 2.0
ASK_AGAIN_SECONDS: Final = 10.0
COMPARE_AGAIN_SECONDS: Final = 5.0
# Owners of owners; a chain that is longer, or a cycle, ends here.
MOST_LEVELS: Final = 5
_HIDDEN: Final = frozenset({
    FailureKind.DENIED, FailureKind.MISSING, FailureKind.REFUSED, FailureKind.UNAUTHENTICATED,
})  # fmt: skip
_CANNOT_SEE: Final = "which this token cannot see"
_BY_LABEL: Final = "which its label names and this token cannot see"


@dataclass(kw_only=True)
class _Entry:
    """One owner that is an application: its last comparison and its last state."""

    begun_at: float
    read_at: float
    answer: "Future[Application]"
    application: Application | None = None
    error: ArgoCDError | None = None


class Owners:
    """Answers at once with what is known of an application's owners, and asks Argo CD in the background.

    Args:
        strict: whether an owner that proves nothing keeps the release from being delivered.
        now: the clock, in seconds.
        wake: called when an owner has answered.
    """

    def __init__(
        self,
        commands: Commands,
        sets: ApplicationSets,
        *,
        strict: bool,
        now: Callable[[], float],
        wake: Callable[[], object],
    ) -> None:
        self._commands = commands
        self._sets = sets
        self._strict = strict
        self._now = now
        self._wake = wake
        self._entries: dict[str, _Entry] = {}
        self._set_answers: dict[str, tuple[float, Future[tuple[str, ...]]]] = {}
        self._revisions: dict[str, tuple[tuple[str, ...], float]] = {}
        self._lock = threading.Lock()

    def __call__(self, application: Application) -> tuple[Owner, ...]:
        """Return the owners of the application, and the owners of those."""
        with self._lock:
            seen = frozenset({application.full_name, application.name})
            owners = self._of(application, seen, self._since(application))
        return tuple(map(self._strictly, owners)) if self._strict else owners

    def _strictly(self, owner: Owner) -> Owner:
        if owner.state not in {OwnerState.HIDDEN, OwnerState.UNPROVEN}:
            return owner
        return replace(owner, state=OwnerState.PENDING, detail=f"{owner.detail}, and <RELEASE_OWNER> is strict")

    def _since(self, application: Application) -> float:
        """Return when the application's revisions were first seen; 0 for those of the first look."""
        known, since = self._revisions.get(application.uid, (application.revisions, 0.0))
        if known != application.revisions:
            since = self._now()
        self._revisions[application.uid] = (application.revisions, since)
        return since

    def _of(self, application: Application, seen: frozenset[str], since: float) -> tuple[Owner, ...]:
        owners: list[Owner] = []
        for ref in application.owner_refs:
            if ref.name in seen or len(seen) > 2 * MOST_LEVELS:
                continue
            if ref.kind == APPLICATION_SET:
                owners += self._set(ref)
            else:
                owners += self._parent(application, ref, seen | {ref.name}, since)
        return tuple(owners)

    def _parent(self, child: Application, ref: OwnerRef, seen: frozenset[str], since: float) -> tuple[Owner, ...]:
        entry = self._entry(ref.name, child, since)
        owner = partial(Owner, kind=APPLICATION, name=ref.name)
        if entry.error is not None and entry.error.kind in _HIDDEN:
            return (owner(state=OwnerState.HIDDEN, detail=_CANNOT_SEE if ref.certain else _BY_LABEL),)
        parent = entry.application
        if parent is None:
            return (owner(state=OwnerState.PENDING, detail="Argo CD has not compared it since this job began"),)
        repositories = tuple(source.repo_url for source in parent.sources if not source.chart)
        owner = partial(owner, repositories=repositories)
        above = self._of(parent, seen | {parent.full_name}, since)
        managed = next((item for item in parent.resources if _is(item.ref, child, parent)), None)
        if managed is None:
            # The label means something else, or the parent has given the application up.
            settled = parent.spec_compared and not parent.errors
            return () if settled else (*above, owner(state=OwnerState.PENDING, detail=_why(parent)))
        if managed.sync == "Synced" and parent.spec_compared and not parent.errors:
            return (*above, owner(state=OwnerState.CURRENT))
        return (*above, owner(state=OwnerState.PENDING, detail=_why(parent)))

    def _entry(self, name: str, child: Application, since: float) -> _Entry:
        """Return what is known of the owner, after asking for a comparison or for its state if that is due."""
        now, entry = self._now(), self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = _Entry(begun_at=now, read_at=now, answer=self._compare(name))
        if entry.answer.done():
            self._collect(entry)
            if self._is_stale(entry, child, since):
                entry.begun_at = entry.read_at = now
                entry.application = None
                entry.answer = self._compare(name)
            elif now - entry.read_at >= (ASK_AGAIN_SECONDS if entry.error else READ_AGAIN_SECONDS):
                entry.read_at = now
                again = partial(self._commands.get, name, seconds=READ_SECONDS, refresh=entry.application is None)
                entry.answer = self._ask(again)
        return entry

    def _is_stale(self, entry: _Entry, child: Application, since: float) -> bool:
        """Return True if the owner was compared before the child's revisions came, and with others."""
        if entry.application is None or entry.begun_at >= since:
            return False
        same = set(entry.application.revisions) & set(child.revisions)
        return not same and self._now() - entry.begun_at >= COMPARE_AGAIN_SECONDS

    def _collect(self, entry: _Entry) -> None:
        error = entry.answer.exception()
        if error is None:
            entry.application, entry.error = entry.answer.result(), None
        elif isinstance(error, ArgoCDError):
            entry.error = error
        else:
            raise error

    def _compare(self, name: str) -> "Future[Application]":
        return self._ask(partial(self._commands.get, name, seconds=COMPARISON_SECONDS, refresh=True))

    def _ask(self, get: Callable[[], Application]) -> "Future[Application]":
        answer = ask(get)
        answer.add_done_callback(lambda _: self._wake())
        return answer

    def _set(self, ref: OwnerRef) -> tuple[Owner, ...]:
        """Return the ApplicationSet if its generators read git; Argo CD does not tell which commit they have read."""
        owner = partial(Owner, kind=APPLICATION_SET, name=ref.name)
        now, (asked_at, answer) = self._now(), self._set_answers.get(ref.name, (0.0, None))
        failed = answer is not None and answer.done() and answer.exception() is not None
        if answer is None or (failed and now - asked_at >= ASK_AGAIN_SECONDS):
            answer = ask(partial(self._sets.git_repositories, ref.name))
            answer.add_done_callback(lambda _: self._wake())
            self._set_answers[ref.name] = (now, answer)
        if not answer.done():
            return (owner(state=OwnerState.PENDING, detail="Argo CD has not shown it yet"),)
        if answer.exception() is not None:
            return (owner(state=OwnerState.HIDDEN, detail=_CANNOT_SEE),)
        repositories = answer.result()
        if not repositories:
            return (owner(state=OwnerState.CURRENT),)
        detail = "and Argo CD does not tell whether its git generator has read this commit"
        return (owner(state=OwnerState.UNPROVEN, detail=detail, repositories=repositories),)


def _is(key: tuple[str, str, str, str], child: Application, parent: Application) -> bool:
    group, kind, namespace, name = key
    own = ("argoproj.io", APPLICATION, child.namespace, child.name)
    return (group, kind, namespace or parent.namespace, name) == own


def _why(parent: Application) -> str:
    if parent.errors:
        return f"Argo CD cannot compare it ({parent.errors[0].type}: {parent.errors[0].message[:300]})"
    return f"it is {parent.sync}, and has not brought this application's spec to the cluster yet"
