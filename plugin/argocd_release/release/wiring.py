"""What a run works with, made from its settings: the readers of Argo CD and of git, and the trackers."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.reads import Reads
from argocd_release.model.application import Source
from argocd_release.model.errors import SettingsError
from argocd_release.model.ports import Clock, Commands, Emit
from argocd_release.model.revision import RevisionRelation
from argocd_release.release import after, criteria
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.targets import Targets
from argocd_release.settings.expected import Expected
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import Deadline, JobDeadline, Phase
from argocd_release.verdict.expectation import Expectation
from argocd_release.watch.clock import MonotonicClock, Unwoken
from argocd_release.watch.runner import run
from argocd_release.watch.shared import SharedView
from argocd_release.watch.tracker import Tracker

if TYPE_CHECKING:
    from argocd_release.release.many import Many


@dataclass(frozen=True, kw_only=True)
class Tools:
    """``argocd``, ``api``: the two readers of Argo CD; each call of theirs ends before the job's deadline."""

    argocd: ArgoCD
    api: Api
    #: The tracker of an application, by its name.
    tracker: Callable[[str], Tracker]
    #: What is expected of it.
    expectation: Callable[[str], Expectation]
    #: Where it is a set that is waited for, its members.
    many: "Many | None"
    #: Tells others of the end, and gives the result with what came of it; None: nobody is to be told.
    tell: Callable[[Any], Any] | None
    #: Waits for the verdict, and gives it.
    track: Callable[[], Any]


def wire(
    known: Settings,
    environ: Mapping[str, str],
    targets: Targets,
    *,
    expected: Expected,
    timeout: float,
    deadline: JobDeadline,
    log: JobLog,
    signals: Signals,
    stop: Stop,
    stack: ExitStack,
) -> Tools:
    """The tools of a run; ``stack`` closes them. Raises ``ArgoCDError`` where there is no argocd."""
    argocd = stack.enter_context(
        ArgoCD(
            {**environ, **known.connection.environ},
            echo=lambda line: log.info("command", command=line),
            on_call=log.called,
            deadline=deadline,
        )
    )
    api = stack.enter_context(Api(known.connection, on_call=log.called, deadline=deadline))
    clock = MonotonicClock()
    signals.on_arrival(argocd.cancel)
    signals.on_arrival(lambda _: clock.wake())
    sinks = after.sinks_of(known, deadline=deadline, stop=stop)
    see = sinks.see if sinks is not None else lambda _: None
    kinship = _kinship(known, expected, deadline=deadline, stop=stop, stack=stack)
    due = Deadline(timeout)

    def expectation(name: str) -> Expectation:
        return criteria.expectation(known, expected.of(name))

    def make(name: str, *, commands: Commands, emit: Emit, clock: Clock, beneath: Any, **options: Any) -> Tracker:
        wanted = expectation(name)
        pods_matter = (known.fail_fast and known.pod_grace > 0) or bool(wanted.image)
        return Tracker(
            name,
            commands=commands,
            clock=clock,
            timeout=timeout,
            emit=emit,
            patience=criteria.graces(known),
            expectation=wanted,
            beneath=beneath if pods_matter else None,
            kinship=kinship,
            sync=known.sync,
            check=stop.check,
            **options,
        )

    tell = partial(after.told, sinks, log) if sinks is not None else None
    if targets.one:

        def emit(event: str, /, **fields: Any) -> None:
            see(tracker.application)
            log.emit(event, **fields)

        tracker = make(targets.one, commands=argocd, emit=emit, clock=clock, beneath=api)

        def track() -> Any:
            return after.reached(run(tracker, clock), known, deadline=due, log=log, stop=stop)

        return Tools(
            argocd=argocd,
            api=api,
            tracker=lambda _: tracker,
            expectation=expectation,
            many=None,
            tell=tell,
            track=track,
        )
    # A job of one application does without.
    from argocd_release.release.many import Many  # noqa: PLC0415

    started = clock.now()
    one_of_many = partial(make, beneath=SharedView(api), clock=Unwoken(clock), started=started, follow=False)

    def all_known(names: frozenset[str]) -> None:
        if problems := expected.unmatched(names):
            raise SettingsError(problems)

    many = Many(
        targets,
        argocd=argocd,
        reads=Reads(argocd, api),
        make=one_of_many,
        clock=clock,
        emit=log.emit,
        see=see,
        known=all_known,
        started=started,
        timeout=timeout,
        appear=known.appear_timeout,
        connect=known.connect_grace,
        stop_early=known.on_failure == "stop",
        check=stop.check,
    )

    def track_all() -> Any:
        return after.reached(many.wait(), known, deadline=due, log=log, stop=stop)

    return Tools(
        argocd=argocd,
        api=api,
        tracker=lambda name: many.fleet.members[name].tracker,
        expectation=expectation,
        many=many,
        tell=tell,
        track=track_all,
    )


def _kinship(
    known: Settings, expected: Expected, *, deadline: JobDeadline, stop: Stop, stack: ExitStack
) -> Callable[[str, str, Source], RevisionRelation] | None:
    if not (known.revision or expected.asks_revisions):
        return None
    # A library that most runs do without, and the slowest to load.
    from argocd_release.git.history import Histories  # noqa: PLC0415

    histories = stack.enter_context(Histories(known.git_access, stop=stop, limit=deadline.phase(Phase.VERDICT)))
    one_by_one = threading.Lock()

    def kinship(revision: str, wanted: str, source: Source) -> RevisionRelation:
        with one_by_one:
            return histories.kinship(revision, wanted, source)

    return kinship
