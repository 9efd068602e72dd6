"""The result of one look at an application, and at the object that owns its spec."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from argocd_release.model.errors import FailureKind

APPLICATION: Final = "Application"
APPLICATION_SET: Final = "ApplicationSet"


class OwnerState(Enum):
    """The state of an owner, which decides whether the spec of its application is proven to be current."""

    #: Argo CD has compared the owner since the job began, and the application is Synced in it.
    CURRENT = auto()
    #: Argo CD is comparing the owner, or has not applied the application's spec yet.
    PENDING = auto()
    #: The token cannot see the owner.
    HIDDEN = auto()
    #: The token can see the owner, but Argo CD does not report whether the owner has read the latest commit.
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
    """An ApplicationSet, which creates applications.

    Attributes:
        repositories: the repositories that its git generators read.
        owner_refs: the owners of its own spec.
        is_up_to_date: True if Argo CD reports that every application is created (condition ``ResourcesUpToDate``).
            After a change of the spec, the condition does not change until the controller has processed the spec.
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
        makes_children: True for an ApplicationSet that the application itself manages, and that creates its children.
    """

    kind: str
    name: str
    state: OwnerState
    detail: str = ""
    repositories: tuple[str, ...] = ()
    makes_children: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


# The kinds of failure with which Argo CD itself responds to a look.
ANSWERS: Final = frozenset({FailureKind.MISSING, FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.REFUSED})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A look at the application that failed."""

    kind: FailureKind
    message: str

    @classmethod
    def late(cls, message: str) -> "Failure":
        """Return the failure of a look to which Argo CD did not respond in time."""
        return cls(kind=FailureKind.TIMED_OUT, message=message)

    @property
    def timed_out(self) -> bool:
        """Return True if Argo CD did not respond in time."""
        return self.kind is FailureKind.TIMED_OUT

    @property
    def refused(self) -> bool:
        """Return True if Argo CD responded, and refused."""
        return self.kind in ANSWERS
