"""Test messages about Secrets, as a real API server writes them, and longer texts that contain Secrets."""

import base64
import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.core.redaction import everywhere, lines_shown, redaction
from argocd_release.core.secret_data import message_shown, without_secret_data
from argocd_release.core.yaml_secrets import REDACTED

VALUE = "TOPSECRETVALUE"
#: Messages of kube-apiserver 1.31. tests/release/test_secret_errors.py generates the Secrets and records them.
RECORDED = json.loads((Path(__file__).parent / "secret_errors.json").read_text("utf-8"))


def shows_value(text: str) -> bool:
    return any(form in text for form in (VALUE, "424242", base64.b64encode(VALUE.encode()).decode()[:12]))


@pytest.mark.parametrize("kind", ["Secret", ""])
@pytest.mark.parametrize("message", RECORDED)
def test_no_message_of_the_api_server_shows_a_value(message: str, kind: str) -> None:
    assert shows_value(message), "the recorded message quotes a value"
    assert not shows_value(message_shown(message, kind=kind))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "failed to create typed patch object (default/db; /v1, Kind=Secret): errors:\n  .data.a: expected string, got "
            f'&value.valueUnstructured{{Value:map[string]interface {{}}{{"x":"{VALUE}"}}}}\n  .stringData.b: expected string, '
            "got &value.valueUnstructured{Value:424242}",
            "failed to create typed patch object (default/db; /v1, Kind=Secret): errors:\n  .data.a: expected string, got "
            "[redacted] .stringData.b: expected string, got [redacted]",
        ),
        (
            f'Secret "db" is invalid: type: Invalid value: "{VALUE}": field is immutable',
            'Secret "db" is invalid: type: Invalid value: [redacted]: field is immutable',
        ),
        (
            'secrets "db" is forbidden: User "system:serviceaccount:argocd:argocd-application-controller" cannot create '
            'resource "secrets" in API group "" in the namespace "web"',
            'secrets "db" is forbidden: User "system:serviceaccount:argocd:argocd-application-controller" cannot create '
            'resource "secrets" in API group "" in the namespace "web"',
        ),
        (
            f'admission webhook "check.example.com" denied the request: Secret "db": {VALUE} is too weak',
            'admission webhook "check.example.com" denied the request: Secret "db": [redacted]',
        ),
        (
            'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post '
            '"https://v.example.svc:443/validate?timeout=10s": dial tcp 10.0.0.1:443: connect: connection refused: Kind=Secret',
            'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post '
            '"https://v.example.svc:443/validate?timeout=10s": dial tcp 10.0.0.1:443: connect: connection refused: [redacted]',
        ),
        *(
            (message, message)
            for message in (
                "Secret/db is part of applications argocd/web and team-a/api",
                "resource :Secret is not permitted in project default.",
                "secret/db created",
                "Pending deletion",
            )
        ),
        ('secret "db" not found', 'secret "db" not found'),
        ("couldn't find key password in Secret web/db", "couldn't find key password in Secret web/db"),
    ],
)  # fmt: skip
def test_a_message_about_a_secret_shows_paths_types_and_reasons(message: str, shown: str) -> None:
    assert message_shown(message) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            'Deployment.apps "web" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]'
            'string{"app":"a}b"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable',
            'Deployment.apps "web" is invalid: spec.selector: Invalid value: [redacted]: field is immutable',
        ),
        (
            'Job.batch "m" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Spec:core.PodSpec{Containers:'
            f'[]core.Container{{core.Container{{Env:[]core.EnvVar{{core.EnvVar{{Name:"P", Value:"{VALUE}"}}}}}}}}}}}}: field '
            "is immutable",
            'Job.batch "m" is invalid: spec.template: Invalid value: [redacted]: field is immutable',
        ),
        (
            'Service "web" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
            'Service "web" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
        ),
        (
            'Ingress "web" is invalid: spec.rules[0].host: Invalid value: "Web_x": a lowercase RFC 1123 subdomain',
            'Ingress "web" is invalid: spec.rules[0].host: Invalid value: "Web_x": a lowercase RFC 1123 subdomain',
        ),
        (
            f".spec.template.spec.containers[0].env: expected list, got &{{map[A:{VALUE}]}}",
            ".spec.template.spec.containers[0].env: expected list, got [redacted]",
        ),
        (
            f"error building typed value: .spec.x: expected string, got &value.valueUnstructured{{Value:{VALUE}}}",
            "error building typed value: .spec.x: expected string, got [redacted]",
        ),
        (
            f"yaml: unmarshal errors: line 3: cannot unmarshal !!str `{VALUE[:7]}...` into map[string]string",
            f"yaml: unmarshal errors: line 3: cannot unmarshal !!str {REDACTED} into map[string]string",
        ),
    ],
)  # fmt: skip
def test_a_dump_is_dropped_and_the_reason_behind_it_stays(message: str, shown: str) -> None:
    assert message_shown(message) == shown


WRONG = st.recursive(
    st.sampled_from([VALUE, f"{VALUE}\n{VALUE}", f'{VALUE}"}}]\n  kind: x', 424242, 4242.42, True, None]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b:c", "d e"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def go_value(value: object) -> str:
    """Return the value as Go's %v prints it."""
    match value:
        case None:
            return "<nil>"
        case dict():
            return "map[" + " ".join(f"{key}:{go_value(item)}" for key, item in value.items()) + "]"
        case list():
            return "[" + " ".join(map(go_value, value)) + "]"
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def go_syntax(value: object) -> str:
    """Return the value as Go's %#v prints it."""
    match value:
        case None:
            return "interface {}(nil)"
        case dict():
            return (
                "map[string]interface {}{"
                + ", ".join(f"{json.dumps(k)}:{go_syntax(v)}" for k, v in value.items())
                + "}"
            )
        case list():
            return "[]interface {}{" + ", ".join(map(go_syntax, value)) + "}"
        case str():
            return json.dumps(value)
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


@given(WRONG, st.sampled_from(["data", "stringData", "type", "metadata.annotations", "unknown"]), st.integers(0, 7))
def test_a_wrong_value_at_any_place_in_any_form_is_not_shown(value: object, place: str, form: int) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        place: value,
        "stringData": {"p": VALUE},
    }
    applied = json.dumps(secret)
    message = (
        f"failed to create typed patch object (default/db; /v1, Kind=Secret): .{place}: expected string, got &{go_value(value)}",
        f".{place}: expected string, got &value.valueUnstructured{{Value:{go_syntax(value)}}}",
        f'Secret "db" is invalid: {place}: Invalid value: {json.dumps(go_value(value))}: field is immutable',
        f'"" is invalid: patch: Invalid value: {json.dumps(go_value(secret))}: unrecognized type: int64',
        f'"" is invalid: patch: Invalid value: {json.dumps(applied)}: unrecognized type: int64',
        f'admission webhook "w" denied the request: v1.Secret{{Data:{go_syntax(value)}}} in Secret/db',
        f"error when patching: map[{'last-applied-configuration'}:{applied} data:{go_value({'p': VALUE})} kind:Secret]",
        f"one or more objects failed to apply, reason: Deployment/x: no,error when patching: Kind=Secret {go_value(value)}",
    )[form]  # fmt: skip
    shown = message_shown(message)
    assert not shows_value(shown)
    assert message_shown(shown) == shown or not shows_value(message_shown(shown))


@given(st.text())
def test_any_message_survives(text: str) -> None:
    for prefix in ("", 'Secret "a" is invalid: ', "Invalid value: ", "expected map, got &{"):
        message_shown(prefix + text)
        message_shown(text, kind="Secret")


KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{VALUE}\n{VALUE}=\n-----END RSA PRIVATE KEY-----"
MANIFESTS = (
    f"kind: Secret\ndata:\n  password: {VALUE}\n  other: |\n    {VALUE}\ntype: Opaque",
    f"INFO x kind: Secret\nINFO x data:\nINFO x   password: {VALUE}\nINFO x type: Opaque",
    f"  | kind: Secret\n  | stringData:\n  |   a: >-\n  |     {VALUE}\n  | type: Opaque",
    f"kind: Secret\ndata: {{password: {VALUE}}}",
    f'{{"kind":"Secret",\n "data": {{\n  "password": "{VALUE}"\n }},\n "type":"Opaque"}}',
    f"data:\n  a: {VALUE}\nkind: Secret",
    KEY,
)


@pytest.mark.parametrize("text", MANIFESTS)
@pytest.mark.parametrize("lines", [False, True])
def test_a_secret_in_a_log_is_hidden_as_a_whole(text: str, *, lines: bool) -> None:
    before, after = ["starting"], ["done"]
    if lines:
        shown = "\n".join(lines_shown([*before, *text.split("\n"), *after]))
        output = "\n".join(everywhere((*before, *text.split("\n"), *after), redaction([])))
    else:
        shown = redaction([])(without_secret_data(text))
        output = str(everywhere(text, redaction([])))
    assert not shows_value(shown)
    assert not shows_value(output)
    assert not lines or shown.startswith("starting\n")


TOKENS = (
    "glpat-0123456789abcdefghij", "gldt-0123456789abcdefghij", "glcbt-64_0123456789abcdefghij", "ghp_" + "a1" * 18,
    "gho_" + "a1" * 18, "github_pat_" + "a1" * 30, "AKIA" + "A1B2" * 4, "ASIA" + "A1B2" * 4, "xoxb-1234567890-abcdef",
    "xoxp-1234567890-abcdef", "xoxa-2-abcdef", "xoxr-abcdef", "xoxs-abcdef", "hvs.CAESIJlWxO9abcdef",
)  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "around", ["%s", "token=%s", "'%s'", "https://u:%s@host/x", "a,%s;b", "T%%20: %s.", '{"t":"%s"}']
)
def test_a_token_of_a_known_shape_is_hidden(token: str, around: str) -> None:
    assert token[4:] not in redaction([])(around % token)


@given(
    st.text("abcXYZ019€ü<>&%+/=-_", min_size=12, max_size=24),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_a_known_secret_is_found_in_base64_of_a_longer_text(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert REDACTED in redaction([secret])(encoded)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps('p<&>"w\\d/2026'),
        '"p\\u003c\\u0026\\u003e\\"w\\\\d/2026"',
        json.dumps(json.dumps('p<&>"w\\d/2026')),
        "p%3C%26%3E%22w%5Cd%2F2026",
        "p%3c%26%3e%22w%5cd%2f2026",
        "p&lt;&amp;&gt;&#34;w\\d/2026",
    ],
)
def test_a_known_secret_is_found_in_each_encoding(text: str) -> None:
    assert "2026" not in redaction(['p<&>"w\\d/2026'])(text)


USERS, HOSTS = ("user", "", "us%40er"), ("host.example.com", "host:8443", "[::1]", "[::1]:8080", "10.0.0.1:80")
PASSWORDS = (
    "hunter2-hunter2",
    "hunter2@hunter2",
    "hunter2:hunter2",
    "hunter2%40hunter2",
    "hunter2/hunter2",
    "8080-hunter2",
)


SCHEMES = ("https://", "http://", "", "ssh://", "socks5h://", "HTTPS://")


@pytest.mark.parametrize(("user", "password", "host"), list(product(USERS, PASSWORDS, HOSTS)))
def test_a_password_in_an_address_is_hidden(user: str, password: str, host: str) -> None:
    schemes = [scheme for scheme in SCHEMES if scheme or user]
    for scheme, end in product(schemes, ("", "/path", "/path?x=1")):
        shown = redaction([])(f"cannot reach {scheme}{user}:{password}@{host}{end}: refused")
        assert "hunter2" not in shown
        assert host.partition(":")[0] in shown


@pytest.mark.parametrize(
    "name", ["token", "private_token", "access_token", "api-key", "X-Amz-Signature", "password", "client_secret"]
)
def test_a_secret_in_a_query_is_hidden(name: str) -> None:
    assert (
        redaction([])(f"GET https://host/x?a=1&{name}=hunter2&b=2") == f"GET https://host/x?a=1&{name}={REDACTED}&b=2"
    )


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8443/path@v1 and user@example.com",
        "git@gitlab.example.com:group/web.git",
        "registry.example.com:5000/team/web:1.27@sha256:abcd",
        "http://[::1]:8080/x and a@b",
        "at 12:30:45 UTC",
        "module@v1.2.3, x:y",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redaction([])(text) == text


@pytest.mark.parametrize(
    "text",
    [
        r'{"msg": "apply", "manifest": "apiVersion: v1\nkind: Secret\nstringData:\n  password: hunter2\n"}',
        r'{"msg": "apply", "manifest": "apiVersion: v1\ndata:\n  password: hunter2\nkind: Secret\n"}',
        r'{"msg": "apply", "manifest": "data:\n  password: hunter2\nkind: Secret\n"}',
        r'{"msg": "apply", "manifest": "---\n- kind: \"Secret\"\n  data:\n    password: hunter2\n"}',
        r'manifest="apiVersion: v1\\nkind: Secret\\ndata:\\n  password: hunter2"',
        "apply {'kind': 'Secret', 'stringData': {'password': 'hunter2'}}",
        "apply {'data': {'password': 'hunter2'}, 'kind': 'Secret'}",
    ],
)
def test_a_secret_in_one_line_is_hidden(text: str) -> None:
    shown = without_secret_data(f"before\n{text}\ndata: after")
    assert "hunter2" not in shown
    assert shown.startswith(f"before\n{text[:5]}")
    assert shown.endswith("[redacted]\ndata: after")


@pytest.mark.parametrize(
    "text", [r"kind: ConfigMap\ndata:\n  colour: red", "{'kind': 'ConfigMap', 'data': {'a': 'b'}}"]
)
def test_another_document_in_one_line_is_shown(text: str) -> None:
    assert without_secret_data(f"Secret\n{text}") == f"Secret\n{text}"


@pytest.mark.parametrize(
    "text",
    [
        f"  password: {VALUE}\nkind: Secret\ntype: Opaque",
        f'    "password": "{VALUE}"\n  }},\n  "kind": "Secret",\n  "type": "Opaque"',
        f'"kind": "Secret"\n"data":\n  "password": "{VALUE}"\nend',
        f"kind: !!str Secret\n'data' :\n  password: {VALUE}\nend",
        f"kind: Secret\ndata: !!map\n  password: {VALUE}\nend",
        f"kind: SecretList\nitems:\n- data: {{a: {VALUE}}}",
        f"I1 main.go:99] kind: Secret\nI1 main.go:100] data:\nI1 main.go:101]   a: b\nI1 main.go:101]\nI1 main.go:1000]   a: {VALUE}",
        f"00:00.12 stringData:\n00:00.123456   a: {VALUE}\n00:01 end",
        f"{{'kind': 'Secret',\n 'stringData': {{'password': '{VALUE}'}}}}",
        f"{{'data': {{'password': '{VALUE}'}},\n 'kind': 'Secret'}}",
        f'{{"kind"=>"Secret", "data"=>{{"password"=>"{VALUE}"}}}}',
        f'The Secret "db" is invalid: type: Invalid value: "{VALUE}": field is immutable',
        f"json: cannot unmarshal number into Go struct field Secret.data of type []uint8, error found in ...|{VALUE}|...",
    ],
    ids=range(13),
)  # fmt: skip
def test_no_log_shows_the_values_of_a_secret(text: str) -> None:
    shown = lines_shown(["begin", *text.split("\n")]) if text[0] != " " else lines_shown(text.split("\n"))
    assert VALUE not in "\n".join(shown)
    assert lines_shown(shown) == shown


@pytest.mark.parametrize(
    "text", ["  a: b\nkind: ConfigMap", "  indented\n\nkind: Secretary", "kind: Secret\nreceived data: 5 bytes\nend"]
)
def test_a_log_without_values_stays(text: str) -> None:
    assert "\n".join(lines_shown(text.split("\n"))) == text
