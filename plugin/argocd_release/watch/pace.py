"""Decide how often a job polls Argo CD. Large groups and many jobs at the same time must not overload it."""

from typing import Final

# The minimum number of seconds between two requests that list applications, because lists are expensive for Argo CD.
LEAST_SECONDS: Final = 0.5
POLL_SECONDS: Final = 2.0
# The maximum share of the time that lists can take. A list of 5,000 applications takes seconds.
LIST_SHARE: Final = 1 / 2
# The maximum pause after a list in seconds, however long the list took.
MOST_LIST_PAUSE: Final = 10.0
# If the listed state of an application is unchanged, a look at it can only show changes of its pods. The rate of such
# looks is limited to LOOKS_A_SECOND for the whole group, but each application gets one at least every UNSEEN_SECONDS.
# If the group is so large that this needs more than MOST_LOOKS_A_SECOND, the time between two looks is longer.
LOOKS_A_SECOND: Final = 20.0
UNSEEN_SECONDS: Final = 10.0
MOST_LOOKS_A_SECOND: Final = 50.0


def seconds_between_looks(pending: int) -> float:
    """Return the seconds between two looks at the same application whose listed state is unchanged.

    Args:
        pending: the number of applications that share the limits.
    """
    return max(min(pending / LOOKS_A_SECOND, UNSEEN_SECONDS), pending / MOST_LOOKS_A_SECOND)


def seconds_between_lists(took: float) -> float:
    """Return the minimum seconds from the start of a request for a list to the start of the next one.

    Args:
        took: the seconds that the request took, including the time in which the job read the list.
    """
    return max(LEAST_SECONDS, min(took / LIST_SHARE, took + MOST_LIST_PAUSE))
