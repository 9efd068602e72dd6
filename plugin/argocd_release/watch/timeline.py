"""When what changed: the transitions of an application while it was tracked."""

from collections.abc import Mapping

from argocd_release.model.application import Application
from argocd_release.model.delivery import Delivery
from argocd_release.model.transition import Transition
from argocd_release.watch.course import Course


class Timeline:
    """Keeps each change with its time; the first state seen counts as one."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self._last: dict[str, str] = {}
        self._course = Course()

    @property
    def rollout(self) -> Delivery:
        """What took its time, and when the application got where."""
        return self._course.rollout

    def doubt(self, troubles: Mapping[str, str], at: float) -> None:
        """Take down what the last look showed that may yet heal: by name, each with why."""
        self._course.doubt(troubles, at)

    def look(self, seen: Application, at: float, *, compared: bool) -> tuple[Transition, ...]:
        """Take a look down, ``compared`` if Argo CD has compared since the start; gives what changed since the last."""
        self._course.look(seen, at, compared=compared)
        operation = seen.operation
        state = {
            "revision": seen.revision,
            "operation": "Requested" if seen.requested else operation.phase.value if operation else "",
            "sync": seen.sync.value,
            "health": seen.health.value,
        }
        changed = tuple(
            Transition(what=what, value=value, at=round(at, 3))
            for what, value in state.items()
            if self._last.get(what, "") != value
        )
        self._last = state
        self.transitions += changed
        return changed
