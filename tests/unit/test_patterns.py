"""Test that every pattern of the package runs in linear time, because one message could otherwise block a job."""

import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

import argocd_release
from argocd_release.core.redaction import masked, redaction
from argocd_release.core.secret_data import message_shown, without_secret_data
from argocd_release.core.text import clean
from argocd_release.joblog import Style
from argocd_release.settings.environment import PROPERTIES

QUICK = settings.get_current_profile_name() == "quick"
# The quick tests use half the length, which takes half the time.
LENGTH = 5_000 if QUICK else 10_000
# The limit in seconds of CPU time. A pattern with backtracking takes a second for 10,000 characters.
LIMIT = LENGTH / 1e6
# Texts that make patterns backtrack: the same part again and again, with an end that does not fit.
SEEDS = (
    "a", "A", "0", "\\", '"', " ", "-", "{", "[", "\x1b", "=", "%", "\n", "\t", ".", "/", ":",
    "A  ", "A A  ", "AB  CD  ", "-eyJaaaaaaaa", "eyJaaaaaaaa.", "eyJaaaaaaaaa", "bearer ", "basic ", "Basic  \t", "data:map[",
    '"data":{', '\\"data\\":{', '"data" ', "data:\n  ", "data: ", "kind: Secret ", '\\\\"', "CreateContainer",
    "CreateContainerError", "://a:", "://", ":@", "section_start:", "\x1b]", "\x1b[0", "\x1bP", "\x9b0", "rpc error: ",
    "argocd: ", 'error when a "/dev/shm/1', "dial tcp ", "2026-01-01T00:00:00 ", "Name: a", "password=", "a.b.", "a-",
    "cannot unmarshal ", "Pod/a: ", "(", ") ", "#", "https://a", "(more characters) ", " … (1 more characters)", "[[ATTACHMENT|",
)  # fmt: skip
# Each end makes another text of every seed. The quick tests use the end that fits the fewest patterns.
ENDS = ("!",) if QUICK else ("", "!", "0", "\n")


def compiled() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield each pattern of the modules and the settings once, after a name.

    Modules import patterns from each other: of 186 names, 158 have a pattern of their own.
    """
    seen: set[re.Pattern[Any]] = set()
    for name, pattern in declared_patterns():
        if pattern not in seen:
            seen.add(pattern)
            yield name, pattern


def declared_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield each pattern as often as modules contain it, at any depth of their constants."""
    for module in pkgutil.walk_packages(argocd_release.__path__, "argocd_release."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                for position, pattern in enumerate(found_in(value)):
                    yield f"{module.name}.{name}.{position}", pattern
    for name, declared in PROPERTIES.items():
        if "pattern" in declared:
            yield name, re.compile(declared["pattern"])


def found_in(value: object) -> Iterator[re.Pattern[Any]]:
    match value:
        case re.Pattern():
            yield value
        case tuple() | list() | set() | frozenset():
            for item in value:
                yield from found_in(item)
        case dict():
            for item in value.values():
                yield from found_in(item)
        case _:
            pass


PATTERNS = dict(compiled())


def hostile() -> Iterator[str]:
    for seed in SEEDS:
        for end in ENDS:
            text = seed * (LENGTH // len(seed))
            yield text + end
            yield f" {text[: LENGTH // 2]} {seed[::-1] * (LENGTH // 2 // len(seed))}{end}"


TEXTS = tuple(hostile())


def seconds(work: Callable[[Any], object], text: str | bytes) -> float:
    """Return the least of up to ten measurements, because a busy machine also makes the CPU slower."""
    least = float("inf")
    for _ in range(10):
        started = time.process_time()
        work(text)
        least = min(least, time.process_time() - started)
        if least < LIMIT:
            break
    return least


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 20
    assert any(name.startswith("argocd_release.joblog.") for name in PATTERNS)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_done_with_hostile_text_at_once(name: str) -> None:
    pattern: Any = PATTERNS[name]
    for text in TEXTS:
        given = text if isinstance(pattern.pattern, str) else text.encode()
        for work in (pattern.fullmatch, lambda given: pattern.sub(given[:0], given)):
            took = seconds(work, given)
            assert took < LIMIT, f"{took:.3f} s on {text[:40]!r}…"


@pytest.mark.parametrize(
    "work",
    [
        clean,
        without_secret_data,
        message_shown,
        redaction(["hunter2-hunter2"]),
        Style(colours=True).paint,
        lambda text: masked({"A": text}),
    ],
    ids=["clean", "without_secret_data", "message_shown", "redact", "paint", "masked"],
)
def test_what_every_text_passes_is_done_at_once(work: Callable[[str], object]) -> None:
    for text in TEXTS:
        took = seconds(work, text)
        assert took < 5 * LIMIT, f"{took:.3f} s on {text[:40]!r}…"
