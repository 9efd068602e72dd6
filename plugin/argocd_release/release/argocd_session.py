"""Sign in to Argo CD, and create the readers of Argo CD that all stages of a job share."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from argocd_release.argocd import auth, connection
from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection, Credentials, SignedIn
from argocd_release.argocd.http_first import HttpFirstCommands
from argocd_release.doctor import hints
from argocd_release.messages.argocd import NO_COMMANDS
from argocd_release.model.connection_events import NotSignedInAnew, SignedInBy, ThroughProxy
from argocd_release.model.events import Warned
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Clock, Commands, Lists, OwnerLookup
from argocd_release.release.job_log import JobContext
from argocd_release.settings.load import ConnectionSettings
from argocd_release.watch.owners import Owners


class ArgoCDCommands(Commands, Lists, Protocol):
    """The commands of a job: those of the argocd CLI or, through an HTTP proxy, their equivalents over HTTP."""

    def cancel(self, outcome: Outcome) -> None: ...
    def show(self, *arguments: str, seconds: float) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Readers:
    """The readers of Argo CD: the argocd command and the HTTP API.

    Each call ends before the deadline of the job, and renews the token if it is about to expire.
    """

    argocd: ArgoCDCommands
    #: The argocd CLI; None if the job reaches Argo CD through an HTTP proxy.
    cli: ArgoCD | None = None
    api: Api
    credentials: Credentials

    @property
    def commands(self) -> Commands:
        """Return the reader of single applications, which is the argocd command."""
        return self.argocd

    @property
    def lists(self) -> Lists:
        """Return the reader that lists applications, which is the argocd command."""
        return self.argocd

    @property
    def connection(self) -> Connection:
        """Return the connection with the newest token."""
        return self.credentials.current()


def connected(
    settings: ConnectionSettings,
    context: JobContext,
    *,
    timeout: float,
    pods_matter: bool,
    stack: ExitStack,
) -> Readers:
    """Sign in to Argo CD, and return the readers.

    Args:
        settings: the address of Argo CD, the token and the options of argocd.
        context: the job log, the stop request and the deadline.
        timeout: the timeout of the release in seconds.
        pods_matter: True if pods can decide the verdict, so that the job needs Argo CD's HTTP API.
        stack: closes the readers at the end.

    Raises:
        SignInError: the exchange of the ID token gave no token.
        ProgramMissingError: argocd is not on the PATH.
    """
    log, deadline, check = context.log, context.deadline, context.stop.check
    identity = replace(settings.connection, ca_file=connection.authority_file(settings.argocd_ca, stack))
    for problem in hints.of_settings(identity, context.environ, timeout=timeout, now=time.time()):
        log.emit(Warned(why=problem.message, code=problem.code))
    connector = settings.dex_connector if settings.id_token else ""

    def sign_in() -> SignedIn:
        return auth.signed_in(identity, connector=connector, deadline=deadline, check=check)

    # If the grace period is turned off (0), retry the sign-in until the deadline of the job.
    grace = deadline.at_most(settings.connect_grace) if settings.connect_grace else deadline
    signed = auth.sign_in_with_retry(sign_in, grace, check)
    credentials = Credentials(
        signed.connection,
        lifetime=signed.lifetime,
        renew=sign_in,
        on_failure=lambda why: log.emit(NotSignedInAnew(error=why)),
        check=check,
    )
    if signed.lifetime is not None:
        log.emit(SignedInBy(connector=connector))
    api = stack.enter_context(Api(credentials, on_call=log.called, deadline=deadline, check=check))
    if identity.proxy:
        # Import this module only if it is needed, because most jobs reach Argo CD directly.
        from argocd_release.argocd.http_only import HttpOnlyCommands  # noqa: PLC0415

        log.emit(ThroughProxy(why=NO_COMMANDS.fill(proxy=identity.proxy_name)))
        return Readers(argocd=HttpOnlyCommands(api, echo=log.command), api=api, credentials=credentials)
    argocd = stack.enter_context(
        ArgoCD(
            context.environ,
            echo=log.command,
            on_call=log.called,
            deadline=deadline,
            full_application=api.application if pods_matter else None,
            credentials=credentials,
        )
    )
    return Readers(argocd=argocd, cli=argocd, api=api, credentials=credentials)


def group_readers(
    owner: str, readers: Readers, clock: Clock, *, children: bool
) -> tuple[HttpFirstCommands, OwnerLookup | None]:
    """Return the commands that read applications, and the lookup of their owners.

    Args:
        owner: the value of RELEASE_OWNER. If it is ``ignore`` and ``children`` is False, there is no lookup of owners.
        readers: the readers of Argo CD.
        clock: the clock of the wait, which the lookup wakes when an owner has changed.
        children: True if the job also waits for child applications.
    """
    commands = HttpFirstCommands(readers.commands, readers.lists, readers.api)
    follow = owner != "ignore"
    if not follow and not children:
        return commands, None
    owners = Owners(
        commands,
        readers.api,
        strict=owner == "strict",
        follow=follow,
        children=children,
        now=clock.now,
        wake=clock.wake,
    )
    return commands, owners
