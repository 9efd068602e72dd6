"""Every pattern of the package runs in linear time; otherwise one message of the cluster could stop the job."""

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
# The inner loop takes half the length, and half the time for it.
LENGTH = 5_000 if QUICK else 10_000
# Seconds of processor time. On 10,000 characters, a pattern that tries again and again takes a second.
LIMIT = LENGTH / 1e6
# Texts that make patterns try again and again: one thing over and over, with an end that fits nothing.
SEEDS = (
    "a", "A", "0", "\\", '"', " ", "-", "{", "[", "\x1b", "=", "%", "\n", "\t", ".", "/", ":",
    "A  ", "A A  ", "AB  CD  ", "-eyJaaaaaaaa", "eyJaaaaaaaa.", "eyJaaaaaaaaa", "bearer ", "basic ", "Basic  \t", "data:map[",
    '"data":{', '\\"data\\":{', '"data" ', "data:\n  ", "data: ", "kind: Secret ", '\\\\"', "CreateContainer",
    "CreateContainerError", "://a:", "://", ":@", "section_start:", "\x1b]", "\x1b[0", "\x1bP", "\x9b0", "rpc error: ",
    "argocd: ", 'error when a "/dev/shm/1', "dial tcp ", "2026-01-01T00:00:00 ", "Name: a", "password=", "a.b.", "a-",
    "cannot unmarshal ", "Pod/a: ", "(", ") ", "#", "https://a", "(more characters) ", " … (1 more characters)", "[[ATTACHMENT|",
)  # fmt: skip
# Each end is a text more of every seed: the inner loop takes the one that fits the fewest patterns, `bin/dev test` all.
ENDS = ("!",) if QUICK else ("", "!", "0", "\n")


def compiled() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Return the patterns in the constants of the package's modules and those of the settings, each once.

    Modules import patterns from each other: of 186 names, 158 hold a pattern of their own.
    """
    seen: set[re.Pattern[Any]] = set()
    for name, pattern in declared_patterns():
        if pattern not in seen:
            seen.add(pattern)
            yield name, pattern


def declared_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Return each pattern as often as a module holds it, however deep in its constants."""
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
    """Return the least of up to ten measurements, for a busy machine makes the processor slower too."""
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
