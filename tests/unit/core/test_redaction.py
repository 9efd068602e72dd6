import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.core.redaction import everywhere, masked, redaction
from argocd_release.core.secret_data import without_secret_data as without_data
from argocd_release.core.text import clean
from argocd_release.core.yaml_secrets import REDACTED
from argocd_release.model.problem import ResourceRef
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
        ("PGPASSWORD", True),
        ("MYSQL_PWD", True),
        ("DB_PASS", True),
        ("GITHUB_PAT", True),
        ("SENTRY_DSN", True),
        ("KEYCLOAK_CLIENTSECRET", True),
        ("K8S_SECRET_DB_PASSWORD", True),
        ("PWD", False),
        ("OLDPWD", False),
        ("COMPASS", False),
        ("K8S_SECRET_RAILS_ENV", False),
    ],
)
def test_names_that_say_secret(name: str, *, is_secret: bool) -> None:
    assert bool(masked({name: "value-of-it"})) is is_secret


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("PULL_SECRET", "registry-credentials", False),
        ("VAULT_SECRET", "sentry-frontend", False),
        ("VAULT_SECRET", "kv/sentry-frontend", False),
        ("VAULT_SECRET", "hvs.CAESIJlWxO9", True),
        ("TLS_SECRET", "f3a9c0d17be24455", True),
        ("CLIENT_SECRET", "correct-horse-battery-staple", True),
        ("K8S_SECRET_API_TOKEN", "correct-horse-battery-staple", True),
    ],
)
def test_the_name_of_a_kubernetes_secret_is_none(name: str, value: str, *, is_secret: bool) -> None:
    assert bool(masked({name: value})) is is_secret


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DATABASE_URL", "postgres://app:hunter2-hunter2@db:5432/app", "hunter2-hunter2"),
        ("DATABASE_URL", "postgres://app:hunter2%20hunter2@db/app", "hunter2 hunter2"),
        ("ANY", "mysql://app:hunter2-hunter2@db", "hunter2-hunter2"),
        ("MYSQL_DSN", "app:hunter2-hunter2@tcp(db:3306)/app", "hunter2-hunter2"),
        ("PG_DSN", "host=db user=app password=hunter2-hunter2 dbname=app", "hunter2-hunter2"),
    ],
)
def test_a_password_inside_a_value_is_a_secret(name: str, value: str, secret: str) -> None:
    assert secret in masked({name: value})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Basic dXNlcjpodW50ZXIy", f"Authorization: Basic {REDACTED}"),
        ("Basic authentication failed", "Basic authentication failed"),
        ("basic configuration is wrong", "basic configuration is wrong"),
        ("fetch https://ci:glcbt-64abc@git.example.com/x", f"fetch https://ci:{REDACTED}@git.example.com/x"),
        ("docker-pullable://web:1.27@sha256:abcd", "docker-pullable://web:1.27@sha256:abcd"),
        ("http://[::1]:8080/x and a@b", "http://[::1]:8080/x and a@b"),
        (f"x-{JWT}", f"x-{REDACTED}"),
        ("argocd-repo-server.argocd-system.svc", "argocd-repo-server.argocd-system.svc"),
    ],
)
def test_what_looks_like_a_secret_and_what_does_not(text: str, left: str) -> None:
    assert redaction([])(text) == left


def test_a_secret_is_found_as_urls_and_kubernetes_write_it() -> None:
    secret = "p@ss word/2026"
    assert redaction([secret])("p%40ss%20word%2F2026") == REDACTED
    assert redaction([secret])("cEBzcyB3b3JkLzIwMjY=") == REDACTED


def test_half_a_secret_on_either_side_of_what_was_left_out_is_found() -> None:
    redact = redaction(["hunter2-hunter2"])
    text = clean(f"it said {'x' * 20} hunter2-hunter2 {'y' * 100}", limit=60)
    assert "hunter2-hun" in text
    assert redact(text) == f"it said {'x' * 20} {REDACTED} … (85 more characters) {'y' * 20}"
    assert "hunt" not in redact(f"{text}; {text}")
    text = clean(f"{'x' * 150} hunter2-hunter2 {'y' * 10}", limit=60)
    assert "r2-hunter2" not in redact(text)
    assert redact(text).endswith(f"{REDACTED} {'y' * 10}")
    token = clean(f"it said {JWT}", limit=40)
    assert "eyJ" not in redaction([])(token)


@given(st.text("abc-12", min_size=8, max_size=20), st.text("xyz ", max_size=20), st.integers(1, 40))
def test_no_half_of_a_secret_comes_through_wherever_a_text_is_cut_off(secret: str, before: str, limit: int) -> None:
    left = redaction([secret])(clean(f"{before} {secret} {'after ' * 20}", limit=limit))
    assert secret[:8] not in left


@pytest.mark.parametrize("value", ["sentry-frontend-dev", "frontend"])
def test_values_that_people_must_read_are_no_secrets_nor_is_a_part_of_them(value: str) -> None:
    assert masked({"A_TOKEN": value}, readable=["sentry-frontend-dev"]) == ()


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
        ('cut off: {"data":{"password":"aHVudG', f'cut off: {{"data":{{{REDACTED}'),
        # A value can contain a bracket, so the end of a map that Go has printed cannot be recognised.
        ("map[apiVersion:v1 data:map[password:aHVudGVyMg==] kind:Secret]", f"map[apiVersion:v1 data:map[{REDACTED}"),
        ("stringData:map[note:hosts: [a, b] password:hunter2 x:y] kind:Secret]", f"stringData:map[{REDACTED}"),
        ("data:map[password:[104 117 110]] and", f"data:map[{REDACTED}"),
        ('Data:map[string][]uint8{"password":[]uint8{0x68, 0x75}}, Type:"Opaque"', f"Data:map[{REDACTED}"),
        (
            "stringData:map[port:5432 a:]b] for: x: json: cannot unmarshal number into Go struct field Secret.stringData of type string",
            f"stringData:map[{REDACTED} … json: cannot unmarshal number into Go struct field Secret.stringData of type string",
        ),
        (
            'patch: Invalid value: "map[stringData:map[port:5432]]": unrecognized type: int64. Retrying attempt #1 at 10:03PM.',
            f'patch: Invalid value: "map[stringData:map[{REDACTED} … unrecognized type: int64',
        ),
        ("data:map[a:5]: cannot convert int64 to string", f"data:map[{REDACTED} … cannot convert int64 to string"),
        ("data:map[a:unrecognized type: hunter2 b:cannot convert hunter2 to string]", f"data:map[{REDACTED}"),
        (r'{"data":{"a":"x\"}","b":"hunter2"},"k":1}', f'{{"data":{{{REDACTED}}},"k":1}}'),
        (r'{"data":{"a":"x\\","b":"hunter2"},"k":1}', f'{{"data":{{{REDACTED}}},"k":1}}'),
        (r'"{\"data\":{\"a\":\"x\\\"}\",\"b\":\"hunter2\"},\"k\":1}"', rf'"{{\"data\":{{{REDACTED}}},\"k\":1}}"'),
        (r'"{\"data\":{\"a\":\"x" then "b":"hunter2"}', rf'"{{\"data\":{{{REDACTED}'),
        (r'{\\"data\\":{\\"a\\":\\"hunter2\\"}}', rf'{{\\"data\\":{{{REDACTED}'),
        ("kind: Secret\ndata:\n  password: hunter2\n\n  other: |\n    hunter2\ntype: Opaque", f"kind: Secret\ndata: {REDACTED}\ntype: Opaque"),
        ("- kind: X\n  stringData:\n    a: hunter2\n  b: c", f"- kind: X\n  stringData: {REDACTED}\n  b: c"),
        ("apiVersion: v1 kind: Secret data: password: hunter2 type: Opaque", f"apiVersion: v1 kind: Secret data: {REDACTED}"),
        ("data: password: hunter2 kind: Secret", f"data: {REDACTED}"),
        ("no data: here", "no data: here"),
        ("data:\nnothing beneath it", "data:\nnothing beneath it"),
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


def secret_quoted(values: dict[str, str], depth: int) -> str:
    """Return a Secret as JSON that is quoted ``depth`` times in JSON strings, as in annotations with manifests."""
    text = json.dumps({"stringData": values, "kind": "Secret"})
    for _ in range(depth):
        text = json.dumps({"last": text})
    return text


AWKWARD = st.text('ab]["{}\\: \n', max_size=12)


@given(st.lists(AWKWARD, max_size=4), st.integers(0, 4))
def test_no_value_of_a_quoted_secret_comes_through_whatever_stands_before_it(before: list[str], depth: int) -> None:
    values = {f"k{position}": value for position, value in enumerate(before)} | {"last": "TOPSECRET"}
    assert "TOPSECRET" not in without_data(f"error: {secret_quoted(values, depth)}: and more")
    printed = " ".join(f"{key}:{value}" for key, value in values.items())
    assert "TOPSECRET" not in without_data(f"map[kind:Secret stringData:map[{printed}] type:Opaque]")


def test_text_is_harmless_before_secrets_are_looked_for_in_it() -> None:
    assert everywhere(["hunter2\x1b[0m-hunter2"], redaction(["hunter2-hunter2"])) == [REDACTED]


def test_the_fields_of_a_named_tuple_are_redacted() -> None:
    pair = ResourceRef("", "Pod", "web", "hunter2-hunter2")
    redacted = everywhere(pair, redaction(["hunter2-hunter2"]))
    assert redacted == ("", "Pod", "web", REDACTED)
    assert type(redacted) is type(pair)


@pytest.mark.parametrize(
    "text",
    [
        "password: 'it''s-\"a\"-secret/1'",
        r"""{'password': 'it\'s-"a"-secret/1'}""",
        r"""'it'"'"'s-"a"-secret/1'""",
        r'{"password":"it\'s-\"a\"-secret\/1"}'.replace(r"\'", "'"),
        json.dumps(json.dumps(json.dumps({"password": 'it\'s-"a"-secret/1'}))),
        "https://host/?q=it's-%22a%22-secret/1",
        'it\'s-"a"\u200b-sec\u00adret/1',
    ],
)
def test_a_secret_with_quotes_is_hidden_in_each_notation(text: str) -> None:
    assert "secret" not in everywhere(text, redaction(['it\'s-"a"-secret/1'])).replace("\\", "")


def test_a_secret_beyond_ascii_is_hidden_as_python_writes_it() -> None:
    assert redaction(["пароль-1"])(ascii("пароль-1")) == "'[redacted]'"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+ PGPASSWORD=hunter2 psql -h db", "+ PGPASSWORD=[redacted] psql -h db"),
        ("jdbc:sqlserver://db;user=web;password=hunter2;", "jdbc:sqlserver://db;user=web;password=[redacted];"),
        ('--set "db.password=hunter2" --atomic', '--set "db.password=[redacted]" --atomic'),
        ("--from-literal='api-key=hunter2'", "--from-literal='api-key=[redacted]'"),
        ("password='hunter2 hunter2'", "password='[redacted]'"),
        ('{"user":"web","password":"hunter2"}', '{"user":"web","password":"[redacted]"}'),
        (r'{"msg":"{\"client_secret\": \"hunter2\"}"}', r'{"msg":"{\"client_secret\": \"[redacted]\"}"}'),
        ("{'access_token': 'hunter2'}", "{'access_token': '[redacted]'}"),
        (r'{"password": "hunter2\"hunter2", "a": 1}', '{"password": "[redacted]", "a": 1}'),
        ('password="it\'s hunter2" psql', 'password="[redacted]" psql'),
        ("argocd login --password hunter2 --insecure", "argocd login --password [redacted] --insecure"),
        ("> PRIVATE-TOKEN: hunter2hunter2", "> PRIVATE-TOKEN: [redacted]"),
        ("x-api-key: hunter2hunter2", "x-api-key: [redacted]"),
    ],
)
def test_the_value_of_a_field_with_a_telling_name_is_hidden(text: str, shown: str) -> None:
    assert redaction([])(text) == shown
    assert redaction([])(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "FATAL: password authentication failed for user web",
        "password: must not be empty",
        "set DB_PASSWORD=$PASSWORD and api_key=<your key>",
        "db.password={{ .Values.password }}",
        "argocd login --password --insecure",
        'secret="default/db" token=expired',
    ],
)
def test_a_text_about_a_credential_stays(text: str) -> None:
    assert redaction([])(text) == text
