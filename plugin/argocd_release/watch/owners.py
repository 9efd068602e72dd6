"""Find the owners of applications, and the ApplicationSets that generate their child applications.

The owner of an application is the parent application or the ApplicationSet that defines its spec. If several
applications have the same owner, they share one comparison of it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, Resource
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import APPLICATION, APPLICATION_SET, ApplicationSet, Owner, OwnerRef, OwnerState
from argocd_release.model.ports import ApplicationSets, Commands
from argocd_release.timing import Background, run_in_background

COMPARISON_SECONDS: Final = 60.0
READ_SECONDS: Final = 10.0
# The pause in seconds between two reads of an owner: after a successful read, and after a failed one.
READ_AGAIN_SECONDS: Final = 2.0
ASK_AGAIN_SECONDS: Final = 10.0
# The minimum number of seconds between two comparisons of the same owner.
COMPARE_AGAIN_SECONDS: Final = 5.0
# The maximum length of a chain of owners that the lookup follows. The limit also ends a cycle of owners.
MOST_LEVELS: Final = 5
_HIDDEN: Final = frozenset({
    FailureKind.DENIED, FailureKind.MISSING, FailureKind.REFUSED, FailureKind.UNAUTHENTICATED,
})  # fmt: skip
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class _Owned:
    """An application or an ApplicationSet that has owners.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        namespace: its namespace.
        name: its name.
        owner_refs: the owners that its metadata names.
        revisions: the compared revisions of the tracked application at the end of the chain of owners.
        since: the clock time at which a look first showed these revisions; 0 if the first look has shown them.
    """

    kind: str
    namespace: str
    name: str
    owner_refs: tuple[OwnerRef, ...]
    revisions: tuple[str, ...]
    since: float

    def is_in(self, parent: Application) -> Callable[[Resource], bool]:
        """Return a function that recognises this object among the resources of the parent."""
        key = ("argoproj.io", self.kind, self.namespace, self.name)
        return lambda item: (item.group, item.kind, item.namespace or parent.namespace, item.name) == key


@dataclass(kw_only=True)
class _Entry:
    """A parent application with its last known state, and with the last request that reads it."""

    #: The clock time at which the job last requested a comparison of the parent.
    begun_at: float
    #: The clock time of the last request for the parent, with or without a comparison.
    read_at: float
    answer: "Background[Application]"
    application: Application | None = None
    error: ArgoCDError | None = None


class Owners:
    """A lookup of owners that never blocks. It returns the owners' known states, and updates them in the background.

    Args:
        commands: reads applications.
        sets: reads ApplicationSets.
        strict: True to treat hidden and unproven owners as pending, so that the release cannot succeed.
        follow: False to ignore the owners of applications.
        children: True to also return the ApplicationSets that an application manages, so that the release waits until
            they have generated their applications.
        now: returns the time of a monotonic clock in seconds.
        wake: a callback for each response of Argo CD.
    """

    def __init__(
        self,
        commands: Commands,
        sets: ApplicationSets,
        *,
        strict: bool,
        follow: bool = True,
        children: bool = False,
        now: Callable[[], float],
        wake: Callable[[], object],
    ) -> None:
        self._commands = commands
        self._sets = sets
        self._strict = strict
        self._follow = follow
        self._children = children
        self._now = now
        self._wake = wake
        self._entries: dict[str, _Entry] = {}
        self._set_answers: dict[str, tuple[float, Background[ApplicationSet]]] = {}
        self._revisions: dict[str, tuple[tuple[str, ...], float]] = {}
        self._lock = threading.Lock()

    def __call__(self, application: Application) -> tuple[Owner, ...]:
        """Return the application's owners at all levels and, if requested, the ApplicationSets that it manages."""
        with self._lock:
            owners = self._makers(application) if self._children else ()
            if self._follow:
                visited = frozenset({application.full_name, application.name})
                owners += self._of(_owned(application, self._since(application)), visited)
        return tuple(map(self._strictly, owners)) if self._strict else owners

    def _strictly(self, owner: Owner) -> Owner:
        if owner.state not in {OwnerState.HIDDEN, OwnerState.UNPROVEN}:
            return owner
        return replace(owner, state=OwnerState.PENDING, detail=texts.OWNER_STRICT.fill(detail=owner.detail))

    def _since(self, application: Application) -> float:
        revisions, since = self._revisions.get(application.uid, (application.revisions, 0.0))
        if revisions != application.revisions:
            since = self._now()
        self._revisions[application.uid] = (application.revisions, since)
        return since

    def _of(self, owned: _Owned, visited: frozenset[str]) -> tuple[Owner, ...]:
        owners: list[Owner] = []
        for ref in owned.owner_refs:
            if ref.name in visited or len(visited) > 2 * MOST_LEVELS:
                continue
            if ref.kind == APPLICATION_SET:
                owners += self._set(owned, ref, visited | {ref.name})
            else:
                owners += self._parent(owned, ref, visited | {ref.name})
        return tuple(owners)

    def _parent(self, owned: _Owned, ref: OwnerRef, visited: frozenset[str]) -> tuple[Owner, ...]:
        entry = self._entry(ref.name, owned)
        owner = partial(Owner, kind=APPLICATION, name=ref.name)
        if entry.error is not None and entry.error.kind in _HIDDEN:
            hidden = texts.OWNER_HIDDEN if ref.certain else texts.LABELLED_OWNER_HIDDEN
            return (owner(state=OwnerState.HIDDEN, detail=hidden),)
        parent = entry.application
        if parent is None:
            return (owner(state=OwnerState.PENDING, detail=texts.OWNER_NOT_COMPARED),)
        repositories = tuple(source.repo_url for source in parent.sources if not source.chart)
        owner = partial(owner, repositories=repositories)
        above = self._of(replace(_owned(parent, owned.since), revisions=owned.revisions), visited | {parent.full_name})
        managed = next(filter(owned.is_in(parent), parent.resources), None)
        if managed is None:
            # The label has another meaning, or the parent does not manage the application any more.
            settled = parent.spec_compared and not parent.errors
            return () if settled else (*above, owner(state=OwnerState.PENDING, detail=_why(parent)))
        if managed.sync == "Synced" and parent.spec_compared and not parent.errors:
            return (*above, owner(state=OwnerState.CURRENT))
        return (*above, owner(state=OwnerState.PENDING, detail=_why(parent)))

    def _entry(self, name: str, owned: _Owned) -> _Entry:
        """Return the entry of the parent. If a comparison or a read of the parent is due, request it."""
        now, entry = self._now(), self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = _Entry(begun_at=now, read_at=now, answer=self._compare(name))
        if entry.answer.done():
            self._collect(entry)
            if self._is_stale(entry, owned):
                entry.begun_at = entry.read_at = now
                entry.application = None
                entry.answer = self._compare(name)
            elif now - entry.read_at >= (ASK_AGAIN_SECONDS if entry.error else READ_AGAIN_SECONDS):
                entry.read_at = now
                again = partial(self._commands.get, name, seconds=READ_SECONDS, refresh=entry.application is None)
                entry.answer = self._ask(again)
        return entry

    def _is_stale(self, entry: _Entry, owned: _Owned) -> bool:
        """Return True if the parent must be compared again.

        The parent must be compared again if its last comparison began before the child's revisions appeared, and did
        not show any of these revisions.
        """
        if entry.application is None or entry.begun_at >= owned.since:
            return False
        same = set(entry.application.revisions) & set(owned.revisions)
        return not same and self._now() - entry.begun_at >= COMPARE_AGAIN_SECONDS

    def _collect(self, entry: _Entry) -> None:
        error = entry.answer.exception()
        if error is None:
            entry.application, entry.error = entry.answer.result(), None
        elif isinstance(error, ArgoCDError):
            entry.error = error
        else:
            raise error

    def _compare(self, name: str) -> "Background[Application]":
        return self._ask(partial(self._commands.get, name, seconds=COMPARISON_SECONDS, refresh=True))

    def _ask(self, get: Callable[[], Answer]) -> "Background[Answer]":
        answer = run_in_background(get)
        answer.add_done_callback(lambda _: self._wake())
        return answer

    def _makers(self, application: Application) -> tuple[Owner, ...]:
        """Return the ApplicationSets that the application manages, with the state of their generated applications.

        The health of an ApplicationSet proves nothing: Argo CD 2.13 reports it as Healthy before the controller has
        processed it (argo-cd v2.13.2 resource_customizations/argoproj.io/ApplicationSet/health.lua).
        """
        makers: list[Owner] = []
        for name in application.set_names:
            owner = partial(Owner, kind=APPLICATION_SET, name=name, makes_children=True)
            answer = self._set_answer(name, is_enough=lambda application_set: application_set.is_up_to_date)
            error = answer.exception() if answer.done() else None
            if isinstance(error, ArgoCDError) and error.is_refused:
                makers.append(owner(state=OwnerState.HIDDEN, detail=texts.OWNER_HIDDEN))
            elif error or not answer.done() or not answer.result().is_up_to_date:
                makers.append(owner(state=OwnerState.PENDING, detail=texts.SET_NOT_APPLIED))
            else:
                makers.append(owner(state=OwnerState.CURRENT))
        return tuple(makers)

    def _set_answer(
        self, name: str, *, is_enough: Callable[[ApplicationSet], bool] = lambda _: True
    ) -> "Background[ApplicationSet]":
        """Return the last request that reads the ApplicationSet. The request can still be running.

        If the request has failed or ``is_enough`` rejects its result, send another one after a pause.
        """
        now, (asked_at, answer) = self._now(), self._set_answers.get(name, (0.0, None))
        if answer is not None and answer.done():
            failed = answer.exception() is not None
            due = ASK_AGAIN_SECONDS if failed else READ_AGAIN_SECONDS
            if now - asked_at < due or not (failed or not is_enough(answer.result())):
                return answer
        elif answer is not None:
            return answer
        answer = self._ask(partial(self._sets.application_set, name))
        self._set_answers[name] = (now, answer)
        return answer

    def _set(self, owned: _Owned, ref: OwnerRef, visited: frozenset[str]) -> tuple[Owner, ...]:
        """Return the ApplicationSet and its owners.

        If the ApplicationSet has git generators or owners, its state is unproven. Argo CD does not report which commit
        the generators have read. Nor does it report if the application already has the latest change of the
        ApplicationSet's spec.
        """
        owner = partial(Owner, kind=APPLICATION_SET, name=ref.name)
        answer = self._set_answer(ref.name)
        if not answer.done():
            return (owner(state=OwnerState.PENDING, detail=texts.OWNER_NOT_SHOWN),)
        if answer.exception() is not None:
            return (owner(state=OwnerState.HIDDEN, detail=texts.OWNER_HIDDEN),)
        application_set = answer.result()
        namespace, _, name = ref.name.rpartition("/")
        above = self._of(
            replace(owned, kind=APPLICATION_SET, namespace=namespace, name=name, owner_refs=application_set.owner_refs),
            visited,
        )
        if application_set.repositories:
            detail = texts.OWNER_UNPROVEN
            return (*above, owner(state=OwnerState.UNPROVEN, detail=detail, repositories=application_set.repositories))
        if not above:
            return (owner(state=OwnerState.CURRENT),)
        detail = texts.OWNER_OF_SET_UNPROVEN.fill(owner=above[-1])
        repositories = tuple(url for parent in above for url in parent.repositories)
        return (*above, owner(state=OwnerState.UNPROVEN, detail=detail, repositories=repositories))


def _owned(application: Application, since: float) -> _Owned:
    return _Owned(
        kind=APPLICATION,
        namespace=application.namespace,
        name=application.name,
        owner_refs=application.owner_refs,
        revisions=application.revisions,
        since=since,
    )


def _why(parent: Application) -> str:
    if parent.errors:
        return texts.OWNER_ERROR.fill(condition=parent.errors[0].type, message=parent.errors[0].message[:300])
    return texts.OWNER_BEHIND.fill(sync=parent.sync)
