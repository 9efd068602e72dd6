"""Run a diff job: choose the applications, let Argo CD compare each of them, and publish the result."""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TextIO

from argocd_release import __version__
from argocd_release.diff import choose, compare, publish
from argocd_release.diff.compare import ApplicationDiff, State
from argocd_release.diff.comparison import Work, compared, failed
from argocd_release.diff.scope import Scope
from argocd_release.messages import diff as texts
from argocd_release.messages.settings import DIFF_THROUGH_PROXY
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, Cancelled, SettingsError, SetupProblem
from argocd_release.model.outcome import Outcome
from argocd_release.release.job import verdict_on
from argocd_release.release.job_log import JobContext, JobLog
from argocd_release.release.signals import Signals, StopRequest
from argocd_release.settings import load
from argocd_release.settings.load import Settings
from argocd_release.timing import JobDeadline, run_in_background

#: The number of applications that are compared at once. Each comparison starts an argocd process, and Argo CD renders
#: the manifests for it.
COMPARED_AT_ONCE: Final = 4
#: The time limit in seconds for finding the changed files.
FILES_SECONDS: Final = 20.0


def run(environ: Mapping[str, str], stream: TextIO, signals: Signals) -> int:
    """Run the job, and return its exit code. The job writes its result files even if it fails."""
    variables = load.with_files_read(environ)
    context = JobContext(environ=variables, log=JobLog(variables, stream), stop=StopRequest(), deadline=JobDeadline())
    signals.on_arrival(context.stop.set)
    if choose.is_fork(variables):
        # A pipeline of a fork has no token. Its settings are therefore incomplete, which is not a mistake of the user.
        publish.say(context.log, texts.FORK.fill())
        return 0
    job = DiffJob(context)
    with ExitStack() as stack:
        try:
            job.compare_all(stack, signals)
        except (Exception, Cancelled) as error:  # noqa: BLE001 - each leads to an outcome
            job.fail(error)
        job.publish()
    return job.result.outcome.exit_code


class DiffJob:
    """One run of a diff job. ``result`` contains the results so far."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._files = load.valid(context.environ, "RELEASE_DIFF_FILES")
        self._settings: Settings | None = None
        self.result = publish.empty(context.environ, self._files)
        publish.forget(self._files)

    def fail(self, error: BaseException) -> None:
        """Set the outcome of a run that an error has ended."""
        verdict = verdict_on(error, self._context.log)
        outcome, reason, hint = verdict.outcome or Outcome.UNEXPECTED, verdict.reason, verdict.hint
        if isinstance(error, Cancelled):
            reason, hint = texts.CANCELLED.fill(meaning=outcome.meaning), texts.CANCELLED.fill_hint()
        self.result = replace(self.result, outcome=outcome, reason=reason, hint=hint)

    def compare_all(self, stack: ExitStack, signals: Signals) -> None:
        """Compare every chosen application, and set the result."""
        context = self._context
        context.log.emit_warnings(context.environ)
        settings = self._settings = load.load(context.environ)
        if settings.proxy:
            raise _needs_argocd()
        timeout, _ = load.seconds_left(settings, datetime.now(UTC))
        most = load.job_seconds_left(settings, datetime.now(UTC))[0]
        context = self._context = replace(context, deadline=JobDeadline(timeout, most=most))
        revision = settings.revision or settings.commit
        if not revision:
            raise SettingsError([SetupProblem(code="setting", message=texts.NO_REVISION, fix=texts.NO_REVISION_FIX)])
        self.result = replace(self.result, revision=revision)
        start = texts.START.fill(
            version=__version__, targets=choose.target_words(settings), server=settings.server, revision=revision[:12]
        )
        publish.say(context.log, start)
        # Find the changed files in the background, while the job reads the applications from Argo CD.
        files = run_in_background(lambda: choose.files_of(settings, settings, revision, stack))
        readers, commands = choose.readers_of(settings, context, timeout=timeout, stack=stack)
        if readers.cli is None:
            raise _needs_argocd()
        signals.on_arrival(readers.argocd.cancel)
        applications, errors = choose.chosen(settings, commands)
        changed = choose.UNKNOWN_FILES
        if files.wait_for(seconds=min(FILES_SECONDS, context.deadline.left), check=context.stop.check):
            changed = files.result()
        scope = Scope(
            is_own=settings.is_own,
            target_branch=settings.target_branch,
            default_branch=settings.default_branch,
            files=changed,
            all_paths=settings.diff_scope == "all",
        )
        if changed.paths is None and settings.diff_scope != "all":
            publish.say(context.log, texts.COMPARES_ALL.fill(reason=changed.why))
        work = Work(argocd=readers.cli, api=readers.api, revision=revision, scope=scope)
        self._compare(work, settings, applications, errors)

    def _compare(
        self,
        work: Work,
        settings: Settings,
        applications: Mapping[str, Application],
        errors: Mapping[str, ArgoCDError],
    ) -> None:
        results = {name: failed(name, error) for name, error in errors.items()}
        waiting: list[tuple[str, Application]] = []
        for name, application in applications.items():
            if reason := work.scope.reason_to_skip(application):
                results[name] = ApplicationDiff(name=name, state=State.SKIPPED, reason=reason)
            else:
                waiting.append((name, application))
        if waiting:
            publish.say(self._context.log, texts.COMPARING.fill(count=len(waiting)))
        queue = iter(enumerate(waiting))

        def work_off() -> list[ApplicationDiff]:
            # The workers share this iterator. Its next() is atomic, so only one worker gets each application.
            return [compared(work, name, application, echo=not at) for at, (name, application) in queue]

        workers = [run_in_background(work_off) for _ in range(min(COMPARED_AT_ONCE, len(waiting)))]
        for worker in workers:
            worker.wait_for(seconds=math.inf, check=self._context.stop.check)
            results |= {item.name: item for item in worker.result()}
        order = {State.FAILED: 0, State.COMPARED: 1, State.SKIPPED: 2}
        ordered = sorted(results.values(), key=lambda item: (order[item.state], item.name))
        outcome, reason, hint = compare.verdict(ordered, settings.diff_fail_on)
        if outcome is Outcome.DELIVERED and (problem := choose.too_few(settings, len(results))):
            outcome, reason, hint = Outcome.MISSING, problem, texts.TOO_FEW.fill_hint()
        self.result = replace(self.result, applications=tuple(ordered), outcome=outcome, reason=reason, hint=hint)

    def publish(self) -> None:
        """Log the result, write the files, and update the comment in the merge request."""
        context = self._context
        context.deadline.judged()
        result = self.result = context.log.redacted(self.result)
        publish.show(context.log, result, f"{self._files}.diff")
        publish.write(context.log, result, self._files)
        if self._settings is not None and not context.stop.is_set():
            publish.comment(self._settings, context, result)


def _needs_argocd() -> SettingsError:
    """Return the error that only the argocd CLI can compare an application with a commit."""
    return SettingsError([SetupProblem.of_setting(DIFF_THROUGH_PROXY, "RELEASE_PROXY")])
