"""The owner of an Application: the object from which Argo CD takes the Application's own spec."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

APPLICATION: Final = "Application"
APPLICATION_SET: Final = "ApplicationSet"


class OwnerState(Enum):
    """How much an owner proves about the spec of the application that it owns."""

    #: It was compared since the job began, and the application is Synced in it.
    CURRENT = auto()
    #: It is being compared, or it has not brought the application's spec to the cluster yet.
    PENDING = auto()
    #: The token cannot see it.
    HIDDEN = auto()
    #: The token sees it, but Argo CD does not tell whether it has read the latest commit.
    UNPROVEN = auto()


@dataclass(frozen=True, kw_only=True)
class OwnerRef:
    """A name that an Application gives as its owner.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the full name as Argo CD is asked for it.
        certain: whether Argo CD itself wrote it; a label can mean something else.
    """

    kind: str
    name: str
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class Owner:
    """An owner, and what is known of it.

    Attributes:
        detail: why the state is not ``CURRENT``.
        repositories: the git repositories from which it takes the spec; empty if unknown.
    """

    kind: str
    name: str
    state: OwnerState
    detail: str = ""
    repositories: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"
