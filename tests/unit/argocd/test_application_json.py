import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.argocd.application_json import is_abridged, parse_application
from argocd_release.argocd.application_list import ApplicationReader, ListReading, parse_applications
from argocd_release.core.text import parse_json
from argocd_release.messages import argocd as texts
from argocd_release.model.application import Application, HealthStatus, OperationPhase, SyncStatus
from argocd_release.model.git import Deployment, same_revision
from argocd_release.verdict.blockers import blocker
from argocd_release.verdict.expectation import Expectation
from tests.support.wording import is_from, pattern_of
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
    state = parse_application(json.dumps({"metadata": {"name": "web"}}))
    assert (state.sync, state.health, state.operation) == (SyncStatus.UNKNOWN, HealthStatus.UNKNOWN, None)


def test_an_unknown_word_is_a_case_and_is_kept() -> None:
    state = application(health="Frozen", sync="Sunk", phase="Paused")
    assert (state.sync, state.health) == (SyncStatus.UNKNOWN, HealthStatus.UNKNOWN)
    assert state.unknown_words == ("sync status Sunk", "health status Frozen", "operation phase Paused")


def test_the_file_that_argo_cd_applies_from_is_in_no_message() -> None:
    said = 'error when patching "/dev/shm/2619108012": Deployment.apps "web" is invalid'
    failed = {"kind": "Deployment", "name": "web", "status": "SyncFailed", "message": said}
    state = application(results=[failed], conditions=[{"type": "SyncError", "message": f"Failed sync: {said}"}])
    assert state.results[0].message == 'Deployment.apps "web" is invalid'
    assert state.conditions[0].message == 'Failed sync: Deployment.apps "web" is invalid'


def test_between_two_attempts_an_operation_runs_although_it_has_finished() -> None:
    """Argo CD 2.13.2 reports this state: phase Running, ``finishedAt`` set, ``retryCount`` counted."""
    state = application(phase="Running", retries=1)
    assert state.operation is not None
    assert state.operation.finished_at
    assert state.operating


def test_several_sources_have_revisions() -> None:
    state = parse_application(
        json.dumps(document() | {"status": {"sync": {"status": "Synced", "revisions": ["a", "b"]}}})
    )
    assert state.revisions == ("a", "b")
    assert state.revision == "a,b"


def test_of_two_documents_the_last_counts() -> None:
    first, last = json.dumps(document(health="Progressing")), json.dumps(document())
    assert parse_application(f"{first}\n{last}\n").health is HealthStatus.HEALTHY


@pytest.mark.parametrize(
    "text", ["", "garbage", "{", "[]", "{}", "null", '{"metadata": {}}', '{"metadata": {"name": 1}}']
)
def test_what_is_no_application_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_application(text)


def test_text_from_outside_is_made_harmless() -> None:
    state = application(conditions=[{"type": "ComparisonError", "message": "\x1b[31mred\x00\x1b[0m"}])
    assert state.conditions[0].message == "red"


@given(status=JSON, spec=JSON)
def test_whatever_the_fields_hold_parsing_does_not_crash(status: Any, spec: Any) -> None:
    parse_application(json.dumps({"metadata": {"name": "web"}, "spec": spec, "status": status}))


def operated(spec: dict[str, Any], **parts: Any) -> Application:
    """Return an application with these parts in its spec, and with these parts in its last operation."""
    whole = document()
    whole["spec"] |= spec
    whole["status"]["operationState"] |= parts
    return parse_application(json.dumps(whole))


@pytest.mark.parametrize(
    ("source", "attempted"),
    [
        ({"repoURL": "r", "path": "web", "targetRevision": "v1"}, True),
        ({"repoURL": "r", "path": "web", "helm": {"parameters": [{"name": "a", "value": "b"}]}}, False),
        ({"repoURL": "other", "path": "web"}, False),
        # Argo CD resolved no source, because the operation could not even begin.
        ({"repoURL": ""}, True),
        (None, True),
    ],
)
def test_an_operation_is_of_the_parameters_of_its_source(
    source: dict[str, Any] | None,
    attempted: bool,  # noqa: FBT001
) -> None:
    result = {"revision": NEW} | ({"source": source} if source else {})
    spec = {"source": {"path": "web", "repoURL": "r", "targetRevision": "main"}}
    assert operated(spec, syncResult=result).attempted == attempted
    # Without a source in the spec, the parameters cannot be compared, so the operation counts.
    assert operated({}, syncResult=result).attempted


def test_of_several_sources_all_are_compared() -> None:
    first, second = {"repoURL": "a", "path": "."}, {"repoURL": "b", "ref": "values", "targetRevision": "main"}
    # Argo CD writes an empty value for the one of `source` and `sources` that is not used.
    result = {"revision": "", "source": {"repoURL": ""}, "revisions": [NEW, "1.0.0"], "sources": [first, second]}
    same = replace(operated({"sources": [first, second]}, syncResult=result), revisions=(NEW, "1.0.0"))
    assert same.attempted
    assert not replace(operated({"sources": [second, first]}, syncResult=result), revisions=(NEW, "1.0.0")).attempted
    assert not replace(same, revisions=(NEW, "1.0.1")).attempted
    assert not replace(same, revisions=(NEW,)).attempted


def test_what_was_asked_of_an_operation() -> None:
    sync = {"dryRun": True, "revision": NEW, "resources": [{"kind": "Deployment", "name": "web"}]}
    state = operated({}, operation={"sync": sync}, syncResult=None)
    assert state.operation is not None
    assert (state.operation.dry_run, state.operation.partial, state.operation.requested) == (True, True, (NEW,))
    assert not state.operation.unsuccessful


def test_a_name_has_no_line_breaks() -> None:
    """A line break in a name could begin a line of the job log, or a quick action in a comment."""
    found = document()
    found["metadata"] |= {"name": "web\n/close", "namespace": "argo\ncd"}
    found["status"]["resources"] = [{"kind": "Pod\nx", "name": "a\nb", "status": "Synced"}]
    made = parse_application(json.dumps(found))
    (resource,) = made.resources
    assert (made.full_name, str(resource)) == ("argo cd/web /close", "Pod x/a b")


def test_the_last_of_the_history_is_what_is_deployed() -> None:
    assert application().deployed is None
    entries = [{"revision": revision, "source": {"repoURL": "r"}} for revision in ("0" * 40, NEW)]
    entries[1]["deployedAt"] = "2026-01-01T00:00:05Z"
    state = application(sync="OutOfSync", phase=None, history=entries)
    assert state.deployed is not None
    assert (state.deployed.revisions, state.deployed.ended_at) == ((NEW,), "2026-01-01T00:00:05Z")
    assert state.applied
    assert not application(sync="OutOfSync", phase=None, history=entries[:1]).applied


def test_an_annotated_tag_has_the_name_of_its_commit_too() -> None:
    tag, commit = "7" * 40, "c" * 40
    state = application(revision=tag, operated=commit)
    assert state.operation is not None
    known = replace(state, operation=replace(state.operation, requested=(tag,)))
    assert known.names(0) == {tag, commit}
    assert known.names(1) == frozenset()
    assert state.names(0) == {tag}
    assert replace(known, deployed=Deployment(revisions=(commit,), parameters=())).applied


REVISIONS = st.from_regex(r"[0-9a-fA-F]{1,40}|[0-9]\.[0-9]\.[0-9]{1,2}", fullmatch=True)


@given(REVISIONS, REVISIONS)
def test_revisions_are_alike_both_ways(one: str, other: str) -> None:
    assert same_revision(one, one)
    assert same_revision(one, other) == same_revision(other, one)
    if len(one) >= 7 and "." not in one:
        assert same_revision(one, one[:7])
        assert same_revision(one, one.upper())


@pytest.mark.parametrize(
    ("owners", "name"),
    [
        ([{"kind": "ApplicationSet", "name": "shops"}], "shops"),
        ([{"kind": "Other", "name": "x"}, {"kind": "ApplicationSet", "name": "shops"}], "shops"),
        ([{"kind": "Application", "name": "x"}], ""),
        (None, ""),
        ("nonsense", ""),
    ],
)
def test_the_application_set_that_makes_it(owners: object, name: str) -> None:
    found = document(sync="OutOfSync")
    found["metadata"]["ownerReferences"] = owners
    found["spec"]["syncPolicy"] = {}
    made = parse_application(json.dumps(found))
    assert made.application_set == name
    missing = blocker(made, Expectation(), compared=True)
    assert missing is not None
    assert ('ApplicationSet "shops"' in missing.message) == bool(name)


@pytest.mark.parametrize(
    ("sync", "policy", "source", "abridged"),
    [
        ("OutOfSync", {"automated": {}}, True, True),
        ("OutOfSync", {"automated": {"enabled": False}}, True, False),
        ("OutOfSync", {}, True, False),
        ("Synced", {"automated": {}}, True, False),
        ("Synced", {}, False, True),
    ],
)
def test_what_an_older_argocd_may_have_left_out(sync: str, policy: Any, source: Any, abridged: Any) -> None:
    found = document(sync=sync)
    found["spec"] = {"syncPolicy": policy} | (
        {"source": {"repoURL": "https://git.example.com/web.git"}} if source else {}
    )
    assert is_abridged(parse_application(json.dumps(found))) is abridged


def test_a_byte_order_mark_before_the_answer_is_skipped() -> None:
    text = json.dumps(document())
    assert parse_application(f"\ufeff{text}").name == parse_application(text).name
    assert len(parse_applications(f"\ufeff[{text}]")) == 1


@pytest.mark.parametrize("read", [parse_application, parse_applications, parse_json])
def test_a_document_nested_too_deeply_is_a_value_error(read: Callable[[str], object]) -> None:
    for text in ("[" * 100_000, '{"a":' * 100_000):
        with pytest.raises(ValueError, match=r".") as caught:
            read(text)
        possible = (texts.NESTED_TOO_DEEPLY, texts.FOUND_NO_APPLICATION, texts.FOUND_NO_LIST)
        assert any(is_from(str(caught.value), entry) for entry in possible)


def listed(version: str, count: int = 3) -> bytes:
    """Return the JSON of a list. The first resource of its first application has the name ``version``."""
    resources = [{"kind": "ConfigMap", "name": f"é-{number}", "status": "Synced"} for number in range(count)]
    resources[0]["name"] = version
    metadata = {"name": "web", "namespace": "argocd", "uid": "u1", "resourceVersion": version}
    items = [{"metadata": metadata, "status": {"resources": resources}}, {"metadata": {"name": "api"}}, None]
    return json.dumps({"metadata": {"resourceVersion": version}, "items": items}, ensure_ascii=False).encode()


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_a_list_that_arrives_in_parts_is_the_same_list(size: int) -> None:
    text = listed("1")
    reading = ListReading(ApplicationReader(), lambda: None)
    for start in range(0, len(text), size):
        reading.feed(text[start : start + size])
    assert reading.end() == parse_applications(text.decode())
    assert [application.name for application in reading.end()] == ["web", "api"]


def test_a_list_that_was_cut_off_is_no_list() -> None:
    reading = ListReading(ApplicationReader(), lambda: None)
    reading.feed(listed("1")[:-20])
    with pytest.raises(ValueError, match=pattern_of(texts.FOUND_NO_END)):
        reading.end()


def test_a_resource_that_is_equal_in_two_versions_is_kept_once() -> None:
    reader = ApplicationReader()
    before, after = reader.read(listed("1").decode())[0], reader.read(listed("2").decode())[0]
    assert after.resources[0] != before.resources[0]
    assert all(one is other for one, other in zip(after.resources[1:], before.resources[1:], strict=True))


def test_a_long_list_is_not_parsed_to_its_end_if_the_job_is_to_end() -> None:
    def stopped() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        ListReading(ApplicationReader(), stopped).feed(listed("1"))
