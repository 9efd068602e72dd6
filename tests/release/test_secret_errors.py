"""Malformed Secrets, made by a generator, through the real API server and Argo CD: no output shows a value of them."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from argocd_release.core.secret_data import message_shown
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.support.job import StartRelease

VALUE = "TOPSECRETVALUE"
NUMBER = 424242424242
ENCODED = base64.b64encode(VALUE.encode()).decode()
#: One value of each type that YAML has, alone and inside others.
WRONG: dict[str, Any] = {
    "text": VALUE, "number": NUMBER, "fraction": 4242.4242, "truth": True, "nothing": None, "list": [VALUE, NUMBER],
    "map": {"inner": VALUE, "n": NUMBER}, "lines": f'{VALUE}\n{VALUE}2\n  kind: x\n"}}]', "nested": {"a": [{"b": VALUE}]},
    "base64": ENCODED,
}  # fmt: skip
WAYS = (
    ("apply",), ("apply", "--server-side", "--force-conflicts"), ("apply", "--validate=false"),
    ("replace", "--validate=false"), ("create", "--validate=false"),
)  # fmt: skip


def shows_value(text: str) -> bool:
    return any(form in text for form in (VALUE, ENCODED[:12], str(NUMBER)[:8], "4242.42", "4.2424242"))


def malformed(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield Secrets with each wrong value at each place, and what they are."""
    for kind, value in WRONG.items():
        places: dict[str, dict[str, Any]] = {
            "data": {"data": value},
            "data-key": {"data": {"password": ENCODED, "bad": value}},
            "string-data": {"stringData": value},
            "string-data-key": {"stringData": {"password": VALUE, "bad": value}},
            **{field: {"stringData": {"password": VALUE}, field: value} for field in ("type", "immutable", "unknown")},
        }
        for place, fields in places.items():
            yield f"{place}-{kind}", {"metadata": {"name": name}, **fields}
        for field in ("labels", "annotations", "finalizers", "ownerReferences"):
            yield (
                f"{field}-{kind}",
                {"metadata": {"name": name, field: {"x": value}}, "stringData": {"password": VALUE}},
            )


def manifest(secret: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Secret", **secret})


def test_no_message_of_the_api_server_shows_a_value(sandbox: Sandbox) -> None:
    """The API server's words reach the job in these forms, and in no other."""
    sandbox.kubectl("apply", "-f", "-", stdin=manifest({"metadata": {"name": "rejected"}, "stringData": {"a": "b"}}))

    def refusal(case: tuple[tuple[str, ...], tuple[str, dict[str, Any]]]) -> str:
        way, (_, secret) = case
        try:
            sandbox.kubectl(*way, "-f", "-", stdin=manifest(secret))
        except CommandError as error:
            return str(error).partition("\n")[2]
        return ""

    cases = [(way, case) for way in WAYS for case in malformed("rejected")]
    with ThreadPoolExecutor(4) as pool:
        messages = [message for message in pool.map(refusal, cases) if message]
    assert len(messages) > 200, "most of them are rejected"
    assert sum(map(shows_value, messages)) > 100, "many quote a value"
    for message in messages:
        assert not shows_value(message_shown(message)), message
        assert not shows_value(message_shown(message, kind="Secret")), message


@pytest.mark.parametrize("server_side", [False, True], ids=["client-side", "server-side"])
def test_no_output_of_a_release_shows_a_value(
    sandbox: Sandbox, start_release: StartRelease, *, server_side: bool
) -> None:
    """Many Secrets at once, one for each wrong value at each place; Argo CD quotes them in one message, too."""
    name = f"secret-errors-{'server' if server_side else 'client'}"
    chosen = [case for case in malformed("x") if case[0].startswith(("data", "string-data", "type", "immutable"))]
    files = {
        f"{case}.yaml": manifest({**secret, "metadata": {**secret["metadata"], "name": case}})
        for case, secret in chosen
    }
    repository = sandbox.repository(name)
    repository.commit(files)
    options = ["ServerSideApply=true", "Validate=false"] if server_side else ["Validate=false"]
    sandbox.application(name, repository, retry_limit=0, syncPolicy={"syncOptions": options})

    styles = ({"NO_COLOR": "1"}, {"RELEASE_LOG_FORMAT": "json", "RELEASE_LOG_LEVEL": "debug"})
    running = [start_release(name, RELEASE_TIMEOUT="60", **style) for style in styles]
    for run in running:
        ended = run.end()
        assert ended.exit_code == 10, ended.log
        outputs = {"log": ended.log} | {file.name: file.read_text("utf-8") for file in run.folder.iterdir()}
        assert {"argocd-release.xml", "argocd-release.json", "argocd-release.env", "argocd-release.html"} <= set(
            outputs
        )
        for output, text in outputs.items():
            leaked = [line for line in text.splitlines() if shows_value(line)]
            assert not leaked, (output, leaked[0][:500])
        assert "Secret/" in outputs["argocd-release.env"]
