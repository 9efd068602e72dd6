"""Look up revisions in the git history without blocking a look. If an answer comes late, a later look uses it."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import verdict as texts
from argocd_release.model.git import Relation, RevisionRelation
from argocd_release.timing import Background, run_in_background

# The longest wait of a look for an answer. A clone on disk answers within this time, but a remote repository usually
# does not.
WAIT_SECONDS: Final = 0.3
# If the history could not be consulted, the lookup is repeated after this time.
AGAIN_SECONDS: Final = 10.0
LOOKUP_PENDING: Final = RevisionRelation(relation=Relation.UNKNOWN, note=texts.HISTORY_BEING_READ, pending=True)


class RevisionLookup:
    """A cache of revision relations, which are looked up in background threads.

    Args:
        consult: looks up a relation; it can block and raise. It is called in other threads, but never twice at a time
            with the same arguments.
        on_answer: is called in another thread when an answer arrives after the look has stopped waiting.
        check: raises if the job must end.
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
        """Return the relation, or ``LOOKUP_PENDING`` until it is known. Wait for at most ``WAIT_SECONDS``."""
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
