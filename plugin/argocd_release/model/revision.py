"""Revisions: when two names mean one commit, and how one commit stands to another. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# What Argo CD takes for a commit and leaves as it is (argo-cd v2.13.2 util/git/git.go truncatedCommitSHARegex).
_ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,64}")


def alike(one: str, other: str) -> bool:
    """Whether two revisions are one: the same, or a commit and the beginning of its digits, seven or more."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return one == other or (_ABBREVIATED.fullmatch(short) is not None and long.startswith(short))


def all_alike(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    """Whether the revisions of several sources are the same, one by one."""
    return len(these) == len(those) and all(map(alike, these, those))


class Relation(StrEnum):
    """How the revision that Argo CD compares with stands to the one that is expected."""

    SAME = "same"
    DESCENDANT = "descendant"
    OLDER = "older"
    DIVERGED = "diverged"
    # A descendant, but what was expected is undone in it.
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RevisionRelation:
    """What git's history says of two revisions; ``commits`` lie between a descendant and what it descends from."""

    relation: Relation
    commits: int = 0
    # Why the history could not be consulted; `final`: it will not be, however long one waits.
    note: str = ""
    final: bool = False
    # It is being asked at this moment.
    pending: bool = False
    # The revision that reverts what was expected; "" where only the files tell.
    by: str = ""
