"""One run, from the environment to the exit code: every outcome passes through here, and each writes its reports."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO

from argocd_release import __version__, log, reporters, settings
from argocd_release.api import Api
from argocd_release.application import Kinship
from argocd_release.argocd import ArgoCD
from argocd_release.errors import ArgoCDError, Cancelled, Outcome, ReleaseError
from argocd_release.expectation import Condition, Expectation
from argocd_release.reporters import summary
from argocd_release.result import Result
from argocd_release.rules import Patience
from argocd_release.settings import Settings
from argocd_release.signals import Signals
from argocd_release.text import one_line, redaction
from argocd_release.tracker import MonotonicClock, Tracker
from argocd_release.verdict import Verdict

# What argocd is asked to show after the banner. After any other outcome it would not answer, or has nothing to show.
_EVIDENCE: Final[Mapping[Outcome, tuple[str, ...]]] = MappingProxyType(
    {
        Outcome.DELIVERED: ("get",),
        Outcome.SYNC_FAILED: ("get", "resources"),
        Outcome.DEGRADED: ("get", "resources"),
        Outcome.TIMED_OUT: ("get", "resources"),
        Outcome.NOT_DELIVERED: ("get", "resources"),
    }
)


class Run:
    """Settings, tracking, reports, evidence. What is known is kept, for the reports of a run that is cut short."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._started = time.monotonic()
        self._environ = environ
        self._redact = redaction(settings.secrets(environ))
        self._log = log.configure(stream, redact=self._redact)
        self._settings: Settings | None = None
        self._argocd: ArgoCD | None = None
        self._tracker: Tracker | None = None

    def execute(self) -> int:
        """Track, write the reports, show the end and the evidence; gives the exit code."""
        with Signals() as signals, ExitStack() as stack:
            try:
                verdict = self._track(stack, signals)
            except (Exception, Cancelled) as error:  # noqa: BLE001 - the last resort: whatever goes wrong is a verdict
                verdict = self._verdict_on(error)
            result = self._result(verdict)
            notes = list(self._write(result))
            self._log.info("text", text=f"\n{summary.render(result).rstrip()}")
            try:
                self._show(result)
            except Cancelled as cancelled:
                self._log.info("cut short", reason=str(cancelled))
            for event, fields in notes:
                self._log.info(event, **fields)
        return (verdict.outcome or Outcome.UNEXPECTED).exit_code

    def _track(self, stack: ExitStack, signals: Signals) -> Verdict:
        for name, meant in settings.unknown(self._environ):
            self._log.info("unknown setting", name=name, meant=f"; did you mean {meant}?" if meant else "")
        known = self._settings = settings.load(self._environ)
        timeout = settings.seconds_left(known, datetime.now(UTC))
        self._log.info("start", version=__version__, application=known.app_name, server=known.server, timeout=timeout)
        if timeout < known.timeout:
            self._log.info("timeout shortened", timeout=timeout, asked=known.timeout, job=known.job_timeout)
        environ = {**self._environ, **known.argocd_environ}
        self._argocd = stack.enter_context(ArgoCD(environ, echo=lambda line: self._log.info("command", command=line)))
        clock = MonotonicClock()
        pods_matter = (known.fail_fast and known.pod_grace > 0) or bool(known.image)
        signals.on_arrival(self._argocd.cancel)
        signals.on_arrival(lambda _: clock.wake())
        self._tracker = Tracker(
            known.app_name,
            commands=self._argocd,
            clock=clock,
            timeout=timeout,
            emit=self._log.info,
            patience=_patience(known),
            expectation=_expectation(known),
            beneath=stack.enter_context(Api(known)) if pods_matter else None,
            kinship=self._kinship(stack, known),
            sync=known.sync,
        )
        return self._tracker.track()

    def _kinship(self, stack: ExitStack, known: Settings) -> Callable[[str, str], Kinship] | None:
        if not known.revision or known.revision_match == "exact":
            return None
        # A library that most runs do without, and the slowest to load.
        from argocd_release.ancestry import Ancestry  # noqa: PLC0415

        return stack.enter_context(Ancestry(Path(known.clone), known.repository_url)).kinship

    def _verdict_on(self, error: BaseException) -> Verdict:
        match error:
            case Cancelled():
                hint = "the release itself goes on: Argo CD does not know of this job"
                return Verdict(outcome=error.outcome, reason=f"{error.outcome.meaning}; not judged", hint=hint)
            case ReleaseError():
                hint = "argocd-release --help explains each setting" if error.outcome is Outcome.SETTINGS else ""
                return Verdict(outcome=error.outcome, reason=str(error), hint=hint)
            case _:
                pass
        self._log.info("text", text="".join(traceback.format_exception(error)))
        reason = f"argocd-release itself went wrong: {type(error).__name__}: {one_line(str(error))}"
        return Verdict(outcome=Outcome.UNEXPECTED, reason=reason, hint="please report this, with the lines above")

    def _result(self, verdict: Verdict) -> Result:
        known = self._settings
        return Result(
            verdict=verdict,
            name=known.app_name if known else "",
            url=known.url if known else "",
            image_tag=known.image_tag if known else "",
            seconds=time.monotonic() - self._started,
            application=self._tracker.application if self._tracker else None,
        )

    def _write(self, result: Result) -> Iterator[tuple[str, dict[str, str]]]:
        """Write the reports; gives a note on each. One that can't be written changes no verdict."""
        for name, path in settings.report_paths(self._environ).items():
            reporter = reporters.REPORTERS[name]
            try:
                reporters.write(Path(path), self._redact(reporter.render(result)))
            except OSError as error:
                yield "report not written", {"kind": reporter.title, "path": path, "error": str(error.strerror)}
            else:
                yield "report written", {"kind": reporter.title, "path": path}

    def _show(self, result: Result) -> None:
        if self._argocd is None or result.verdict.outcome is None:
            return
        for command in _EVIDENCE.get(result.verdict.outcome, ()):
            try:
                shown = self._argocd.show("app", command, result.name)
                self._log.info("text", text=f"{shown.rstrip()}\n")
            except ArgoCDError as error:
                self._log.info("not shown", command=error.command, error=error.message)


def _patience(known: Settings) -> Patience:
    return Patience(
        fail_fast=known.fail_fast,
        failed_attempts=known.failed_attempts,
        condition=known.condition_grace,
        degraded=known.degraded_grace,
        pods=known.pod_grace,
        deleted=known.deleted_grace,
        unreachable=known.unreachable_grace,
        connect=known.connect_grace,
        appear=known.appear_timeout,
        expected=known.expectation_grace,
    )


def _expectation(known: Settings) -> Expectation:
    return Expectation(
        wait_for=frozenset(map(Condition, known.wait_for.replace(",", " ").split())),
        revision=known.revision,
        exact=known.revision_match == "exact",
        source=known.source,
        image=known.image,
        chart_version=known.chart_version,
        allow_empty=known.allow_empty,
    )
