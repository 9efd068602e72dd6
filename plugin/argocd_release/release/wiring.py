"""Create the parts of a job from its settings: the readers of Argo CD and git, and the wait for its applications."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from argocd_release.model.events import AskingTheSite
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.result import ReleaseResult
from argocd_release.notify.site import SiteCheck, site_verdict
from argocd_release.release.argocd_session import Readers, connected, group_readers
from argocd_release.release.background_checks import BackgroundChecks, Hooks, hook_logs
from argocd_release.release.group import GroupWait
from argocd_release.release.job_log import JobContext
from argocd_release.release.policy import Policy, policy_of, targets_of
from argocd_release.release.signals import Signals
from argocd_release.release.sinks import notify, sinks_of
from argocd_release.settings.load import Settings
from argocd_release.watch.clock import MonotonicClock


@dataclass(frozen=True, kw_only=True)
class JobParts:
    """The objects that the stages of a job share."""

    settings: Settings
    context: JobContext
    readers: Readers
    policy: Policy
    group: GroupWait
    hooks: Hooks
    #: Sends the notifications, and returns the result including their success or failure. None if no sink is
    #: configured.
    notify: Callable[[ReleaseResult], ReleaseResult] | None
    #: Returns the address of Argo CD's web interface for people; "" if it is not known.
    public_address: Callable[[], str]
    #: Waits for the verdict, and returns it.
    wait: Callable[[], Verdict]


def wire(
    settings: Settings,
    context: JobContext,
    *,
    timeout: float,
    signals: Signals,
    stack: ExitStack,
) -> JobParts:
    """Create the parts of a job, and connect them.

    Args:
        settings: the settings of the job.
        context: the environment, the job log, the stop request and the deadline.
        timeout: the timeout of the release in seconds.
        signals: the signal handling, with which the parts register.
        stack: closes the parts at the end.

    Raises:
        SignInError: the exchange of the ID token gave no token.
        ProgramMissingError: argocd is not on the PATH.
    """
    clock = MonotonicClock()
    readers = connected(
        settings,
        context,
        timeout=timeout,
        pods_matter=settings.pods_matter,
        stack=stack,
    )
    signals.on_arrival(readers.argocd.cancel)
    signals.on_arrival(lambda _: clock.wake())
    sinks = sinks_of(settings, context)
    checks = BackgroundChecks(
        readers.argocd,
        readers.connection if settings.pods_matter else None,
        context.log.emit,
        readers.api,
        context.stop,
        hook_logs=hook_logs(context.log.emit, several=not targets_of(settings).one) if settings.hook_logs else None,
    )
    policy = policy_of(
        settings,
        context,
        timeout=timeout,
        stack=stack,
        hard_refresh=partial(readers.argocd.get, refresh=True, hard=True, echo=True),
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
        on_application=(checks.on_application, *([sinks.on_application] if sinks is not None else [])),
        on_released=sinks.on_released if sinks is not None else (),
    )

    def wait() -> Verdict:
        try:
            verdict = group.wait()
        finally:
            if checks.hooks.logs is not None:
                checks.hooks.logs.close()
        checks.emit_warnings()
        if not settings.url_check or verdict.outcome is not Outcome.DELIVERED:
            return verdict
        context.log.emit(AskingTheSite(url=settings.site_url))
        site = SiteCheck(
            url=settings.site_url,
            statuses=settings.url_status,
            body=settings.url_body,
            success_threshold=settings.url_success_threshold,
        )
        unreachable = site_verdict(
            site, deadline=context.deadline.due, check=context.stop.check, ca_file=settings.git_ca_file
        )
        return unreachable or verdict

    notified = partial(notify, sinks, context.log) if sinks is not None else None
    return JobParts(
        settings=settings,
        context=context,
        readers=readers,
        policy=policy,
        group=group,
        hooks=checks.hooks,
        notify=notified,
        public_address=checks.public_address,
        wait=wait,
    )
