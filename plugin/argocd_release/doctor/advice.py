"""What the doctor says of a release that could not be judged: the mistake by its name, beside Argo CD's own words."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Prober
from argocd_release.doctor.examination import examine_account, examine_way
from argocd_release.doctor.finding import Finding, Ledger, State
from argocd_release.model.outcome import Outcome
from argocd_release.model.verdict import Verdict
from argocd_release.settings.load import Settings
from argocd_release.timing.inquiry import answered, ask
from argocd_release.timing.limits import ADVICE


def advice(
    verdict: Verdict,
    environ: Mapping[str, str],
    connection: Connection,
    known: Settings,
    *,
    check: Callable[[], object],
    seconds: float,
) -> str:
    """What to do next, found within ``seconds``; ``check`` is called all the while, and may raise to end it."""
    asked = ask(lambda: _found(verdict.outcome, environ, connection, known))
    found = asked.result() if answered(asked, seconds=min(seconds, ADVICE), check=check) else None
    if found is None:
        return f"{verdict.hint}; `argocd-release doctor` checks the whole chain".removeprefix("; ")
    return f"{found.message}: {found.fix}; `argocd-release doctor` checks the whole chain"


def _found(
    outcome: Outcome | None, environ: Mapping[str, str], connection: Connection, known: Settings
) -> Finding | None:
    """The first mistake that explains the outcome; what hinders the doctor alone does not."""
    ledger = Ledger()
    with ExitStack() as stack:
        prober = stack.enter_context(Prober(connection))
        examine_way(ledger, connection, prober, environ, stack, with_argocd=False)
        if outcome is Outcome.DENIED:
            examine_account(ledger, connection, prober, known)
    failed = [found for found in ledger.findings if found.state is State.FAILED]
    return next((found for found in failed if found.outcome is outcome), None)
