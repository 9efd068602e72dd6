"""One observation of an application, and of the object that owns its spec."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from argocd_release.model.errors import FailureKind

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


# Troubles that are an answer of Argo CD's all the same.
ANSWERS: Final = frozenset({FailureKind.MISSING, FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.REFUSED})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A look at the application that failed."""

    trouble: FailureKind
    message: str

    @classmethod
    def late(cls, message: str) -> "Failure":
        """One without an answer in time."""
        return cls(trouble=FailureKind.TIMED_OUT, message=message)

    @property
    def timed_out(self) -> bool:
        """Whether there was no answer in time."""
        return self.trouble is FailureKind.TIMED_OUT

    @property
    def refused(self) -> bool:
        """Whether it is an answer of Argo CD's all the same."""
        return self.trouble in ANSWERS
