"""The doctor on the sandbox: each mistake by its name, and its whole checklist as it is committed beside this file."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from argocd_release.doctor import checks
from argocd_release.doctor.checks import Checklist, CheckResult, CheckState
from argocd_release.model.outcome import Outcome
from sandbox.sandbox import Sandbox
from tests.support import entrances
from tests.support.entrances import Entrances
from tests.support.insecure_server import insecure_server
from tests.support.job import Checked, doctor
from tests.support.misconfigured import IMAGE, MISTAKES, Place

EXPECTED: Final = Path(__file__).parent / "doctor"
SCHEMA: Final = Draft202012Validator(
    json.loads(resources.files("argocd_release.doctor").joinpath("doctor.schema.json").read_text("utf-8"))
)
# The limit for users who run it before each release.
SECONDS: Final = 3.0
# Values that differ by machine or day.
_CHANGING: Final = (
    (r"(localhost|port|argocd-server|:)(:| )\d{4,5}\b", r"\1\2PORT"),
    (r"localhost resolves to [0-9a-f.:, ]+", "localhost resolves to ADDRESS"),
    (r"argocd\.invalid cannot be resolved: .*", "argocd.invalid cannot be resolved: WHY"),
    (r"\d{4}-\d{2}-\d{2}", "DAY"),
    (r"valid until .*", "valid until THEN"),
    (r"\(in [^)]+\)", "(in TIME)"),
    (r"(expires in) \d+ \w+", r"\1 TIME"),
    (rf"{tempfile.gettempdir()}/[^ ,]+", "FOLDER"),
    (r"wait for at most \d+ \w+", "wait for at most TIME"),
)


@pytest.fixture(scope="module")
def place(sandbox: Sandbox, ways: Entrances) -> Iterator[Place]:
    with entrances.hole() as hole, entrances.silence() as silence, insecure_server(sandbox) as insecure:
        yield Place.prepared(sandbox, ways, hole, silence, insecure)


def checked_by_doctor(place: Place, folder: Path, *arguments: str, **environ: str) -> Checked:
    healthy = place.sandbox.environment(token=place.token) | {"ARGOCD_APP_NAME": "shop", "RELEASE_IMAGE": IMAGE}
    return doctor({**healthy, **environ}, folder, *arguments)


def normal(text: str) -> str:
    for pattern, fixed in _CHANGING:
        text = re.sub(pattern, fixed, text)
    return text


def as_people_see_it(answer: dict[str, Any]) -> str:
    """Return the checklist of the JSON."""
    ends = {outcome.exit_code: outcome for outcome in Outcome}
    states = {state.word: state for state in CheckState}
    results = [
        CheckResult(
            check=check["name"],
            state=states[check["state"]],
            message=check["message"],
            code=check["code"],
            fix=check["fix"],
            outcome=ends[answer["exit_code"]] if check["state"] == "failed" else None,
        )
        for check in answer["checks"]
    ]
    return f"{checks.render_text(Checklist(results=results))}\n"


def compare(name: str, text: str, *, accept: bool) -> None:
    file = EXPECTED / f"{name}.txt"
    if accept:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"run with --accept, and read what it wrote:\n{text}"
    assert text == file.read_text("utf-8")


def test_a_healthy_pipeline(place: Place, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    checked = checked_by_doctor(place, tmp_path)

    compare("healthy", normal(checked.text), accept=pytestconfig.getoption("accept"))
    assert checked.exit_code == 0
    # On a shared machine only its share of the time is counted.
    assert checked.seconds < SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistake_is_named(place: Place, tmp_path: Path, pytestconfig: pytest.Config, name: str) -> None:
    mistake = MISTAKES[name]
    environ = dict(mistake.environ(place))

    told = checked_by_doctor(place, tmp_path, "--json", **environ)

    answer: dict[str, Any] = json.loads(told.text)
    SCHEMA.validate(answer)
    text = as_people_see_it(answer)
    wrong = [check for check in answer["checks"] if check["state"] in {"warning", "failed"}]
    assert mistake.code in {check["code"] for check in wrong}, text
    if mistake.exit_code:
        # Nothing else is blamed.
        assert {check["code"] for check in wrong if check["state"] == "failed"} == {mistake.code}, text
    assert all(check["fix"] for check in wrong if check["code"])
    assert (told.exit_code, answer["exit_code"]) == (mistake.exit_code, mistake.exit_code), text
    assert place.token not in told.text
    compare(name, normal(text), accept=pytestconfig.getoption("accept"))


def test_people_and_machines_are_told_the_same(place: Place, tmp_path: Path) -> None:
    environ = {"ARGOCD_SERVER": f"http://{place.sandbox.server}", "RELEASE_IMAGE": ""}
    text, told = checked_by_doctor(place, tmp_path, **environ), checked_by_doctor(place, tmp_path, "--json", **environ)
    assert normal(text.text) == normal(as_people_see_it(json.loads(told.text)))
    assert text.exit_code == told.exit_code != 0


def test_there_are_mistakes_enough() -> None:
    assert len({mistake.code for mistake in MISTAKES.values()}) >= 30
    assert {file.stem for file in EXPECTED.glob("*.txt")} == {"healthy", *MISTAKES}
