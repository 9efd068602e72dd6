"""Test the hints: each must help, and none must make the state worse."""

import importlib
import re
from collections.abc import Iterator, Mapping

import pytest

from argocd_release.messages import Message, causes, hooks, verdict
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.verdict.symptoms import timeout_hint
from tests.support.wording import MODULES

#: The entries that can advise more time: the release only waits, and the job has ended at its timeout.
MORE_TIME = {
    "causes.TIMEOUT_HINTS", "hooks.HOOK_WAITS", "settings.STABLE_TOO_LONG", "settings.THRESHOLD_TOO_HIGH", "verdict.MORE_TIME", "verdict.MUST_STAY",
}  # fmt: skip
#: The causes that a longer wait alone never solves, with or without a diagnosis.
NEVER_BY_WAITING = frozenset(CauseCode) - {
    CauseCode.UNHEALTHY, CauseCode.NOT_COMPARED, CauseCode.NOT_HYDRATED, CauseCode.OWNER_PENDING, CauseCode.OTHER_IMAGE,
    CauseCode.OTHER_REVISION, CauseCode.OTHER_CHART_VERSION, CauseCode.SYNC_RUNNING, CauseCode.OUT_OF_SYNC,
    CauseCode.NO_ADDRESS, CauseCode.NO_VOLUME, CauseCode.ROLLOUT_PAUSED,
}  # fmt: skip
#: A hint begins with what to do, or with the condition under which to do it.
FIRST_WORDS = frozenset(
    [
        "add",
        "ask",
        "change",
        "check",
        "compare",
        "correct",
        "create",
        "delete",
        "find",
        "fix",
        "free",
        "give",
        "if",
        "let",
        "leave",
        "make",
        "name",
        "push",
        "put",
        "raise",
        "remove",
        "rename",
        "renew",
        "retry",
        "run",
        "set",
        "sync",
        "take",
        "wait",
    ]
)


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text and hint of the catalogue with the name of its entry."""
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"argocd_release.messages.{module}")).items():
            if isinstance(value, Message):
                yield f"{module}.{name}", value.text
                yield f"{module}.{name}", value.hint
            elif isinstance(value, str) and name.isupper():
                yield f"{module}.{name}", value
            elif isinstance(value, Mapping) and name.isupper():
                yield from ((f"{module}.{name}", text) for text in value.values() if isinstance(text, str))


def test_more_time_is_advised_only_if_waiting_can_help() -> None:
    """The log said «raise RELEASE_TIMEOUT» below a finalizer and below drift."""
    assert {name for name, text in texts() if "raise <RELEASE_TIMEOUT>" in text} == MORE_TIME


@pytest.mark.parametrize("code", CauseCode)
def test_each_cause_has_a_step_at_the_timeout(code: CauseCode) -> None:
    hint = timeout_hint(code)
    assert hint
    if code in NEVER_BY_WAITING:
        assert "RELEASE_TIMEOUT" not in hint


def test_a_setting_of_the_grace_period_is_no_step() -> None:
    """A longer grace period only delays the same failure."""
    found = {name for name, text in texts() if "GRACE> sets how long" in text}
    assert found == {"verdict.HEALS_WHILE_RETRYING"}


@pytest.mark.parametrize("table", ["SYMPTOM_HINTS", "HINTS", "TIMEOUT_HINTS", "OUTAGES"])
def test_a_hint_begins_with_the_step(table: str) -> None:
    for name, hint in getattr(causes, table).items():
        assert re.split(r"\W", hint, maxsplit=1)[0] in FIRST_WORDS, f"{name}: {hint}"
        assert not hint.endswith("."), name


def test_a_hint_is_named_after_a_cause() -> None:
    codes = {code.word for code in CauseCode}
    assert codes >= causes.HINTS.keys() | causes.TIMEOUT_HINTS.keys()


def test_the_hint_of_the_code_comes_before_that_of_the_symptom_but_not_while_the_release_is_pending() -> None:
    problem = Problem(code=CauseCode.OUT_OF_SYNC, message="OutOfSync")
    assert Verdict.on(problem, Outcome.NOT_DELIVERED, hint="general").hint == causes.HINTS["out-of-sync"]
    assert Verdict.on(problem, None, hint="general").hint == "general"
    own = Problem(code=CauseCode.OUT_OF_SYNC, message="OutOfSync", hint="own")
    assert Verdict.on(own, Outcome.NOT_DELIVERED, hint="general").hint == "own"


def hints() -> Iterator[tuple[str, str]]:
    """Yield each hint of the catalogue with the name of its entry."""
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"argocd_release.messages.{module}")).items():
            if isinstance(value, Message):
                yield f"{module}.{name}", value.hint
            elif name.endswith("HINTS"):
                yield from ((f"{module}.{name}.{key}", hint) for key, hint in value.items())
            elif module in {"causes", "drift", "hooks"} and isinstance(value, str):
                yield f"{module}.{name}", value


def test_each_command_in_a_hint_names_the_application() -> None:
    """The hint named ``argocd app terminate-op`` without the name that the command needs."""
    command = re.compile(r"argocd app (?:diff|get|sync|terminate-op)(?! \{application\})")
    assert not [name for name, hint in hints() if command.search(hint)]


@pytest.mark.parametrize(
    "hint",
    [
        hooks.RETRIED.hint, verdict.ATTEMPTS.hint, verdict.HEALS_WHILE_RETRYING.hint,
        causes.SYMPTOM_HINTS["ATTEMPTS_FAILED"], causes.SYMPTOM_HINTS["HOOK_FAILED"], *causes.REJECTION_HINTS.values(),
    ],
)  # fmt: skip
def test_a_hint_about_a_sync_that_argo_cd_retries_says_what_to_do_after_the_last_attempt(hint: str) -> None:
    """Readers repaired the database after the last attempt, and just retried the job, which failed again."""
    assert re.search(r"has made its last attempt.* sync again \(argocd app sync \{application\}", hint)


def test_no_hint_of_a_failed_sync_claims_that_nothing_changed() -> None:
    """A sync can fail after it has applied some resources; the state says which."""
    claims = re.compile(r"keeps its previous state|has applied nothing|cluster keeps")
    assert not [name for name, text in texts() if claims.search(text)]
