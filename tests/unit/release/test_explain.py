"""Test the end of the job log."""

import io
from dataclasses import replace
from datetime import UTC, datetime

from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, Condition, Problem, ResourceRef, Subject
from argocd_release.model.result import ApplicationResult, Diagnosis, PodLog, ReleaseResult
from argocd_release.release.explain import STEPS, show
from argocd_release.release.job_log import JobLog
from argocd_release.settings.environment import JobEnvironment
from tests.unit.states import application


def test_the_hint_of_a_group_without_applications_is_shown() -> None:
    """The hint was missing, because no application has it (H30)."""
    stream = io.StringIO()
    verdict = Verdict(outcome=Outcome.MISSING, reason="no application matches team=shop", hint="check the selector")
    show(
        JobLog(JobEnvironment({}), stream),
        ReleaseResult(verdict=verdict, applications=(), seconds=1.0, ended_at=datetime.now(UTC), several=True),
        (),
    )
    assert stream.getvalue().count("\nnext: check the selector\n") == 1


def test_a_delivered_release_shows_the_conditions_of_its_application() -> None:
    stream = io.StringIO()
    twice = Condition(type="RepeatedResourceWarning", message="Resource apps/Deployment/web appeared 2 times")
    state = replace(application(), conditions=(twice,))
    ended_at, verdict = datetime.now(UTC), Verdict(outcome=Outcome.DELIVERED, reason="Synced and Healthy")
    one = ApplicationResult(
        verdict=verdict, name="web", url="", image_tag="", seconds=1.0, ended_at=ended_at, application=state
    )
    for several in (False, True):
        whole = ReleaseResult(verdict=verdict, applications=(one,), seconds=1.0, ended_at=ended_at, several=several)
        show(JobLog(JobEnvironment({}), stream), whole, ())
    line = "\nwarning: web: RepeatedResourceWarning: Resource apps/Deployment/web appeared 2 times\n"
    assert stream.getvalue().count(line) == 2


def test_a_group_shows_what_the_success_of_its_applications_does_not_prove() -> None:
    stream, ended_at = io.StringIO(), datetime.now(UTC)
    verdict = Verdict(outcome=Outcome.DELIVERED, reason="Synced and Healthy", caveat="the set is hidden")
    applications = tuple(
        ApplicationResult(
            verdict=replace(verdict, caveat="" if name == "e" else verdict.caveat),
            name=name, url="", image_tag="", seconds=1.0, ended_at=ended_at, application=application(),
        )
        for name in "abcde"
    )  # fmt: skip
    group = ReleaseResult(verdict=verdict, applications=applications, seconds=1.0, ended_at=ended_at, several=True)
    show(JobLog(JobEnvironment({}), stream), group, ())
    assert stream.getvalue().count("\nnote: a, b, c and 1 more: the set is hidden\n") == 1


def test_the_last_lines_of_a_group_name_the_application_of_the_cause() -> None:
    stream, ended_at = io.StringIO(), datetime.now(UTC)
    verdicts = {
        "web": Verdict(outcome=Outcome.DEGRADED, reason="Pod/x: CrashLoopBackOff", hint="fix it"),
        "api": Verdict(outcome=Outcome.DELIVERED, reason="Synced and Healthy"),
    }
    applications = tuple(
        ApplicationResult(
            verdict=verdict, name=name, url="", image_tag="", seconds=1.0, ended_at=ended_at, application=application()
        )
        for name, verdict in verdicts.items()
    )  # fmt: skip
    group = ReleaseResult(
        verdict=verdicts["web"], applications=applications, seconds=1.0, ended_at=ended_at, several=True
    )
    show(JobLog(JobEnvironment({}), stream), group, ())
    assert stream.getvalue().splitlines()[-2:] == ["cause: web: Pod/x: CrashLoopBackOff", "next: fix it"]


LOG = PodLog(pod="api-1", container="web", previous=False, lines=("cannot connect",))
CAUSES = {
    "api": "Pod/api-1: CrashLoopBackOff, 3 restarts",
    "web": "Pod/web-2: CrashLoopBackOff, 5 restarts",
    **{name: f"ComparisonError: {name}" for name in "abcdefg"},
}


def test_the_end_of_a_group_says_what_to_do_for_each_cause() -> None:
    """Only the worst failure had a step, so that readers were left alone with the others."""
    stream, ended_at = io.StringIO(), datetime.now(UTC)

    def failed(name: str, cause: str) -> ApplicationResult:
        ref = ResourceRef("", "Pod", "web", cause.partition(":")[0].removeprefix("Pod/"))
        problem = Problem(
            code=CauseCode.CRASH_LOOP, message=cause, hint=f"fix {cause[:8]}" if len(name) == 1 else "fix the program",
            subject=Subject(ref=ref, root=ref) if len(name) > 1 else None,
        )  # fmt: skip
        outcome = Outcome.DEGRADED if len(name) > 1 else Outcome.SYNC_FAILED
        return ApplicationResult(
            verdict=Verdict(outcome=outcome, reason=cause), name=name, url="", image_tag="", seconds=1.0,
            ended_at=ended_at, application=application(), diagnosis=Diagnosis(cause=problem, logs=(LOG,)),
        )  # fmt: skip

    group = ReleaseResult(
        verdict=Verdict(outcome=Outcome.DEGRADED, reason="9 applications"), seconds=1.0, ended_at=ended_at, several=True,
        applications=tuple(failed(name, cause) for name, cause in CAUSES.items()),
    )  # fmt: skip
    show(JobLog(JobEnvironment({}), stream), group, ())
    *_, end = stream.getvalue().partition("3 other causes; see the table of applications above\n")
    assert end.count("next: ") == STEPS
    first = "cause 1 of 8: api, web: Pod/api-1: CrashLoopBackOff, 3 restarts\n"
    assert end.endswith(f"{first}  | cannot connect\nnext: fix the program\n")
    # The line below the banner has the same number as the same cause at the end.
    assert "\ncause 1 of 8: api: Pod/api-1: CrashLoopBackOff, 3 restarts\n" in stream.getvalue()


def test_a_hint_for_several_applications_names_none_of_them() -> None:
    stream, ended_at = io.StringIO(), datetime.now(UTC)
    hint = "sync again (argocd app sync {application}, or later)"
    verdict = Verdict(outcome=Outcome.SYNC_FAILED, reason="sync failed", hint=hint)

    def failed(name: str) -> ApplicationResult:
        state = replace(application(), name=name)
        return ApplicationResult(
            verdict=verdict, name=name, url="", image_tag="", seconds=1.0, ended_at=ended_at, application=state
        )

    def end(*names: str) -> str:
        group = ReleaseResult(
            verdict=verdict, applications=tuple(map(failed, names)), seconds=1.0, ended_at=ended_at, several=True
        )
        show(JobLog(JobEnvironment({}), stream), group, ())
        return stream.getvalue().splitlines()[-1]

    assert end("web") == "next: sync again (argocd app sync argocd/web, or later)"
    assert end("web", "api") == "next: sync again (argocd app sync NAME, or later)"
