"""Test real messages of Argo CD and of the servers that it uses. Some report an outage, and the others do not."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd_release.core.connectivity import is_outage, outage

ROWS: list[dict[str, Any]] = yaml.load(Path(__file__).with_name("messages.yml").read_bytes(), yaml.CSafeLoader)
ANSWER = "answer"


def told(message: str) -> str:
    found = outage(message)
    return f"{found.speaker.name}: {found.kind.name}".lower().replace("_", "-") if found else ANSWER


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["message"][:60])
def test_a_real_message(row: dict[str, Any]) -> None:
    assert told(row["message"]) == row["is"], row["from"]
    assert is_outage(row["message"]) is (row["is"] != ANSWER)


def test_the_table_is_large_and_names_its_sources() -> None:
    assert len(ROWS) >= 100
    assert len({row["message"] for row in ROWS}) == len(ROWS)
    assert all(row["from"].strip() for row in ROWS)


@pytest.mark.parametrize(
    "part",
    [
        "EOF ", ": EOF", "unable to resolve '", "code = ", "status: ", "\"' .", "A", "`git ", "` failed ", "rpc error: code = Unknown desc = ",
        "conversion webhook for ", "failed to generate manifest: ", 'Get "https://', "failed to run 'git ", "unable to access '", "Error: ",
        "lookup a", "a: ", "failed to sync cluster ",
    ],
)  # fmt: skip
def test_hostile_text_costs_no_time(part: str) -> None:
    text = part * (10_000 // len(part))
    for hostile in (
        text,
        f"`git fetch` failed exit status 1: {text}",
        f"Failed to load live state: {text}",
        f"`sh -c` failed exit status 1: {text}",
    ):
        started = time.process_time()
        is_outage(hostile)
        assert time.process_time() - started < 0.1
