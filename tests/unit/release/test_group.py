"""Test a job with several applications: which ones it waits for, from one list to the next."""

from dataclasses import replace
from typing import cast

import pytest

from argocd_release.messages import chosen_resources
from argocd_release.model.application import Application
from argocd_release.model.errors import SettingsError
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import ClusterView
from argocd_release.model.problem import CauseCode
from argocd_release.release.group import GroupCommands, GroupWait
from argocd_release.release.policy import Policy, targets_of
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.expectations_file import Expected
from argocd_release.verdict.chosen_resources import ChosenResources
from tests.support.wording import is_from
from tests.unit.clock import Clock
from tests.unit.states import application

NEW = application()
KNOWN = replace(NEW, controller_namespace="argocd")


class Argo:
    """An Argo CD that returns one list after the other, and then the last one again and again."""

    def __init__(self, *lists: tuple[Application, ...]) -> None:
        self.lists = list(lists)

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        del seconds, selector, project, echo
        return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]

    def queued_before(self, _: str) -> int:
        return 0

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        del name, seconds, refresh, hard, echo
        return self.lists[-1][0]


def names(*lists: tuple[Application, ...]) -> list[str]:
    """Return the names of the applications that the job waited for. All of them are delivered."""
    argo, clock = Argo(*lists), Clock()
    settings = load.load(
        JobEnvironment({"ARGOCD_SERVER": "a", "ARGOCD_AUTH_TOKEN": "t" * 20, "RELEASE_SELECTOR": "team=shop"})
    )
    policy = Policy(settings=settings, expected=Expected(rules={}), timeout=60, started=clock.now(), check=lambda: None)
    group = GroupWait(
        targets_of(settings), policy, commands=cast("GroupCommands", argo), cluster=cast("ClusterView", argo), clock=clock,
        emit=lambda _: None,
    )  # fmt: skip
    assert group.wait().outcome is Outcome.DELIVERED
    return [member.name for member in group.members]


def test_one_that_argo_cd_has_not_compared_yet_is_not_waited_for_under_two_names() -> None:
    assert names((NEW,), (NEW,), (KNOWN,)) == ["web"]


def test_where_argo_cds_own_namespace_never_shows_the_whole_name_stays() -> None:
    assert names((NEW,)) == ["argocd/web"]


def test_where_it_shows_too_late_the_whole_name_stays_too() -> None:
    assert names(*[(NEW,)] * 31, (KNOWN,)) == ["argocd/web"]


class Silent(Argo):
    """An Argo CD that fails the test if an application is read."""

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        raise AssertionError(name, seconds, refresh, hard, echo)


@pytest.mark.parametrize(
    ("given", "lists"),
    [({"ARGOCD_APP_NAME": "web"}, []), ({"RELEASE_SELECTOR": "team=shop"}, [(KNOWN,)])],
    ids=["names", "selector"],
)
def test_a_wrong_name_among_the_expectations_is_said_before_any_application_is_read(
    given: dict[str, str], lists: list[tuple[Application, ...]]
) -> None:
    """H29."""
    settings = load.load(JobEnvironment({"ARGOCD_SERVER": "a", "ARGOCD_AUTH_TOKEN": "t" * 20, **given}))
    expected = Expected(rules={"wbe": {"image": ":1"}})
    policy = Policy(settings=settings, expected=expected, timeout=60, started=100.0, check=lambda: None)
    argo = cast("GroupCommands", Silent(*lists))
    group = GroupWait(
        targets_of(settings), policy, commands=argo, cluster=cast("ClusterView", argo), clock=Clock(),
        emit=lambda _: None,
    )  # fmt: skip
    with pytest.raises(SettingsError, match="wbe"):
        group.wait()


@pytest.mark.parametrize(
    ("patterns", "jobs", "outcome"),
    [
        ("apps:Deployment:web", 1, Outcome.DELIVERED),
        ("apps:Deployment:*,apps:Deployment:api", 1, Outcome.NOT_DELIVERED),
        ("apps:Deployment:*,apps:Deployment:api", 2, Outcome.DELIVERED),
        ("apps:Deployment:web", 2, Outcome.DELIVERED),
        ("!:Service:*", 1, Outcome.DELIVERED),
    ],
)
def test_a_pattern_that_matches_in_no_application_of_a_group_proves_nothing(
    patterns: str, jobs: int, outcome: Outcome
) -> None:
    given = {"ARGOCD_SERVER": "a", "ARGOCD_AUTH_TOKEN": "t" * 20, "RELEASE_SELECTOR": "team=shop"}
    settings = load.load(JobEnvironment(given | {"RELEASE_RESOURCES": patterns}))
    clock, argo = Clock(), Argo((KNOWN,))
    choose = ChosenResources.of(load.read_names(patterns), each_must_match=False).view
    policy = Policy(
        settings=settings, expected=Expected(rules={}), timeout=60, started=clock.now(), check=lambda: None, choose=choose
    )  # fmt: skip
    shares = [replace(targets_of(settings), job=job, jobs=jobs) for job in range(1, jobs + 1)]
    targets = next(share for share in shares if share.mine("web") or share.mine("argocd/web"))
    group = GroupWait(
        targets, policy, commands=cast("GroupCommands", argo), cluster=cast("ClusterView", argo), clock=clock,
        emit=lambda _: None,
    )  # fmt: skip
    verdict = group.wait()
    assert verdict.outcome is outcome
    unmatched = "api" in patterns and jobs > 1
    assert is_from(verdict.caveat, chosen_resources.NO_RESOURCE_OF_SHARE) if unmatched else not verdict.caveat
    if outcome is Outcome.NOT_DELIVERED:
        assert verdict.code is CauseCode.NO_SUCH_RESOURCE
        assert is_from(verdict.reason, chosen_resources.NO_RESOURCE_OF_GROUP)
