"""Run the checks of ``argocd-release doctor`` in their order, from the settings to the reports."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from argocd_release.argocd.api import Api
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Prober
from argocd_release.core.text import one_line
from argocd_release.doctor import account, applications, gitlab, network, pipeline
from argocd_release.doctor.checks import Check, Checklist, Seen
from argocd_release.messages import doctor
from argocd_release.model.application import Application
from argocd_release.model.errors import Cancelled, NoPreviewError, ReleaseError, SettingsError, SetupProblem
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import ExpectationSettings, Settings


def examine(
    environ: JobEnvironment,
    *,
    ca_file: str,
    sign_in: Callable[[Connection, float], Connection],
    seconds: float = math.inf,
    check: Callable[[], object] = lambda: None,
) -> Checklist:
    """Run all checks, and return the checklist with their results. A signal ends the run early.

    Args:
        environ: the environment of a release job.
        ca_file: path of a PEM file with an additional certificate authority to trust, or an empty string.
        sign_in: exchanges the job's identity for a token. It takes a connection with the identity and a time limit in
            seconds, and returns a connection with the token.
        seconds: the time limit of all checks together.
        check: a callback that is called while the checks run. It raises ``Cancelled`` to end all checks.
    """
    checklist = Checklist.lasting(seconds, check=check)
    with ExitStack() as stack:
        try:
            _examine(checklist, environ, ca_file, sign_in, stack)
        except Cancelled as cancelled:
            checklist.cancelled = cancelled.outcome
    return checklist


def _examine(
    checklist: Checklist,
    environ: JobEnvironment,
    ca_file: str,
    sign_in: Callable[[Connection, float], Connection],
    stack: ExitStack,
) -> None:
    checklist.run([Check(name="settings", run=lambda: _settings(environ))])
    fixed = pipeline.repaired(environ)
    server, opts = pipeline.server_and_options(fixed)
    try:
        job_settings: Settings | None = load.load(fixed)
    except (SettingsError, NoPreviewError):
        job_settings = None
    connection = (
        job_settings.connection
        if job_settings
        else Connection(server=server, auth_token="", opts=opts, proxy=load.valid(fixed, "RELEASE_PROXY"))
    )
    connection = replace(connection, ca_file=ca_file)
    if not server:
        checklist.run([Check(name="Argo CD", run=lambda: "", needs=("settings",))])
        return
    prober = stack.enter_context(Prober(connection, deadline=checklist.deadline, check=checklist.check))
    examine_network(checklist, connection, prober, environ, stack)
    if job_settings is None:
        checklist.run([Check(name="token", run=lambda: "", needs=("settings",))])
        return
    try:
        signed = sign_in(connection, checklist.deadline.left) if checklist.allows("http") else connection
    except ReleaseError as error:
        problem = SetupProblem.of(doctor.SIGN_IN, error.outcome, error=one_line(str(error)))
        checklist.run([Check(name="sign-in", run=lambda: problem, needs=("http",))])
        return
    signed_prober = stack.enter_context(Prober(signed, deadline=checklist.deadline, check=checklist.check))
    api = stack.enter_context(Api(signed, deadline=checklist.deadline, check=checklist.check))
    examine_account(checklist, signed, signed_prober, job_settings.timeout)
    examine_release(checklist, api, signed_prober, environ, job_settings)


def examine_network(
    checklist: Checklist,
    connection: Connection,
    prober: Prober,
    environ: JobEnvironment,
    stack: ExitStack,
    *,
    with_argocd: bool = True,
) -> None:
    """Check the network between the job and Argo CD. These checks need no token.

    Args:
        checklist: runs the checks and stores the results.
        connection: the address of Argo CD and the options of argocd.
        prober: sends HTTP requests to that address.
        environ: the environment of the job.
        stack: when it is closed, it ends the argocd command if the command is still running.
        with_argocd: True to check the connection of the argocd command, too.
    """
    answer = cache(lambda: prober.get("/api/version"))
    path = [
        Check(name="name", run=lambda: network.resolves(connection)),
        Check(name="port", run=lambda: network.connects(connection), needs=("name",)),
    ]
    if connection.proxy:
        # The proxy resolves the name of Argo CD and connects to it. The argocd command cannot use the proxy.
        path = [Check(name="proxy", run=lambda: network.passes_proxy(connection, prober))]
        with_argocd = False
    needs = (path[-1].name,)
    checklist.run(
        [
            Check(name="proxies", run=lambda: pipeline.proxies(environ, connection)),
            *path,
            Check(name="TLS", run=lambda: network.encrypts(connection), needs=needs, repeats=("options-file",)),
            Check(name="http", run=lambda: network.answers(connection, prober), needs=("TLS",)),
            *(
                [Check(name="argocd", run=lambda: network.talks(connection, environ, stack), needs=("http",))]
                if with_argocd
                else []
            ),
            Check(name="version", run=lambda: network.supported(network.version(answer())), needs=("http",)),
        ]
    )


def examine_account(checklist: Checklist, connection: Connection, prober: Prober, timeout: int) -> None:
    """Check the token and its account. ``timeout`` is the timeout of the release in seconds."""
    checklist.run(
        [
            Check(name="token", run=lambda: account.token(connection, timeout)),
            Check(name="account", run=lambda: account.signed_in(prober, connection), needs=("token", "http")),
        ]
    )


def _settings(environ: JobEnvironment) -> Seen:
    try:
        return pipeline.settings_problems(environ) or doctor.SETTINGS_SET.fill()
    except NoPreviewError as error:
        return SetupProblem.of(doctor.NO_PREVIEW, error.outcome, error=one_line(str(error), limit=300))


def examine_release(
    checklist: Checklist, api: Api, prober: Prober, environ: JobEnvironment, job_settings: Settings
) -> None:
    """Check the applications that the job would wait for, then the timeout, the git history and the reports.

    Args:
        checklist: runs the checks and stores the results.
        api: Argo CD's HTTP API.
        prober: sends HTTP requests with the token.
        environ: the environment of the job.
        job_settings: the settings of the job.
    """
    group = cache(lambda: applications.find(api, prober, job_settings))
    own = cache(
        lambda name: next(
            applications.expectation_of(job_settings, job_settings.expectations, application)
            for application in group().applications
            if application.name == name
        )
    )

    def each(look: Callable[[Application, ExpectationSettings], Seen]) -> Callable[[], Seen]:
        return lambda: group().each(lambda application: look(application, own(application.name)))

    def proof(application: Application, its: ExpectationSettings) -> Seen:
        patterns = load.read_names(job_settings.resources)
        unproven = applications.resources(application, patterns, alone=group().count == 1)
        return unproven or pipeline.proof(application, its)

    def owner(application: Application, _: ExpectationSettings) -> Seen:
        return applications.owner(api, application, job_settings.owner, children=job_settings.children)

    checklist.run(
        [
            Check(name="application", run=lambda: group().seen, needs=("account",)),
            Check(
                name="rights",
                run=each(lambda application, _: applications.rights(prober, application, job_settings)),
                needs=("application",),
            ),
            Check(name="owner", run=each(owner), needs=("application",)),
            Check(
                name="source",
                run=each(lambda application, its: pipeline.source(application, environ, its, job_settings.project_url)),
                needs=("application",),
            ),
            Check(name="proof", run=each(proof), needs=("application",)),
            Check(
                name="sync",
                run=each(lambda application, _: pipeline.syncing(application, api, job_settings)),
                needs=("application",),
            ),
            Check(name="time", run=lambda: pipeline.time(job_settings, datetime.now(UTC))),
            Check(name="history", run=lambda: pipeline.history(job_settings)),
            *(
                [Check(name="GitLab", run=lambda: gitlab.readable(job_settings))]
                if job_settings.commit_status or job_settings.revert
                else []
            ),
            Check(name="reports", run=lambda: pipeline.reports(environ)),
        ]
    )
