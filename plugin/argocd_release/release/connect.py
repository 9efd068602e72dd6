"""Argo CD's two readers, made from the settings: signed in, and kept so while a release is waited for."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from argocd_release.argocd import auth, authority
from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection
from argocd_release.doctor import warnings
from argocd_release.model.events import SignedInBy, Warned
from argocd_release.model.ports import Clock, Lists
from argocd_release.release.job_log import JobLog
from argocd_release.release.session import Argo, Session, asked, patient
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import Deadline


@dataclass(frozen=True, kw_only=True)
class Readers:
    """``argocd``, ``api``: the two readers of Argo CD; each call of theirs ends before the job's deadline."""

    argocd: ArgoCD
    api: Api
    #: What the tracker asks: argocd, signed in anew where a token ends before the waiting does.
    commands: Argo
    #: The same, for lists.
    lists: Lists
    #: With the token to use; a later one replaces it in the readers only.
    connection: Connection


def connected(
    known: Settings,
    environ: Mapping[str, str],
    *,
    timeout: float,
    deadline: Deadline,
    log: JobLog,
    clock: Clock,
    check: Callable[[], object],
    stack: ExitStack,
) -> Readers:
    """The readers; ``stack`` closes them, ``check`` raises to end the waiting for a token.

    Raises ``SignInError``, and ``ArgoCDError`` where there is no argocd.
    """
    identity = replace(known.connection, ca_file=authority.file(known.argocd_ca, stack))
    for problem in warnings.of_settings(identity, environ, timeout=timeout, now=time.time()):
        log.tell(Warned(why=problem.message, code=problem.code))
    connector = known.dex_connector if known.id_token else ""

    def sign_in() -> auth.SignedIn:
        return asked(lambda: auth.signed_in(identity, connector=connector), check)

    signed = patient(sign_in, known.connect_grace, check) if connector else auth.SignedIn(connection=identity)
    api = stack.enter_context(Api(signed.connection, on_call=log.called, deadline=deadline))
    argocd = stack.enter_context(
        ArgoCD(
            {**environ, **signed.connection.environ},
            echo=log.command,
            on_call=log.called,
            deadline=deadline,
            whole=api.application if known.pods_matter else None,
        )
    )
    commands: Argo = argocd
    if signed.renew_after is not None:
        log.tell(SignedInBy(connector=connector))
        commands = Session(
            argocd, sign_in=sign_in, renew_after=signed.renew_after, readers=(argocd, api), clock=clock, emit=log.tell
        )
    return Readers(argocd=argocd, api=api, commands=commands, lists=commands, connection=signed.connection)
