"""Test the names of the fields in which a live resource differs from git."""

import json
from typing import Any

import pytest

from argocd_release.diagnosis.differences import FIELDS, differing_fields


@pytest.mark.parametrize(
    ("live", "wanted", "text"),
    [
        ({"spec": {"size": 1}}, {"spec": {"size": 2}}, "spec.size is 2 in git, but 1 in the cluster"),
        ({"spec": {}}, {"spec": {"typo": True}}, "spec.typo is true in git, but the cluster has dropped this field"),
        ({"spec": {"port": 80}}, {"spec": {}}, "spec.port is 80 in the cluster, but not in git"),
        ({"a": [{"image": "x:1"}]}, {"a": [{"image": "y:2"}]}, 'a[0].image is "y:2" in git, but "x:1" in the cluster'),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, 'limits.cpu is "1000m" in git, but "1" in the cluster'),
        ({"restartPolicy": "Always"}, {}, 'restartPolicy is "Always" in the cluster, but not in git'),
        ({"ports": [{"name": "a"}]}, {"ports": [{"name": "b"}]}, 'ports[0].name is "b" in git, but "a" in the cluster'),
        ({}, {"x": "hunter2"}, "x is set in git (its value is not shown), but the cluster has dropped this field"),
        ({"x": "hunter2"}, {}, "x is set in the cluster (its value is not shown), but not in git"),
        ({"x": 1}, {"x": "hunter2"}, "x differs (its values are not shown)"),
        ({"a": [1]}, {"a": [1, 2]}, "a is a value with 2 elements in git, but a value with 1 element in the cluster"),
        ({"a": {"b": 1}}, {"a": None}, "a is null in git, but a value with 1 field in the cluster"),
        ({"a": 1}, {"a": 1}, ""),
        (None, None, ""),
    ],
)  # fmt: skip
def test_the_fields_are_named(live: object, wanted: object, text: str) -> None:
    assert differing_fields("Deployment", live, wanted)[0] == text


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("Secret", {"data": {"user": "{}"}}),
        ("ConfigMap", {"data": {"DB_PASSWORD": "{}"}}),
        ("ConfigMap", {"data": {"api-key": "{}"}}),
        ("Deployment", {"spec": {"containers": [{"env": [{"name": "X", "value": "{}"}]}]}}),
        ("Widget", {"spec": {"authToken": "{}"}}),
        ("Application", {"spec": {"helm": {"parameters": [{"name": "db.password", "value": "{}git"}]}}}),
        ("Application", {"spec": {"helm": {"valuesObject": {"db": {"type": "{}"}}}}}),
        (
            "Deployment",
            {"spec": {"containers": [{"args": ["--password={}"], "command": ["sh", "-c", "DB_PASS={} ./run"]}]}},
        ),
        ("Deployment", {"spec": {"httpGet": {"httpHeaders": [{"name": "X", "value": "{}"}]}}}),
        ("ConfigMap", {"data": {"DB_PASS": "{}", "app.ini": "user=a\npass={}", "image": "{}"}}),
        ("Widget", {"spec": {"webhookURL": "https://hooks.slack.com/services/T/B/{}"}}),
        ("Widget", {"spec": {"env": {"DB_PASS": "{}", "image": "{}"}}}),
        ("Widget", {"metadata": {"annotations": {"example.com/type": "{}"}}}),
        ("Widget", {"spec": {"image": "https://user:{}@registry/x"}}),
        ("Widget", {"spec": {"image": "user:{}@registry/x"}}),
        ("Widget", {"spec": {"updatePolicy": "password is {}"}}),
    ],
)
def test_a_value_that_can_be_secret_is_not_shown(kind: str, document: dict[str, Any]) -> None:
    def filled(value: object, word: str) -> object:
        if isinstance(value, dict):
            return {key: filled(item, word) for key, item in value.items()}
        return [filled(item, word) for item in value] if isinstance(value, list) else str(value).format(word)

    text = differing_fields(kind, filled(document, "1"), filled({**document}, "hunter2"))[0]
    assert "differs" in differing_fields(kind, {"data": {"DB_PASSWORD": "a"}}, {"data": {"DB_PASSWORD": "b"}})[0]
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("Secret", {"image": "4711"}),
        ("ConfigMap", {"data": {"PIN": "4711"}}),
        ("Widget", {"spec": {"env": {"PIN": 4711}}}),
        ("Application", {"spec": {"helm": {"parameters": [{"name": "pin", "value": "4711"}]}}}),
        ("Widget", {"spec": {"password": 4711}}),
        ("Widget", {"spec": {"pin": "4711" * 20}}),
    ],
)
def test_a_number_that_can_be_secret_is_not_shown(kind: str, document: dict[str, Any]) -> None:
    assert "differs" in differing_fields(kind, document, json.loads(json.dumps(document).replace("4711", "4712")))[0]
    for live, wanted in ((document, {}), ({}, document)):
        assert "4711" not in differing_fields(kind, live, wanted)[0]


def test_the_text_is_bounded_and_hostile_values_are_harmless() -> None:
    live = {f"field{number}\n": "\x1b[31m" + "x" * 1000 for number in range(500)}
    text = differing_fields("Widget", live, {})[0]
    assert text.count("is set in the cluster") == FIELDS
    assert text.endswith("and 97 more fields")
    assert len(text) < 1000
    assert text.isprintable()


@pytest.mark.parametrize(("levels", "text"), [(5000, ""), (60, "is a value with 1 field in git")])
def test_a_deep_document_ends_the_comparison(levels: int, text: str) -> None:
    live: Any = 1
    wanted: Any = 2
    for _ in range(levels):
        live, wanted = {"a": live}, {"a": wanted}
    assert text in differing_fields("Widget", live, wanted)[0]


@pytest.mark.parametrize("value", [1, "a text that is not shown"])
def test_a_dropped_field_is_recognized_even_if_its_value_is_not_shown(value: object) -> None:
    assert differing_fields("Widget", {"spec": {}}, {"spec": {"typo": value}})[1]
    assert not differing_fields("Widget", {"spec": {"typo": value}}, {"spec": {}})[1]
    assert not differing_fields("Widget", {"spec": {"typo": "x"}}, {"spec": {"typo": value}})[1]
