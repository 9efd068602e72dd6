"""The parts of a job, made from its settings: the readers of Argo CD and git, and the wait for its group."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from argocd_release.model.events import AskingTheSite
from argocd_release.model.outcome import Outcome
from argocd_release.notify.site import site_verdict
from argocd_release.release.argocd_session import Readers, connected, group_readers
from argocd_release.release.background_checks import BackgroundChecks
from argocd_release.release.group import GroupWait
from argocd_release.release.job_log import JobLog
from argocd_release.release.policy import Policy, policy_of
from argocd_release.release.signals import Signals, StopRequest
from argocd_release.release.sinks import notify, sinks_of
from argocd_release.release.targets import targets_of
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import JobDeadline
from argocd_release.watch.clock import MonotonicClock


@dataclass(frozen=True, kw_only=True)
class JobParts:
    """Everything that a job works with."""

    settings: Settings
    environ: Mapping[str, str]
    readers: Readers
    policy: Policy
    group: GroupWait
    #: The ``Hooks`` of the job.
    hooks: Any
    #: Tells the notification sinks of the end, and returns the result with what came of it; None if there are none.
    notify: Callable[[Any], Any] | None
    #: Returns the address of Argo CD's web interface for people; "" if it is not known.
    public_address: Callable[[], str]
    #: Waits for the verdict, and returns it.
    wait: Callable[[], Any]


def wire(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    timeout: float,
    deadline: JobDeadline,
    log: JobLog,
    signals: Signals,
    stop: StopRequest,
    stack: ExitStack,
) -> JobParts:
    """Return the parts of a job; ``stack`` closes them. Raise what ``connected`` raises."""
    clock = MonotonicClock()
    readers = connected(
        settings,
        environ,
        timeout=timeout,
        deadline=deadline,
        log=log,
        check=stop.check,
        pods_matter=settings.pods_matter,
        stack=stack,
    )
    signals.on_arrival(readers.argocd.cancel)
    signals.on_arrival(lambda _: clock.wake())
    sinks = sinks_of(settings, deadline=deadline, stop=stop)
    checks = BackgroundChecks(
        readers.argocd, readers.connection if settings.pods_matter else None, log.emit, readers.api
    )
    policy = policy_of(
        settings,
        timeout=timeout,
        deadline=deadline,
        stop=stop,
        stack=stack,
        hard_refresh=readers.argocd.hard_refresh,
    )
    commands, owners = group_readers(settings.owner, readers, clock, children=settings.children)
    policy = replace(policy, owners=owners)
    group = GroupWait(
        targets_of(settings),
        policy,
        commands=commands,
        cluster=readers.api,
        clock=clock,
        emit=checks.emit,
        keep=checks.hooks.keep,
        on_application=(checks.on_application, *([sinks.see] if sinks is not None else [])),
    )

    def wait() -> Any:
        verdict = group.wait()
        checks.emit_warnings()
        if not settings.url_check or verdict.outcome is not Outcome.DELIVERED:
            return verdict
        log.emit(AskingTheSite(url=settings.site_url))
        unreachable = site_verdict(
            settings.site_url, deadline=deadline.due, check=stop.check, ca_file=settings.git_ca_file
        )
        return unreachable or verdict

    notified = partial(notify, sinks, log) if sinks is not None else None
    return JobParts(
        settings=settings,
        environ=environ,
        readers=readers,
        policy=policy,
        group=group,
        hooks=checks.hooks,
        notify=notified,
        public_address=checks.public_address,
        wait=wait,
    )
