"""The result of one look at an application, and at the object that owns its spec."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from argocd_release.model.errors import FailureKind

APPLICATION: Final = "Application"
APPLICATION_SET: Final = "ApplicationSet"


class OwnerState(Enum):
    """How far an owner proves that the spec of its application is current."""

    #: Argo CD has compared it since the job began, and the application is Synced in it.
    CURRENT = auto()
    #: Argo CD is comparing it, or has not applied the application's spec yet.
    PENDING = auto()
    #: The token cannot see it.
    HIDDEN = auto()
    #: The token can see it, but Argo CD does not report whether it has read the latest commit.
    UNPROVEN = auto()


@dataclass(frozen=True, kw_only=True)
class OwnerRef:
    """An owner that an Application names in its metadata.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the full name.
        certain: True if Argo CD itself wrote the name; a label can have another meaning.
    """

    kind: str
    name: str
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class ApplicationSet:
    """An ApplicationSet, which makes applications.

    Attributes:
        repositories: the repositories that its git generators read.
        owner_refs: the owners of its own spec.
        is_up_to_date: True if Argo CD reports that every application is made (its condition ``ResourcesUpToDate``).
            After a change of its spec the condition stays as it was until the controller has looked at it.
    """

    repositories: tuple[str, ...]
    owner_refs: tuple[OwnerRef, ...] = ()
    is_up_to_date: bool = True


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The owner of an application's spec, with its state.

    Attributes:
        detail: the reason why the state is not ``CURRENT``.
        repositories: the git repositories from which it takes the spec; empty if they are unknown.
        makes_children: True for an ApplicationSet that the application itself manages: it makes children of it.
    """

    kind: str
    name: str
    state: OwnerState
    detail: str = ""
    repositories: tuple[str, ...] = ()
    makes_children: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


# Failures in which Argo CD did respond.
ANSWERS: Final = frozenset({FailureKind.MISSING, FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.REFUSED})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A look at the application that failed."""

    kind: FailureKind
    message: str

    @classmethod
    def late(cls, message: str) -> "Failure":
        """Return a failure without an answer in time."""
        return cls(kind=FailureKind.TIMED_OUT, message=message)

    @property
    def timed_out(self) -> bool:
        """Return True if there was no answer in time."""
        return self.kind is FailureKind.TIMED_OUT

    @property
    def refused(self) -> bool:
        """Return True if Argo CD responded, and refused."""
        return self.kind in ANSWERS
