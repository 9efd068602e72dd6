"""Limit the size of a result before it is redacted and reported.

Each listed item costs the reports time and memory, and after SIGTERM the job has one second for all reports. A report
counts the items that it does not list.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from argocd_release.core.text import clean
from argocd_release.model.application import Application, Resource, ResourceResult, SyncStatus
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.resource_tree import Workloads
from argocd_release.model.result import WELL, ApplicationResult, Change, ReleaseResult, ResourceState, Unlisted
from argocd_release.model.timeline import SpanKind

#: The maximum number of items of one kind, such as resources, that a report lists for all applications together.
LISTED: Final = 1000
#: The maximum length, in characters, of all listed items of one kind together.
LISTED_TEXT: Final = 400_000
#: The maximum length, in characters, of all messages of one kind together, such as the reasons for verdicts. Each
#: application gets an equal share, but at least ``LEAST_MESSAGE``.
MESSAGES: Final = 400_000
LEAST_MESSAGE: Final = 200
#: The maximum number of excluded resources that a report lists for an application. Those that are not Synced or not
#: Healthy come first.
EXCLUDED: Final = 100
#: The key under which the reports count resources with an action that is not in ``_WORDS``. Actions come from outside,
#: so an unknown action must not become a key of a report.
OTHER: Final = "other"
#: The words that can describe what a sync did to a resource: actions and statuses, and the types and phases of hooks.
_WORDS: Final = frozenset(
    {
        "applied", "created", "configured", "replaced", "serverside-applied", "pruned", "pruneskipped", "PreSync",
        "Sync", "PostSync", "SyncFail", "Running", "Terminating", "Succeeded", "Failed", "Error", "SyncFailed",
    }
)  # fmt: skip


_STATE: Final = attrgetter("sync", "health", "hook")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A kind of items, such as resources, of which a single application can have thousands.

    Attributes:
        items: returns the items of an application.
        matters: returns True for an item that the reports must list before other items.
        size: returns the number of characters from outside that an item contains.
    """

    items: Callable[[ApplicationResult], tuple[Any, ...]]
    matters: Callable[[Any], bool]
    size: Callable[[Any], int]


def _size_of_object(item: Any) -> int:
    return len(item.group) + len(item.kind) + len(item.namespace) + len(item.name) + len(item.message)


def _images(result: ApplicationResult) -> tuple[str, ...]:
    """Return the current and the previous images of the application.

    The images with the commit's tag come first, then those that the release added or removed.
    """
    now, before = result.application.images if result.application else (), result.rollout.before.images
    changed = set(now) ^ set(before)

    def rank(image: str) -> tuple[bool, bool]:
        return result.image_tag not in image, image not in changed

    return tuple(sorted(dict.fromkeys((*now, *before)), key=rank))


_KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "resources": _Kind(
            items=lambda result: result.application.resources if result.application else (),
            matters=lambda item: not item.hook and (item.sync is not SyncStatus.SYNCED or item.health not in WELL),
            size=_size_of_object,
        ),
        "results": _Kind(
            items=lambda result: (
                result.application.operation.results if result.application and result.application.operation else ()
            ),
            matters=lambda item: item.failed or bool(item.hook_type),
            size=_size_of_object,
        ),
        "conditions": _Kind(
            items=lambda result: result.application.conditions if result.application else (),
            matters=lambda item: "Error" in item.type,
            size=lambda item: len(item.type) + len(item.message),
        ),
        "images": _Kind(
            items=_images,
            matters=lambda _: False,
            size=len,
        ),
        "spans": _Kind(
            items=lambda result: result.rollout.spans,
            matters=lambda span: span.kind is not SpanKind.ROLLOUT or span.ended is None,
            size=lambda span: len(span.subject) + len(span.namespace) + len(span.end) + len(span.text),
        ),
        "pods": _Kind(
            items=lambda result: result.diagnosis.pods,
            matters=lambda pod: pod.health != "Healthy",
            size=lambda pod: _size_of_object(pod) + sum(map(len, pod.images)),
        ),
    }
)


def limited(result: ReleaseResult) -> ReleaseResult:
    """Return a copy of the result with only as many items as the reports can list.

    Keep items that deviate from the desired state first. The applications share the limits: if one needs less than an
    equal share, the others get the rest.
    """
    given = result.applications
    limit = max(MESSAGES // max(len(given), 1), LEAST_MESSAGE)
    listed = {name: _listed([kind.items(application) for application in given], kind) for name, kind in _KINDS.items()}
    return replace(
        result,
        applications=tuple(
            _application_result(application, {name: lists[position] for name, lists in listed.items()}, limit)
            for position, application in enumerate(given)
        ),
    )


def _listed(lists: Sequence[tuple[Any, ...]], kind: _Kind) -> list[tuple[Any, ...]]:
    """Return the items that the reports list for each application. All items together meet the limits.

    Args:
        lists: the items of each application.
        kind: the kind of the items.
    """
    fitting = list(lists)
    if sum(map(len, lists)) > LISTED:
        firsts = [[item for item in items if kind.matters(item)] for items in lists]
        shares = _shares([len(first) for first in firsts], LISTED)
        lefts = [len(items) - len(first) for items, first in zip(lists, firsts, strict=True)]
        rests = _shares(lefts, LISTED - sum(shares))
        fitting = [
            (*first[:share], *islice((item for item in items if not kind.matters(item)), rest))
            for items, first, share, rest in zip(lists, firsts, shares, rests, strict=True)
        ]
    sizes = [sum(map(kind.size, items)) for items in fitting]
    if sum(sizes) <= LISTED_TEXT:
        return fitting
    return [
        items if size <= share else _cut(items, kind.size, share)
        for items, size, share in zip(fitting, sizes, _shares(sizes, LISTED_TEXT), strict=True)
    ]


def _cut(items: tuple[Any, ...], size: Callable[[Any], int], limit: int) -> tuple[Any, ...]:
    """Return the first items, up to ``limit`` characters in total."""
    for position, item in enumerate(items):
        limit -= size(item)
        if limit < 0:
            return items[:position]
    return items


def _shares(needs: Sequence[int], room: int) -> list[int]:
    """Divide ``room`` among several needs, and return the share of each need.

    If one need is smaller than an equal share, the other needs get the rest.
    """
    shares = [0] * len(needs)
    for left, (need, position) in zip(
        range(len(needs), 0, -1), sorted((need, position) for position, need in enumerate(needs)), strict=True
    ):
        shares[position] = min(need, room // left)
        room -= shares[position]
    return shares


def _application_result(
    result: ApplicationResult, listed: Mapping[str, tuple[Any, ...]], limit: int
) -> ApplicationResult:
    unlisted = replace(
        result.unlisted,
        spans=result.unlisted.spans + len(result.rollout.spans) - len(listed["spans"]),
        pods=result.unlisted.pods + len(result.diagnosis.pods) - len(listed["pods"]),
    )
    state, before, images = result.application, result.rollout.before, frozenset(listed["images"])
    if state is not None:
        unlisted = _unlisted(unlisted, state, listed)
        state = _application(state, listed, limit, result.image_tag)
    return replace(
        result,
        verdict=replace(result.verdict, reason=clean(result.verdict.reason, limit=limit)),
        application=state,
        rollout=replace(
            result.rollout,
            spans=listed["spans"],
            before=replace(before, images=tuple(image for image in before.images if image in images)),
        ),
        diagnosis=replace(result.diagnosis, pods=listed["pods"]),
        unlisted=unlisted,
    )


def _unlisted(before: Unlisted, state: Application, listed: Mapping[str, tuple[Any, ...]]) -> Unlisted:
    images = frozenset(listed["images"])
    unlisted = replace(
        before,
        conditions=before.conditions + len(state.conditions) - len(listed["conditions"]),
        images=before.images + sum(image not in images for image in state.images),
    )
    if len(listed["resources"]) < len(state.resources):
        left_out = _states(state.resources) - _states(listed["resources"])
        unlisted = replace(unlisted, resources=left_out + Counter(before.resources))
    if len(listed["results"]) < len(state.results):
        changes = _changes(state.results) - _changes(listed["results"])
        unlisted = replace(unlisted, changes=changes + Counter(before.changes))
    return unlisted


def _states(resources: Iterable[Resource]) -> Counter[ResourceState]:
    counts = Counter(map(_STATE, resources))
    return Counter({ResourceState(*state): count for state, count in counts.items()})


def _changes(results: Iterable[ResourceResult]) -> Counter[Change]:
    # First count equal combinations of words, and then create one Change for each combination. Thousands of results
    # have only a few combinations, but a Change for each result would take long.
    alike: dict[tuple[str, ...], tuple[ResourceResult, int]] = {}
    for item in results:
        key = (item.status, item.hook_phase, item.hook_type, item.message.rpartition(" ")[2])
        alike[key] = (item, alike[key][1] + 1 if key in alike else 1)
    changes = Counter[Change]()
    for item, count in alike.values():
        if item.changed:
            change = Change.of(item)
            changes[change if change.word in _WORDS else change._replace(word=OTHER)] += count
    return changes


def _exclusion(exclusion: Exclusion) -> Exclusion:
    worst_first = sorted(exclusion.resources, key=lambda item: not item.deviates)
    return replace(exclusion, resources=tuple(worst_first[:EXCLUDED]))


def _application(state: Application, listed: Mapping[str, tuple[Any, ...]], limit: int, tag: str) -> Application:
    operation, workloads, images = state.operation, state.workloads, frozenset(listed["images"])
    return replace(
        state,
        resources=listed["resources"],
        conditions=listed["conditions"],
        images=tuple(image for image in state.images if image in images),
        health_message=clean(state.health_message, limit=limit),
        exclusion=state.exclusion and _exclusion(state.exclusion),
        operation=operation
        and replace(operation, results=listed["results"], message=clean(operation.message, limit=limit)),
        # Keep only images with the commit's tag: the reports only tell if a pod serves such an image.
        workloads=workloads
        and Workloads(
            images=tuple(image for image in workloads.images if tag and tag in image), only_jobs=workloads.only_jobs
        ),
    )
