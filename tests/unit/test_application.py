import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.application import HealthStatus, OperationPhase, SyncStatus
from argocd_release.document import parse
from tests.unit.states import NEW, application, document

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_a_whole_application() -> None:
    state = application()
    assert (state.name, state.namespace, state.project) == ("web", "argocd", "default")
    assert (state.sync, state.health, state.revision) == (SyncStatus.SYNCED, HealthStatus.HEALTHY, NEW)
    assert state.operation is not None
    assert state.operation.phase is OperationPhase.SUCCEEDED
    assert [str(resource) for resource in state.resources] == ["Deployment/web"]
    assert state.images == ("registry.example.com/web:1",)
    assert state.automated
    assert not state.operating


def test_right_after_creation_there_is_hardly_anything() -> None:
    state = parse(json.dumps({"metadata": {"name": "web"}}))
    assert (state.sync, state.health, state.operation) == (SyncStatus.UNKNOWN, HealthStatus.UNKNOWN, None)


def test_an_unknown_word_is_a_case_and_is_kept() -> None:
    state = application(health="Frozen", sync="Sunk", phase="Paused")
    assert (state.sync, state.health) == (SyncStatus.UNKNOWN, HealthStatus.UNKNOWN)
    assert state.unknown_words == ("sync status Sunk", "health status Frozen", "operation phase Paused")


def test_between_two_attempts_an_operation_runs_although_it_has_finished() -> None:
    """As seen on Argo CD 2.13.2: phase Running, finishedAt set, retryCount counted."""
    state = application(phase="Running", retries=1)
    assert state.operation is not None
    assert state.operation.finished_at
    assert state.operating


def test_several_sources_have_revisions() -> None:
    state = parse(json.dumps(document() | {"status": {"sync": {"status": "Synced", "revisions": ["a", "b"]}}}))
    assert state.revisions == ("a", "b")
    assert state.revision == "a,b"


def test_of_two_documents_the_last_counts() -> None:
    first, last = json.dumps(document(health="Progressing")), json.dumps(document())
    assert parse(f"{first}\n{last}\n").health is HealthStatus.HEALTHY


@pytest.mark.parametrize(
    "text", ["", "garbage", "{", "[]", "{}", "null", '{"metadata": {}}', '{"metadata": {"name": 1}}']
)
def test_what_is_no_application_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse(text)


def test_text_from_outside_is_made_harmless() -> None:
    state = application(conditions=[{"type": "ComparisonError", "message": "\x1b[31mred\x00\x1b[0m"}])
    assert state.conditions[0].message == "red"


@given(status=JSON, spec=JSON)
def test_whatever_the_fields_hold_parsing_does_not_crash(status: Any, spec: Any) -> None:
    parse(json.dumps({"metadata": {"name": "web"}, "spec": spec, "status": status}))
