"""A job of several applications: who is meant, from one list to the next."""

from dataclasses import replace
from typing import cast

from argocd_release.model.application import Application
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Commands
from argocd_release.release.many import Many
from argocd_release.release.targets import Targets
from argocd_release.watch.tracker import Tracker
from tests.unit.clock import Clock
from tests.unit.states import application

NEW = application()
KNOWN = replace(NEW, controller_namespace="argocd")


class Argo:
    """Gives one list after another; the last one stays."""

    def __init__(self, *lists: tuple[Application, ...]) -> None:
        self.lists = list(lists)

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        del seconds, selector, project, echo
        return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        del name, seconds, refresh, echo
        return self.lists[-1][0]


def names(*lists: tuple[Application, ...]) -> list[str]:
    """Of the applications that were waited for, all of which are delivered."""
    argo, clock = Argo(*lists), Clock()
    reads = cast("Commands", argo)
    many = Many(
        Targets(names=(), selector="team=shop"), lists=argo, reads=reads, clock=clock, started=100.0, timeout=60,
        make=lambda name, *, commands, emit: Tracker(
            name, commands=commands, clock=clock, timeout=60, emit=emit, started=100.0, follow=False
        ),
        emit=lambda _: None, see=lambda _: None, known=lambda _: None, appear=0, connect=15, stop_early=False,
        check=lambda: None,
    )  # fmt: skip
    assert many.wait().outcome is Outcome.DELIVERED
    return [member.name for member in many.members]


def test_one_that_argo_cd_has_not_compared_yet_is_not_waited_for_under_two_names() -> None:
    assert names((NEW,), (NEW,), (KNOWN,)) == ["web"]


def test_where_argo_cds_own_namespace_never_shows_the_whole_name_stays() -> None:
    assert names((NEW,)) == ["argocd/web"]


def test_where_it_shows_too_late_the_whole_name_stays_too() -> None:
    assert names(*[(NEW,)] * 31, (KNOWN,)) == ["argocd/web"]
