"""Test that the output of ``argocd app diff``, as argocd 2.13.2 and 3.6.1 print it, is parsed into changes."""

from dataclasses import replace

import pytest

from argocd_release.core.redaction import everywhere, redaction
from argocd_release.diff.compare import (
    ApplicationDiff,
    ResourceChange,
    State,
    changes_of,
    documents,
    secret_changes,
    secret_documents,
    verdict,
)
from argocd_release.diff.dangers import Action
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, Problem, ResourceRef
from tests.unit.states import application

HEADER = "\n===== apps/Deployment shop/web ======\n--- /tmp/a/web-live.yaml\tx\n+++ /tmp/a/web\tx\n@@ -1,9 +1,9 @@\n"
BODY = """ apiVersion: apps/v1
 kind: Deployment
 metadata:
   annotations:
     kubectl.kubernetes.io/last-applied-configuration: |
       {"apiVersion":"apps/v1"}
   generation: 1
   managedFields:
   - apiVersion: apps/v1
     manager: argocd-controller
   name: web
   namespace: shop
   uid: 1-2-3
 spec:
   replicas: 1
   template:
     spec:
       containers:
-      - image: web:1
+      - image: web:2
         name: web
 status:
   replicas: 1
"""
OURS = replace(application(), automated=True, prune=True)


def test_a_changed_line_is_shown_with_its_context_and_its_path() -> None:
    (change,) = changes_of(HEADER + BODY, OURS)

    assert change.action is Action.CHANGED
    assert change.ref == ResourceRef("apps", "Deployment", "shop", "web")
    assert change.lines == (
        "@@ spec.template.spec.containers @@",
        "   template:",
        "     spec:",
        "       containers:",
        "-      - image: web:1",
        "+      - image: web:2",
        "         name: web",
    )
    assert not change.dangers


def test_nothing_that_the_cluster_sets_is_shown_of_a_removed_resource() -> None:
    body = "".join(f"-{line[1:]}\n" for line in BODY.splitlines() if not line.startswith("+"))
    (change,) = changes_of(HEADER + body, OURS)

    assert change.action is Action.REMOVED
    text = "\n".join(change.lines)
    assert "name: web" in text
    assert not any(word in text for word in ("managedFields", "last-applied", "uid", "status", "annotations"))
    assert change.dangers == ("Deployment/web would be deleted: it is no longer in git, and Argo CD prunes it",)


def test_a_change_after_the_first_300_is_only_named() -> None:
    output = "".join((HEADER + BODY).replace("shop/web", f"shop/web-{number:03}") for number in range(301))
    changes = changes_of(output, OURS)

    assert len(changes) == 301
    assert (changes[299].cut, changes[300].lines) == (0, ())
    assert changes[300].cut == len(changes[0].lines)


def test_a_document_cannot_begin_another_one() -> None:
    output = HEADER + BODY + "+===== /Secret shop/other ======\n+--- x\n+@@ y @@\n"

    assert [ref.name for ref, _ in documents(output)] == ["web"]


def test_text_that_is_no_yaml_is_shown_without_a_warning() -> None:
    (change,) = changes_of(HEADER + "-a: [\n+b: ]\n", OURS)

    assert change.lines == ("-a: [", "+b: ]")


def test_a_header_without_a_body_is_a_change_without_lines() -> None:
    (change,) = changes_of("\n===== /ConfigMap shop/a ======\n", OURS)

    assert change.lines == ()


@pytest.mark.parametrize(
    ("live", "new", "expected"),
    [
        ({}, {"password": "+"}, Action.ADDED),
        ({"password": "++"}, {"password": "+", "user": "+"}, Action.CHANGED),
        ({"password": "++"}, {"password": "+"}, None),
        ({"password": "++"}, {}, Action.REMOVED),
    ],
)
def test_secrets_are_compared_by_their_keys(live: dict[str, str], new: dict[str, str], expected: Action | None) -> None:
    def secrets(data: dict[str, str]) -> list[dict[str, object]]:
        return [{"metadata": {"name": "s", "namespace": "shop"}, "data": data}] if data else []

    changes = secret_changes(secrets(live), secrets(new), "shop", OURS)

    assert [change.action for change in changes] == ([expected] if expected else [])
    assert not any('+"' in line or "++" in line for change in changes for line in change.lines)


def test_only_secrets_are_read_from_an_answer() -> None:
    secret, other = '{"apiVersion": "v1", "kind": "Secret"}', '{"apiVersion": "v1", "kind": "ConfigMap"}'

    assert len(secret_documents({"manifests": [secret, other, "no json", None]}, "")) == 1
    assert len(secret_documents({"items": [{"liveState": secret}, {"liveState": "null"}]}, "liveState")) == 1
    assert secret_documents(None, "") == []


CONFIG = """
===== /ConfigMap shop/a ======
--- a
+++ b
@@ -1 +1 @@
 apiVersion: v1
 data:
-  colour: blue
+  colour: red
   manifest: {manifest}
 kind: ConfigMap
"""


@pytest.mark.parametrize(("manifest", "part"), [("none", "+  colour: red"), ("'kind: Secret'", " data: [redacted]")])
def test_the_data_of_a_config_map_is_shown_but_not_that_of_an_embedded_secret(manifest: str, part: str) -> None:
    (change,) = changes_of(CONFIG.format(manifest=manifest), OURS)

    # The log redacts the result, and then the event that contains a part of it.
    twice = everywhere(everywhere(change, redaction(["s3cret-value"])), redaction(["s3cret-value"]))
    assert part in twice.lines


def test_a_known_secret_is_hidden_in_the_data_of_a_config_map() -> None:
    (change,) = changes_of(CONFIG.format(manifest="s3cret-value"), OURS)

    assert not any("s3cret" in line for line in everywhere(change, redaction(["s3cret-value"])).lines)


CHANGED = ApplicationDiff(
    name="shop",
    state=State.COMPARED,
    changes=(ResourceChange(ref=ResourceRef("", "ConfigMap", "shop", "a"), action=Action.CHANGED),),
)
DANGEROUS = ApplicationDiff(
    name="pay",
    state=State.COMPARED,
    changes=(
        ResourceChange(ref=ResourceRef("", "ConfigMap", "pay", "a"), action=Action.REMOVED, dangers=("deleted",)),
    ),
)
FAILED = ApplicationDiff(
    name="web",
    state=State.FAILED,
    outcome=Outcome.SYNC_FAILED,
    problem=Problem(code=CauseCode.COMPARISON_ERROR, message="broken", hint="fix it"),
)


@pytest.mark.parametrize(
    ("applications", "fail_on", "outcome"),
    [
        ([CHANGED, DANGEROUS], "never", Outcome.DELIVERED),
        ([CHANGED], "difference", Outcome.DIFFERENT),
        ([CHANGED], "dangerous", Outcome.DELIVERED),
        ([DANGEROUS], "dangerous", Outcome.DIFFERENT),
        ([DANGEROUS, FAILED], "dangerous", Outcome.SYNC_FAILED),
        ([], "difference", Outcome.DELIVERED),
    ],
)
def test_the_outcome_of_a_job(applications: list[ApplicationDiff], fail_on: str, outcome: Outcome) -> None:
    assert verdict(applications, fail_on)[0] is outcome


SECRET = """\
 kind: Secret
 metadata:
   name: db
   labels:
     a: b
     c: d
     e: f
     g: h
"""
EMBEDDED = {
    "a changed key": f"""{SECRET} stringData:
   a1: x
   a2: x
   a3: x
   a4: x
-  password: old-hunter2
+  password: new-hunter2
   z1: x
""",
    "a new field": f"""{SECRET}+stringData:
+  password: new-hunter2
""",
    "a text of several lines": f"""{SECRET} data:
   file: |
     a
     b
     c
     d
-    old-hunter2
+    new-hunter2
""",
    "a value in the same line": f"""{SECRET}-stringData: {{password: old-hunter2}}
+stringData: {{password: new-hunter2}}
""",
}
PLACES = {
    "a ConfigMap": (" kind: ConfigMap\n data:\n   secret.yaml: |\n", 4),
    "a template": (" kind: SealedThing\n spec:\n   template:\n", 4),
    "a list": (" kind: List\n items:\n - apiVersion: v1\n", 2),
}


@pytest.mark.parametrize("body", EMBEDDED.values(), ids=EMBEDDED)
@pytest.mark.parametrize(("head", "indent"), PLACES.values(), ids=PLACES)
def test_no_value_of_a_secret_in_another_document_is_shown(head: str, indent: int, body: str) -> None:
    """The hunk with the value does not contain the line that says that the document is a Secret."""
    inner = "".join(f"{line[0]}{' ' * indent}{line[1:]}\n" for line in body.splitlines())
    (change,) = changes_of(HEADER + head + inner, OURS)

    text = "\n".join(everywhere(change.lines, redaction(())))
    assert "hunter2" not in text
    assert "[redacted]" in text


TEXTS = {
    "JSON that YAML has wrapped": ["""  text: '{"kind": "Secret", "stringData": {"a": "some words","""]
    + [f"""    "key{number}": "hunter2 and some words",""" for number in range(9)]
    + ['-    "z": "old-hunter2"}}\'', '+    "z": "new-hunter2"}}\''],
    "JSON that YAML has wrapped before the kind": [
        """  text: '{"apiVersion": "v1", "data": {"a": "hunter2"}, "kind":""",
        """    "Secret", "stringData": {"a":""",
    ]
    + [f"""    "hunter2", "key{number}":""" for number in range(9)]
    + ['-    "old-hunter2"}}\'', '+    "new-hunter2"}}\''],
    "JSON with one line for each field": ["  text: |", "    {", '      "kind": "Secret",', '      "stringData": {']
    + [f'        "key{number}": "hunter2",' for number in range(9)]
    + ['-        "z": "old-hunter2"', '+        "z": "new-hunter2"', "      }", "    }"],
    "JSON without indents": ["  text: |", "    {", '    "kind": "Secret",', '    "stringData": {']
    + [f'    "key{number}": "hunter2",' for number in range(9)]
    + ['-    "z": "old-hunter2"', '+    "z": "new-hunter2"', "    }}"],
    "YAML in quotes": [
        "  first: x",
        """-  text: "kind: Secret\\ndata:\\n  password: old-hunter2\\n\\""",
        """+  text: "kind: Secret\\ndata:\\n  password: new-hunter2\\n\\""",
        """    \\  z: hunter2\\n\"""",
        """  - "data:\\n  a: b\\nkind: Secret\\n  z:\\""",
        """-    \\ old-hunter2\\n\"""",
        """+    \\ new-hunter2\\n\"""",
        """  - "kind: Secret\\ndata:\\n  password: hunter2\\n\"""",
    ],
    "a list of texts": ["  - first", """  - '{"kind": "Secret", "data":"""]
    + [f"""    {{"key{number}": "hunter2"}},""" for number in range(9)]
    + ['-    {"z": "old-hunter2"}}\'', '+    {"z": "new-hunter2"}}\''],
    "an annotation": ["  annotations:", """    last: '{"kind": "Secret", "data":"""]
    + [f"""      {{"key{number}": "hunter2"}},""" for number in range(9)]
    + ['-      {"z": "old-hunter2"}}\'', '+      {"z": "new-hunter2"}}\''],
    "a mapping in one line that is wrapped": ["  text: |", "    kind: Secret", "    data: {a: hunter2,"]
    + [f"      key{number}: hunter2," for number in range(9)]
    + ["-      z: old-hunter2}", "+      z: new-hunter2}"],
    "a private key": ["  text: |", "    -----BEGIN RSA PRIVATE KEY-----"]
    + [f"    hunter2line{number}" for number in range(9)]
    + ["-    oldhunter2", "+    newhunter2"]
    + [f"    hunter2line{number}" for number in range(9)]
    + ["    -----END RSA PRIVATE KEY-----", "  other: shown"],
    "a private key that is replaced by another one": ["  text: |", "    -----BEGIN PRIVATE KEY-----"]
    + [f"    hunter2line{number}" for number in range(9)]
    + ["-    hunter2", "-    -----END PRIVATE KEY-----", "+    hunter2", "+    hunter2", "     # no end: hunter2"],
}


@pytest.mark.parametrize("lines", TEXTS.values(), ids=TEXTS)
def test_no_part_of_a_secret_in_a_text_is_shown(lines: list[str]) -> None:
    signed = (line if line[:2] in {"- ", "+ "} and line[1:3] == "  " else f" {line}" for line in lines)
    output = "\n".join([f"{HEADER} kind: Thing", " spec:", *signed])
    (change,) = changes_of(output, OURS)

    assert change.lines
    assert "hunter2" not in "\n".join(everywhere(change.lines, redaction(())))


def test_the_lines_after_a_private_key_are_shown() -> None:
    lines = TEXTS["a private key"]
    output = "\n".join(
        [f"{HEADER} kind: Thing", " spec:", *(f" {line}" for line in lines[:-1] if line[0] == " "), "+  a: 1"]
    )
    (change,) = changes_of(output, OURS)

    assert "+  a: 1" in everywhere(change.lines, redaction(()))
