"""Find out how revisions are related, without blocking looks. If a result arrives late, a later look uses it."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import git_history as texts
from argocd_release.model.git import Relation, RevisionRelation
from argocd_release.timing import Background, run_in_background

# The maximum number of seconds that a look waits for a result. That is long enough for a lookup in a clone on disk, but
# usually not for a fetch from a remote repository.
WAIT_SECONDS: Final = 0.3
# The number of seconds after which an unknown relation is looked up again.
AGAIN_SECONDS: Final = 10.0
LOOKUP_PENDING: Final = RevisionRelation(relation=Relation.UNKNOWN, note=texts.HISTORY_BEING_READ, pending=True)


class RevisionLookup:
    """A cache of revision relations, which are looked up in background threads.

    Args:
        consult: looks up a relation. It can block or raise an exception. It runs in background threads, but never twice
            at the same time with the same arguments.
        now: returns the time of a monotonic clock in seconds.
        check: a callback that is called repeatedly during a wait. It raises an exception if the job must end.
        on_answer: a callback for a result that arrives after the wait. It runs in a background thread.
    """

    def __init__(
        self,
        consult: Callable[..., RevisionRelation],
        *,
        now: Callable[[], float],
        check: Callable[[], object],
        on_answer: Callable[[], object],
    ) -> None:
        self._consult = consult
        self._now = now
        self._check = check
        self._on_answer = on_answer
        self._answers: dict[tuple[Hashable, ...], tuple[float, RevisionRelation]] = {}
        self._requested: dict[tuple[Hashable, ...], Background[RevisionRelation]] = {}

    def __call__(self, *question: Hashable) -> RevisionRelation:
        """Return the relation, or ``LOOKUP_PENDING`` if the lookup takes longer than ``WAIT_SECONDS``.

        Args:
            question: the arguments for ``consult``.
        """
        self._collect(question)
        since, relation = self._answers.get(question, (-AGAIN_SECONDS, LOOKUP_PENDING))
        stale = relation.relation is Relation.UNKNOWN and self._now() - since >= AGAIN_SECONDS
        if stale and question not in self._requested:
            answer = self._requested[question] = run_in_background(partial(self._consult, *question))
            if not answer.wait_for(seconds=WAIT_SECONDS, check=self._check):
                answer.add_done_callback(lambda _: self._on_answer())
            self._collect(question)
        return self._answers.get(question, (0.0, LOOKUP_PENDING))[1]

    def _collect(self, question: tuple[Hashable, ...]) -> None:
        answer = self._requested.get(question)
        if answer is None or not answer.done():
            return
        del self._requested[question]
        error = answer.exception()
        note = texts.HISTORY_FAILED.fill(error=f"{type(error).__name__}: {one_line(str(error))}")
        relation = RevisionRelation(relation=Relation.UNKNOWN, note=note) if error else answer.result()
        self._answers[question] = (self._now(), relation)
