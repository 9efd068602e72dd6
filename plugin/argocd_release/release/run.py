"""One run, from the environment to the exit code: every outcome passes through here, and each writes its reports."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TextIO

from argocd_release import __version__
from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.wait_output import Changes
from argocd_release.core.redaction import everywhere, masked, redaction
from argocd_release.core.text import one_line
from argocd_release.diagnosis.collect import DIAGNOSED, diagnose
from argocd_release.diagnosis.collect import SECONDS as DIAGNOSIS_SECONDS
from argocd_release.git.access import Access
from argocd_release.joblog import log
from argocd_release.joblog.style import style
from argocd_release.model.application import Source
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.errors import ArgoCDError, Cancelled, ReleaseError
from argocd_release.model.outcome import Outcome, aggregate
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.revision import RevisionRelation
from argocd_release.model.verdict import Verdict
from argocd_release.release.many import DIAGNOSED_MOST, Many
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.targets import read_names, targets_of
from argocd_release.reports import banner, evidence, files
from argocd_release.settings import load
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import Deadline
from argocd_release.verdict.expectation import Condition, Expectation
from argocd_release.verdict.graces import GracePeriods
from argocd_release.watch.clock import MonotonicClock
from argocd_release.watch.runner import run
from argocd_release.watch.shared import SharedView
from argocd_release.watch.tracker import Tracker

# After the verdict: looking for the cause, and the status as argocd shows it. With the last look before the timeout,
# which may end 2 s after it, this leaves a third of what is kept for GitLab to the upload itself.
AFTER_SECONDS: Final = 25.0


STATUS_SECONDS: Final = 5.0


# After any other outcome argocd would not answer, or has nothing to show.
_SHOWN: Final = frozenset({Outcome.DELIVERED, Outcome.NOT_DELIVERED}) | DIAGNOSED


_QUIET: Final = frozenset({"transition", "called"})


class Run:
    """Settings, tracking, diagnosis, reports. What is known is kept, for the reports of a run that is cut short."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._started = time.monotonic()
        self._environ = environ
        self._forget_earlier_reports()
        self._redact = redaction([*load.secrets(environ), *masked(environ, shown=load.open_values(environ))])
        self._json = load.wants(environ, "RELEASE_LOG_FORMAT", "json")
        self._log = log.configure(
            stream,
            redact=self._redact,
            style=style(environ, terminal=stream.isatty()),
            json_lines=self._json,
            debug=load.wants(environ, "RELEASE_LOG_LEVEL", "debug"),
            now=time.time,
        )
        self._settings: Settings | None = None
        self._argocd: ArgoCD | None = None
        self._api: Api | None = None
        self._tracker: Tracker | None = None
        self._many: Many | None = None
        self._expectation = Expectation()
        self._changes = Changes(time.monotonic)
        self._stop = Stop()

    def execute(self, signals: Signals) -> int:
        """Track, write the reports, find the cause, write them again with it, show the end; gives the exit code."""
        with ExitStack() as stack:
            signals.on_arrival(self._stop.set)
            try:
                verdict = self._track(stack, signals)
            except (Exception, Cancelled) as error:  # noqa: BLE001 - the last resort: whatever goes wrong is a verdict
                verdict = self._verdict_on(error)
            result = self._result(verdict)
            # Whatever happens from here on, there are reports.
            shown = everywhere(result, self._redact)
            written = list(self._write(shown))
            found = self._diagnose_all(result)
            if any(each != Diagnosis() for each in found.values()):
                shown = everywhere(self._result(verdict, found), self._redact)
                written = list(self._write(shown))
            self._show(shown, written)
        return result.outcome.exit_code

    def _track(self, stack: ExitStack, signals: Signals) -> Verdict:
        for name, meant in load.unknown(self._environ):
            self._log.info("unknown setting", name=name, meant=f"; did you mean {meant}?" if meant else "")
        for name, instead in load.unread(self._environ):
            self._log.info("variable not read", name=name, input=instead)
        known = self._settings = load.load(self._environ)
        targets = targets_of(known)
        timeout, clocks = load.seconds_left(known, datetime.now(UTC))
        self._log.info("start", version=__version__, application=str(targets), server=known.server, timeout=timeout)
        if clocks:
            self._log.info("clocks differ", why=clocks)
        self._expectation = _expectation(known)
        nothing = "nothing; green says that git's head runs"
        self._log.info("expects", what=self._expectation.words or nothing)
        if timeout < known.timeout:
            self._log.info("timeout shortened", timeout=timeout, asked=known.timeout, job=known.job_timeout)
        environ = {**self._environ, **known.connection.environ}
        self._argocd = stack.enter_context(
            ArgoCD(
                environ,
                echo=lambda line: self._log.info("command", command=line),
                on_call=self._on_call,
            )
        )
        self._api = stack.enter_context(Api(known.connection, on_call=self._on_call))
        clock = MonotonicClock()
        pods_matter = (known.fail_fast and known.pod_grace > 0) or bool(known.image)
        signals.on_arrival(self._argocd.cancel)
        signals.on_arrival(lambda _: clock.wake())
        make = partial(
            Tracker,
            clock=clock,
            timeout=timeout,
            patience=_patience(known),
            expectation=self._expectation,
            kinship=self._kinship(stack, known),
            sync=known.sync,
            check=self._stop.check,
        )
        beneath = self._api if pods_matter else None
        if not targets.one:
            started = clock.now()
            view = SharedView(beneath) if beneath else None
            self._many = Many(
                targets,
                argocd=self._argocd,
                make=partial(make, beneath=view, started=started, follow=False),
                clock=clock,
                emit=self._emitter(),
                started=started,
                timeout=timeout,
                appear=known.appear_timeout,
                connect=known.connect_grace,
                stop_early=known.on_failure == "stop",
                check=self._stop.check,
            )
            with log.section(self._log, "tracking", f"Waiting for {targets}"):
                return self._many.wait()
        self._tracker = make(targets.one, commands=self._argocd, emit=self._emitter(), beneath=beneath)
        with log.section(self._log, "tracking", f"Waiting for {targets}"):
            try:
                return run(self._tracker, clock)
            finally:
                self._count_left_out(at_once=True)

    def _kinship(self, stack: ExitStack, known: Settings) -> Callable[[str, str, Source], RevisionRelation] | None:
        if not known.revision:
            return None
        # A library that most runs do without, and the slowest to load.
        from argocd_release.git.history import Histories  # noqa: PLC0415

        access = Access(
            clone=Path(known.clone),
            repository_url=known.repository_url,
            project_url=known.project_url,
            git_token=known.git_token,
            ca_file=known.git_ca_file,
        )
        return stack.enter_context(Histories(access, stop=self._stop)).kinship

    def _emitter(self) -> Any:
        def emit(event: str, /, **fields: Any) -> None:
            if event == "output":
                fields["line"] = self._changes.new(fields["line"])
                self._count_left_out()
                if not fields["line"]:
                    return
            # A machine wants the transitions; people see them in the states.
            (self._log.debug if event in _QUIET and not self._json else self._log.info)(event, **fields)

        return emit

    def _count_left_out(self, *, at_once: bool = False) -> None:
        if lines := self._changes.left_out(at_once=at_once):
            self._log.info("output left out", lines=lines)

    def _on_call(self, call: str, seconds: float, end: str) -> None:
        self._log.debug("called", call=call, seconds=seconds, end=end)

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

    def _result(self, verdict: Verdict, found: Mapping[str, Diagnosis] = MappingProxyType({})) -> ReleaseResult:
        known, ended_at = self._settings, datetime.now(UTC)
        applications = self._applications(verdict, found, ended_at)
        if self._many is not None and applications:
            worst = aggregate((verdict.outcome or Outcome.UNEXPECTED, *(one.outcome for one in applications)))
            verdict = replace(verdict, outcome=worst)
        return ReleaseResult(
            verdict=verdict,
            applications=applications,
            seconds=time.monotonic() - self._started,
            ended_at=ended_at,
            image_tag=known.image_tag if known else "",
            project_url=known.project_url if known else "",
            version=__version__,
            attachment=self._attachment(),
            dotenv_prefix=load.valid(self._environ, "RELEASE_DOTENV_PREFIX"),
        )

    def _applications(
        self, verdict: Verdict, found: Mapping[str, Diagnosis], ended_at: datetime
    ) -> tuple[ApplicationResult, ...]:
        known = self._settings
        image_tag = known.image_tag if known else ""
        expectation, expects = asdict(self._expectation), self._expectation.words
        if self._many is not None and known is not None:
            return self._many.results(
                verdict,
                found,
                url=known.url,
                ended_at=ended_at,
                image_tag=image_tag,
                expectation=expectation,
                expects=expects,
            )
        names = read_names(known.app_name if known else load.valid(self._environ, "ARGOCD_APP_NAME"))
        name = names[0] if len(names) == 1 else ""
        one = ApplicationResult(
            verdict=verdict,
            name=name,
            url=known.url(name) if known else "",
            image_tag=image_tag,
            seconds=time.monotonic() - self._started,
            ended_at=ended_at,
            application=self._tracker.application if self._tracker else None,
            diagnosis=found.get(name, Diagnosis()),
            transitions=tuple(self._tracker.timeline.transitions) if self._tracker else (),
            expectation=expectation,
            expects=expects,
        )
        return (one,)

    def _attachment(self) -> str:
        """The JSON report as GitLab names an artifact, by its path in the project."""
        path = Path(load.report_paths(self._environ)["json_path"]).resolve()
        project = Path(load.valid(self._environ, "CI_PROJECT_DIR")).resolve()
        name = path.relative_to(project).as_posix() if path.is_relative_to(project) else ""
        return "" if "]]" in name else name

    def _forget_earlier_reports(self) -> None:
        """A job that dies before it knows anything must not upload what another one said."""
        for path in load.report_paths(self._environ).values():
            with suppress(OSError, RuntimeError):
                files.remove(Path(path))

    def _diagnose_all(self, result: ReleaseResult) -> dict[str, Diagnosis]:
        """By name; of several applications the worst are looked into, in the time that one may take."""
        deadline = Deadline(AFTER_SECONDS)
        if result.only is not None:
            return {result.only.name: self._diagnose(result.only, deadline)}
        worst = [one for one in result.undelivered if one.outcome in DIAGNOSED][:DIAGNOSED_MOST]
        return {one.name: self._diagnose(one, deadline.at_most(deadline.left / 2)) for one in worst}

    def _diagnose(self, result: ApplicationResult, deadline: Deadline) -> Diagnosis:
        """What can be found out about the outcome; whatever goes wrong here changes no verdict."""
        if self._argocd is None or result.outcome not in _SHOWN:
            return Diagnosis()
        found = Diagnosis()
        try:
            if self._api is not None and result.application is not None and result.outcome in DIAGNOSED:
                self._log.info("looking for the cause", outcome=result.outcome.word, reason=result.verdict.reason)
                seconds = min(DIAGNOSIS_SECONDS, deadline.left)
                found = diagnose(result.name, result.application, sources=self._api, stop=self._stop, seconds=seconds)
            if self._many is not None:
                return found
            return replace(found, status=self._status(result, deadline.at_most(STATUS_SECONDS)))
        except Cancelled as cancelled:
            return replace(found, notes=(*found.notes, f"cut short: {cancelled}"))
        except Exception as error:  # noqa: BLE001 - see above
            self._log.info("cause not looked for", error=f"{type(error).__name__}: {one_line(str(error))}")
            return found

    def _status(self, result: ApplicationResult, deadline: Deadline) -> str:
        """The application's status as argocd prints it; of a failure without the resources, which are shown apart."""
        if self._argocd is None:
            return ""
        try:
            text = self._argocd.show("app", "get", result.name, seconds=deadline.left)
        except ArgoCDError as error:
            self._log.info("not shown", command=error.command, error=error.message)
            return ""
        return text.strip() if result.outcome is Outcome.DELIVERED else text.strip().partition("\n\n")[0]

    def _write(self, result: ReleaseResult) -> Iterator[tuple[str, dict[str, str]]]:
        """Write the reports; gives a note on each. One that can't be written changes no verdict."""
        for name, path in load.report_paths(self._environ).items():
            reporter = files.REPORTERS[name]
            try:
                files.write(Path(path), reporter.render(result))
            except Exception as error:  # noqa: BLE001 - the others must be written all the same
                why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
                yield "report not written", {"kind": reporter.title, "path": path, "error": str(why)}
            else:
                yield "report written", {"path": path}

    def _show(self, result: ReleaseResult, written: list[tuple[str, dict[str, str]]]) -> None:
        outcome = result.outcome
        self._log.info(
            "result",
            text=f"\n{banner.render(result)}",
            outcome=outcome.word,
            exit_code=outcome.exit_code,
            reason=result.verdict.reason,
            cause=result.cause,
            next=result.hint,
            application=", ".join(one.name for one in result.applications),
            seconds=round(result.seconds, 3),
        )
        if (one := result.only) and (note := evidence.caveat(one)):
            self._log.info("not proven", text=note)
        shown = (one,) if one else result.undelivered[:DIAGNOSED_MOST]
        for position, each in enumerate(shown, 1):
            for block in evidence.blocks(each):
                # GitLab knows a section by its name alone.
                name = block.name if one else f"{block.name}-of-{position}"
                title = block.title if one else f"{each.name}: {block.title}"
                with log.section(self._log, name, title, collapsed=block.collapsed):
                    lines = list(block.lines)
                    self._log.info("evidence", text="\n".join(lines), title=title, lines=lines)
        if result.hint:
            self._log.info("next", text=f"\nnext: {result.hint}", next=result.hint)
        for event, fields in written:
            if event == "report not written":
                self._log.info(event, **fields)
        if paths := [fields["path"] for event, fields in written if event == "report written"]:
            self._log.info("reports written", paths=", ".join(paths))


def _patience(known: Settings) -> GracePeriods:
    return GracePeriods(
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
        stuck=known.stuck_grace,
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
