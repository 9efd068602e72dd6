"""When what changed: the transitions of an application while it was tracked."""

from argocd_release.model.application import Application
from argocd_release.model.transition import Transition


class Timeline:
    """Keeps each change with its time; the first state seen counts as one."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self._last: dict[str, str] = {}

    def look(self, seen: Application, at: float) -> tuple[Transition, ...]:
        """Take a look down; gives what changed since the last one."""
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
