"""Run some of the doctor's checks during a release.

At the start of the release, they give warnings. At the end, they give a hint if the verdict is that Argo CD cannot be
reached or refuses the token.
"""

from collections.abc import Callable
from contextlib import ExitStack

from argocd_release.argocd import auth
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Prober
from argocd_release.doctor import account, network, pipeline
from argocd_release.doctor.checklist import examine_account, examine_network
from argocd_release.doctor.checks import Checklist, CheckResult, CheckState
from argocd_release.messages import doctor
from argocd_release.model.errors import SetupProblem
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import ADVICE, run_in_background


def advice(
    verdict: Verdict,
    environ: JobEnvironment,
    connection: Connection,
    timeout: int,
    *,
    check: Callable[[], object],
    seconds: float,
) -> str:
    """Return the hint for a verdict that Argo CD cannot be reached or refuses the token.

    If the doctor's checks find the problem, the hint is the fix for it. Otherwise, it is the hint of the verdict.

    Args:
        verdict: the verdict of the release.
        environ: the environment of the job.
        connection: the address of Argo CD, the token and the options of argocd.
        timeout: the timeout of the release in seconds.
        check: a callback that is called while the checks run. It raises an exception to end them.
        seconds: the time limit of the checks.
    """
    check_run = run_in_background(lambda: _found(verdict.outcome, environ, connection, timeout))
    failed_check = check_run.result() if check_run.wait_for(seconds=min(seconds, ADVICE), check=check) else None
    if failed_check is None:
        return doctor.HINT_OF_VERDICT.fill(hint=verdict.hint) if verdict.hint else doctor.HINT_ALONE.fill()
    return doctor.HINT.fill(fix=failed_check.fix, message=failed_check.message)


def _found(
    outcome: Outcome | None, environ: JobEnvironment, connection: Connection, timeout: int
) -> CheckResult | None:
    """Run the checks. Return the result of the first check that fails with this outcome, or None."""
    checklist = Checklist()
    with ExitStack() as stack:
        prober = stack.enter_context(Prober(connection))
        examine_network(checklist, connection, prober, environ, stack, with_argocd=False)
        if outcome is Outcome.DENIED:
            examine_account(checklist, connection, prober, timeout)
    failed = [result for result in checklist.results if result.state is CheckState.FAILED]
    return next((result for result in failed if result.outcome is outcome), None)


def of_settings(connection: Connection, environ: JobEnvironment, *, timeout: float, now: float) -> list[SetupProblem]:
    """Return warnings about the proxy, TLS and token settings.

    These problems never end a release. For example, the runner's clock can be wrong, so the token can still be valid.

    Args:
        connection: the address of Argo CD, the token and the options of argocd.
        environ: the environment of the job.
        timeout: the timeout of the release in seconds.
        now: the current time in seconds since 1970.
    """
    warnings: list[SetupProblem] = []
    proxies = pipeline.proxies(environ, connection)
    if not isinstance(proxies, str):
        warnings += proxies
    if connection.options.get("--insecure") == "true":
        warnings.append(SetupProblem.of(doctor.INSECURE))
    claims = auth.read_claims(connection.auth_token)
    # Only the doctor warns of a token without an expiry date. In the log of each release, that warning would distract.
    if claims is not None and claims.expires_at is not None:
        token = pipeline.token_problems(connection.auth_token, claims, timeout=timeout, now=now)
        warnings += token if not isinstance(token, str) else ()
    return warnings


def of_server(connection: Connection, name: str, project: str) -> list[SetupProblem]:
    """Return a warning if the token has rights that no release needs; none if Argo CD does not respond."""
    with Prober(connection) as prober:
        version = network.version(prober.get("/api/version"))
        if not version:
            return []
        # Do not warn about the version of the server here, as the doctor does. That warning would be in the log of each
        # release, and would distract from other warnings.
        return account.too_wide(prober, name, project)
