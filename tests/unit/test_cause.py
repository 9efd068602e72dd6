"""What a failed release is put down to: each row is a situation as a real Argo CD told it.

Recorded by ``tests/recorded/record.py``; ``changed`` makes another situation of the same shape.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from argocd_release.diagnosis import steps
from argocd_release.document import parse as parse_application
from argocd_release.evidence import Diagnosis
from argocd_release.shape import as_object
from argocd_release.tree import Event, Node, Tree, parse, parse_events

RECORDED = Path(__file__).parents[1] / "recorded"


@dataclass(frozen=True, kw_only=True)
class Row:
    """``changed``: texts of the recording, and what stands there instead; they must be there."""

    recorded: str
    cause: str
    hint: str = ""
    changed: Mapping[str, str] = field(default_factory=dict)


class Recording:
    """Answers as Argo CD's API did."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def _of(self, node: Node) -> dict[str, Any]:
        return as_object(self._document["nodes"].get(node.uid))

    def tree(self, name: str) -> Tree:
        del name
        return parse(self._document["tree"])

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        del name
        return parse_events(self._of(node).get("events"))

    def live(self, name: str, node: Node) -> object:
        del name
        return self._of(node).get("manifest")

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        del name, previous
        return tuple(self._of(pod).get("logs", {}).get(container, []))[-lines:]


def diagnosed(row: Row) -> Diagnosis:
    text = (RECORDED / f"{row.recorded}.json").read_text("utf-8")
    for old, new in row.changed.items():
        assert old in text, old
        text = text.replace(old, new)
    document = json.loads(text)
    application = parse_application(json.dumps(document["application"]))
    (*_, last) = steps("web", application, Recording(document))
    return last


def steady(cause: str) -> str:
    """Without the parts of names that Kubernetes makes up."""
    cause = re.sub(r"\b([a-z]+)-[0-9a-f]{8,10}-[a-z0-9]{5}\b", r"\1-RS-POD", cause)
    cause = re.sub(r"\b(agent|migrate|import|smoke-test|smoke)-[a-z0-9]{5}\b", r"\1-POD", cause)
    cause = re.sub(r"(?<=ReplicaSet/web-)[0-9a-f]{8,10}\b|(?<=pods \"web-)[0-9a-f]{8,10}(?=-)", "RS", cause)
    return re.sub(r"\d+ restarts?", "N restarts", cause)


ROWS: dict[str, Row] = {}


@pytest.mark.parametrize("title", ROWS)
def test_the_cause(title: str) -> None:
    row = ROWS[title]
    found = diagnosed(row)
    assert steady(found.cause).startswith(row.cause) if row.cause else found.cause == ""
    assert row.hint in found.hint
    assert bool(row.hint) == bool(found.hint)
