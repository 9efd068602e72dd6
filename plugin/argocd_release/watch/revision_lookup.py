"""Asks the git history about revisions without waiting for it. An answer that comes late is for a later look."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.revision import Relation, RevisionRelation
from argocd_release.timing.background import Background, run_in_background

# A clone on disk answers within this time; the answer of a remote is for a later look.
PATIENCE_SECONDS: Final = 0.3
# A history that could not be consulted is asked again after this time.
AGAIN_SECONDS: Final = 10.0
STILL_ASKED: Final = RevisionRelation(
    relation=Relation.UNKNOWN, note="git's history is still being asked", pending=True
)


class RevisionLookup:
    """Keeps what ``consult`` answers, which can block and raise.

    Args:
        consult: answers a question; called from other threads, once per question at a time.
        on_answer: called, in another thread, when an answer comes late.
        check: raises to end the waiting.
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
        self._known: dict[tuple[Hashable, ...], tuple[float, RevisionRelation]] = {}
        self._requested: dict[tuple[Hashable, ...], Background[RevisionRelation]] = {}

    def __call__(self, *question: Hashable) -> RevisionRelation:
        """Return the answer to the question, or ``STILL_ASKED`` until it is known. Wait for a moment at most."""
        self._collect(question)
        since, known = self._known.get(question, (-AGAIN_SECONDS, STILL_ASKED))
        stale = known.relation is Relation.UNKNOWN and self._now() - since >= AGAIN_SECONDS
        if stale and question not in self._requested:
            answer = self._requested[question] = run_in_background(partial(self._consult, *question))
            if not answer.wait_for(seconds=PATIENCE_SECONDS, check=self._check):
                answer.add_done_callback(lambda _: self._on_answer())
            self._collect(question)
        return self._known.get(question, (0.0, STILL_ASKED))[1]

    def _collect(self, question: tuple[Hashable, ...]) -> None:
        answer = self._requested.get(question)
        if answer is None or not answer.done():
            return
        del self._requested[question]
        error = answer.exception()
        note = f"git's history could not be consulted: {type(error).__name__}: {one_line(str(error))}"
        relation = RevisionRelation(relation=Relation.UNKNOWN, note=note) if error else answer.result()
        self._known[question] = (self._now(), relation)
