"""A look at an application that showed nothing of it."""

from dataclasses import dataclass
from typing import Final

from argocd_release.model.errors import FailureKind

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
        return cls(trouble=FailureKind.HUNG, message=message)

    @property
    def timed_out(self) -> bool:
        """Whether there was no answer in time."""
        return self.trouble is FailureKind.HUNG

    @property
    def refused(self) -> bool:
        """Whether it is an answer of Argo CD's all the same."""
        return self.trouble in ANSWERS
