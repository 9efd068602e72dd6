"""Give the job what the doctor knows: warnings at the start, and a hint if no verdict was reached."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from argocd_release.argocd import jwt
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Prober
from argocd_release.doctor import account, network, settings
from argocd_release.doctor.checklist import examine_account, examine_way
from argocd_release.doctor.checks import Checklist, CheckResult, State
from argocd_release.model.errors import SetupProblem
from argocd_release.model.outcome import Outcome
from argocd_release.model.verdict import Verdict
from argocd_release.timing.background import answered, ask
from argocd_release.timing.limits import ADVICE


def advice(
    verdict: Verdict,
    environ: Mapping[str, str],
    connection: Connection,
    timeout: int,
    *,
    check: Callable[[], object],
    seconds: float,
) -> str:
    """What to do next, found within ``seconds``; ``check`` is called all the while, and may raise to end it."""
    asked = ask(lambda: _found(verdict.outcome, environ, connection, timeout))
    found = asked.result() if answered(asked, seconds=min(seconds, ADVICE), check=check) else None
    if found is None:
        return f"{verdict.hint}; `argocd-release doctor` checks the whole chain".removeprefix("; ")
    return f"{found.message}: {found.fix}; `argocd-release doctor` checks the whole chain"


def _found(
    outcome: Outcome | None, environ: Mapping[str, str], connection: Connection, timeout: int
) -> CheckResult | None:
    """The first mistake that explains the outcome; what hinders the doctor alone does not."""
    ledger = Checklist()
    with ExitStack() as stack:
        prober = stack.enter_context(Prober(connection))
        examine_way(ledger, connection, prober, environ, stack, with_argocd=False)
        if outcome is Outcome.DENIED:
            examine_account(ledger, connection, prober, timeout)
    failed = [found for found in ledger.results if found.state is State.FAILED]
    return next((found for found in failed if found.outcome is outcome), None)


def of_settings(
    connection: Connection, environ: Mapping[str, str], *, timeout: float, now: float
) -> list[SetupProblem]:
    """What the settings and the token say themselves; the token is tried all the same, for clocks may be wrong."""
    found: list[SetupProblem] = []
    proxies = settings.proxies(environ, connection.options)
    if not isinstance(proxies, str):
        found += proxies
    if connection.options.get("--insecure") == "true":
        found.append(settings.INSECURE)
    claims = jwt.read(connection.auth_token)
    if claims is not None:
        token = settings.token_problems(connection.auth_token, claims, timeout=timeout, now=now)
        found += token if not isinstance(token, str) else ()
    return found


def of_server(connection: Connection, name: str, project: str) -> list[SetupProblem]:
    """What Argo CD says of itself and of the token's rights; nothing where it does not answer."""
    with Prober(connection) as prober:
        version = network.version(prober.get("/api/version"))
        if not version:
            return []
        # The doctor tells of the server's version: in the log of each release it would hide what the release says.
        return account.too_wide(prober, name, project)
