"""Check what a release would meet once it is signed in: its applications, its rights, its time and its reports."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache

from argocd_release.argocd.api import Api
from argocd_release.argocd.probe import Prober
from argocd_release.doctor import applications, pipeline
from argocd_release.doctor.finding import Check, Ledger, Seen
from argocd_release.model.application import Application
from argocd_release.settings.load import Settings


def examine_release(ledger: Ledger, api: Api, prober: Prober, environ: Mapping[str, str], known: Settings) -> None:
    """Check the applications that the job would wait for, and what the job itself needs."""
    group = cache(lambda: applications.find(api, prober, known))
    own = cache(lambda name: next(applications.settings_of(known, one) for one in group().found if one.name == name))

    def each(look: Callable[[Application, Settings], Seen]) -> Callable[[], Seen]:
        return lambda: group().each(lambda one: look(one, own(one.name)))

    ledger.run(
        [
            Check(name="application", run=lambda: group().seen, needs=("account",)),
            Check(
                name="rights",
                run=each(lambda one, _: applications.rights(prober, one, sync=known.sync)),
                needs=("application",),
            ),
            Check(name="owner", run=each(lambda one, _: applications.owner(api, prober, one)), needs=("application",)),
            Check(name="source", run=each(lambda one, its: pipeline.source(one, environ, its)), needs=("application",)),
            Check(name="proof", run=each(pipeline.proof), needs=("application",)),
            Check(name="sync", run=each(lambda one, its: pipeline.syncing(one, api, its)), needs=("application",)),
            Check(name="time", run=lambda: pipeline.time(known, datetime.now(UTC))),
            Check(name="history", run=lambda: pipeline.history(known)),
            Check(name="reports", run=lambda: pipeline.reports(environ)),
        ]
    )
