"""A change of an application's state, with its time."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Transition:
    """``what``: revision, operation, sync or health; ``at``: seconds since the run began."""

    what: str
    value: str
    at: float
