"""Git's history, asked without waiting for it: what is not known yet is *unknown*, and a later look picks it up."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.revision import Relation, RevisionRelation
from argocd_release.timing.inquiry import answered, ask

# A clone on disk answers at once; a remote's answer is for a later look.
PATIENCE_SECONDS: Final = 0.3
# A history that could not be consulted may be a moment later.
AGAIN_SECONDS: Final = 10.0
STILL_ASKED: Final = RevisionRelation(
    relation=Relation.UNKNOWN, note="git's history is still being asked", pending=True
)


class RevisionRelations:
    """Answers what ``consult`` answers, which may block, raise and take its time.

    One question at a time is put to it. ``told`` is called, in another thread, when one is answered late; ``check``
    raises to end the waiting.
    """

    def __init__(
        self,
        consult: Callable[..., RevisionRelation],
        *,
        now: Callable[[], float],
        check: Callable[[], object],
        told: Callable[[], object],
    ) -> None:
        self._consult = consult
        self._now = now
        self._check = check
        self._told = told
        self._known: dict[tuple[Hashable, ...], tuple[float, RevisionRelation]] = {}
        self._asked: tuple[tuple[Hashable, ...], Future[RevisionRelation]] | None = None

    def __call__(self, *question: Hashable) -> RevisionRelation:
        """What ``consult`` says to the same; ``STILL_ASKED`` until that is known. Waits for a moment at most."""
        self._collect()
        since, known = self._known.get(question, (-AGAIN_SECONDS, STILL_ASKED))
        stale = known.relation is Relation.UNKNOWN and self._now() - since >= AGAIN_SECONDS
        if stale and self._asked is None:
            answer = ask(partial(self._consult, *question))
            self._asked = (question, answer)
            if not answered(answer, seconds=PATIENCE_SECONDS, check=self._check):
                answer.add_done_callback(lambda _: self._told())
            self._collect()
        return self._known.get(question, (0.0, STILL_ASKED))[1]

    def _collect(self) -> None:
        if self._asked is None or not self._asked[1].done():
            return
        (question, answer), self._asked = self._asked, None
        error = answer.exception()
        note = f"git's history could not be consulted: {type(error).__name__}: {one_line(str(error))}"
        found = RevisionRelation(relation=Relation.UNKNOWN, note=note) if error else answer.result()
        self._known[question] = (self._now(), found)
