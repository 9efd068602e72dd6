import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.redaction import REDACTED, everywhere, masked, redaction, without_data
from tests.unit.states import application

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhcmdvY2QifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


def test_known_secrets_and_what_looks_like_one() -> None:
    redact = redaction(["hunter2-hunter2"])
    assert redact("token hunter2-hunter2.") == f"token {REDACTED}."
    assert redact(f"said {JWT}!") == f"said {REDACTED}!"
    assert redact("Authorization: Bearer abcdefghijkl") == f"Authorization: Bearer {REDACTED}"


def test_short_values_are_left_alone() -> None:
    assert redaction(["a", ""])("banana") == "banana"


def test_a_secret_is_found_as_json_and_xml_write_it() -> None:
    secret = 'a&b<c>"d\\e€fgh'
    redact = redaction([secret])
    assert redact(json.dumps(secret)) == f'"{REDACTED}"'
    assert redact(json.dumps(secret, ensure_ascii=False)) == f'"{REDACTED}"'
    assert redact('<x y="a&amp;b&lt;c&gt;&quot;d\\e€fgh">') == f'<x y="{REDACTED}">'
    assert redact('a&amp;b&lt;c&gt;"d\\e€fgh') == REDACTED


@given(st.text(min_size=8, max_size=30), st.text(), st.text())
def test_a_secret_never_comes_through(secret: str, before: str, after: str) -> None:
    assert secret not in redaction([secret])(before + secret + after).replace(REDACTED, "\0")


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("CI_JOB_TOKEN", True),
        ("CI_REGISTRY_PASSWORD", True),
        ("db_password_prod", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("SSH_PRIVATE_KEY", True),
        ("MY_APIKEY", True),
        ("DOCKER_AUTH_CONFIG", True),
        ("SECRET_NAME", False),
        ("TOKEN_URL", False),
        ("AWS_ACCESS_KEY_ID", False),
        ("CI_COMMIT_SHA", False),
        ("KEYBOARD", False),
    ],
)
def test_names_that_say_secret(name: str, *, is_secret: bool) -> None:
    assert bool(masked({name: "value-of-it"})) is is_secret


def test_values_that_people_must_read_are_no_secrets() -> None:
    assert masked({"A_TOKEN": "sentry-frontend-dev"}, shown=["sentry-frontend-dev"]) == ()


def test_each_line_of_a_secret_is_one() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n"
    redact = redaction(masked({"DEPLOY_PRIVATE_KEY": key}))
    assert "MIIEvQIBADANBg" not in redact("it printed MIIEvQIBADANBg alone")


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ('patch: {"data":{"password":"aHVudGVyMg=="},"kind":"Secret"}', f'patch: {{"data":{{{REDACTED}}},"kind":"Secret"}}'),
        (r'Invalid value: "{\"data\":{\"a\":\"eA==\"},\"x\":1}"', rf'Invalid value: "{{\"data\":{{{REDACTED}}},\"x\":1}}"'),
        ('{"stringData":{"a":"b}c{","d":{"e":"f"}},"k":1}', f'{{"stringData":{{{REDACTED}}},"k":1}}'),
        ('cut off: {"data":{"password":"aHVudG', f'cut off: {{"data":{{{REDACTED}}}'),
        ("map[apiVersion:v1 data:map[password:aHVudGVyMg==] kind:Secret]", f"map[apiVersion:v1 data:map[{REDACTED}] kind:Secret]"),
        ("no data: here", "no data: here"),
    ],
)  # fmt: skip
def test_the_data_of_a_secret_in_a_message(message: str, left: str) -> None:
    assert without_data(message) == left


@given(st.text())
def test_any_text_survives(text: str) -> None:
    without_data(text + '"data":{' + text)


def test_everything_in_a_dataclass_is_redacted_and_its_words_stay_words() -> None:
    state = application(conditions=[{"type": "ComparisonError", "message": "with hunter2-hunter2"}], health="Degraded")
    redacted = everywhere(state, redaction(["hunter2-hunter2", "Degraded"]))
    assert redacted.conditions[0].message == f"with {REDACTED}"
    assert redacted.health is state.health
