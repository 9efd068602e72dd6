"""The owners of an application's spec, and the failure of a look at an application."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from argocd_release.model.errors import FailureKind

APPLICATION: Final = "Application"
APPLICATION_SET: Final = "ApplicationSet"


class OwnerState(Enum):
    """The state of an owner, which tells whether the application's spec is proven to be up to date."""

    #: Argo CD has compared the owner since the job began, and has applied the application's current spec.
    CURRENT = auto()
    #: Argo CD is comparing the owner, or has not applied the application's spec yet.
    PENDING = auto()
    #: The token cannot see the owner.
    HIDDEN = auto()
    #: The token can see the owner, but nothing proves that the owner has read the latest commit.
    UNPROVEN = auto()


@dataclass(frozen=True, kw_only=True)
class OwnerRef:
    """A reference to an owner in the metadata of an Application or ApplicationSet.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the name. It contains the namespace, unless it is an application in Argo CD's own namespace.
        certain: False if the name comes from a label, which can have another meaning.
    """

    kind: str
    name: str
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class ApplicationSet:
    """An ApplicationSet, which generates applications.

    Attributes:
        repositories: the repositories that its git generators read.
        owner_refs: the owners of its own spec.
        is_up_to_date: True if the condition ``ResourcesUpToDate`` says that all applications were generated. After a
            change of the spec, the condition is outdated until the controller has processed the change.
    """

    repositories: tuple[str, ...]
    owner_refs: tuple[OwnerRef, ...] = ()
    is_up_to_date: bool = True


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The owner of an application's spec: its parent application or its ApplicationSet.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the full name.
        state: whether the owner proves that the application's spec is up to date.
        detail: the reason why the state is not ``CURRENT``.
        repositories: the git repositories from which the owner takes the spec; empty if they are unknown.
        makes_children: True for an ApplicationSet that does not own the application. The application manages it, and it
            generates the child applications.
    """

    kind: str
    name: str
    state: OwnerState
    detail: str = ""
    repositories: tuple[str, ...] = ()
    makes_children: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


# The kinds of failures that are a response of Argo CD itself, not of a proxy or the network.
ANSWERS: Final = frozenset({FailureKind.MISSING, FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.REFUSED})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The failure of a look at an application."""

    kind: FailureKind
    message: str

    @classmethod
    def late(cls, message: str) -> "Failure":
        """Create the failure of a look for which Argo CD did not respond in time."""
        return cls(kind=FailureKind.TIMED_OUT, message=message)

    @property
    def timed_out(self) -> bool:
        """Return True if Argo CD did not respond in time."""
        return self.kind is FailureKind.TIMED_OUT

    @property
    def refused(self) -> bool:
        """Return True if Argo CD has responded with a refusal."""
        return self.kind in ANSWERS
