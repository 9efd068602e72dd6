"""The resource tree and events, as Argo CD's API gives them, made typed and harmless."""

from typing import Any, Final

from argocd_release.core.json_shape import as_list, as_object, as_objects
from argocd_release.core.text import clean, one_line
from argocd_release.model.resource_tree import Event, Node, Tree

MESSAGE_LIMIT: Final = 4000


def parse_tree(document: object) -> Tree:
    """The tree in the answer of ``GET …/resource-tree``."""
    return Tree(nodes=tuple(_node(item) for item in as_objects(as_object(document).get("nodes"))))


def parse_events(document: object) -> tuple[Event, ...]:
    """The events in the answer of ``GET …/events``, the latest last."""
    found = [_event(item) for item in as_objects(as_object(document).get("items"))]
    return tuple(sorted(found, key=lambda event: event.last_at))


def _node(item: dict[str, Any]) -> Node:
    parents, health = as_objects(item.get("parentRefs")), as_object(item.get("health"))
    labels = as_object(as_object(item.get("networkingInfo")).get("labels"))
    return Node(
        uid=_text(item.get("uid")),
        owner=_text(parents[0].get("uid")) if parents else "",
        group=_text(item.get("group")),
        version=_text(item.get("version")),
        kind=_text(item.get("kind")),
        namespace=_text(item.get("namespace")),
        name=_text(item.get("name")),
        health=_text(health.get("status")),
        message=_text(health.get("message")),
        created_at=_text(item.get("createdAt")),
        images=tuple(_text(image) for image in as_list(item.get("images"))),
        info={_text(row.get("name")): _text(row.get("value")) for row in as_objects(item.get("info"))},
        labels={_text(name): _text(value) for name, value in labels.items()},
    )


def _event(item: dict[str, Any]) -> Event:
    count = item.get("count")
    last_at = (
        item.get("lastTimestamp") or item.get("eventTime") or as_object(item.get("metadata")).get("creationTimestamp")
    )
    return Event(
        type=_text(item.get("type")),
        reason=_text(item.get("reason")),
        message=clean(str(item.get("message") or ""), limit=MESSAGE_LIMIT).strip(),
        count=count if isinstance(count, int) else 1,
        last_at=_text(last_at),
    )


def _text(value: object) -> str:
    return one_line(value, limit=MESSAGE_LIMIT) if isinstance(value, str) else ""
