"""Test the lookup of an application's owners with an Argo CD whose answers the test decides."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import ApplicationSet, Owner, OwnerRef, OwnerState
from argocd_release.watch.owners import MOST_LEVELS, Owners
from tests.support.wording import is_from
from tests.unit.clock import Clock
from tests.unit.states import NEW, OLD

CHILD_KEY = {"group": "argoproj.io", "kind": "Application", "namespace": "argocd", "name": "web"}
PARENT = OwnerRef(kind="Application", name="apps")
SET = OwnerRef(kind="ApplicationSet", name="argocd/shop")
WAIT_SECONDS = 5.0


def application(name: str, *, revision: str = NEW, synced: str = "", owners: tuple[OwnerRef, ...] = ()) -> Application:
    """Return an application that was compared with the revision. ``synced`` is the status of its child ``web``."""
    source = {"repoURL": "https://git.example.com/apps.git"}
    status = {
        "sync": {"status": synced or "Synced", "revision": revision, "comparedTo": {"source": source}},
        "resources": [CHILD_KEY | {"status": synced}] if synced else [],
    }
    metadata = {"name": name, "namespace": "argocd", "uid": name}
    document = {"metadata": metadata, "spec": {"source": source}, "status": status}
    return replace(parse_application(json.dumps(document)), owner_refs=owners)


def refused(kind: FailureKind) -> ArgoCDError:
    return ArgoCDError(kind=kind, command="argocd app get apps", exit_code=20, message="no")


class Server:
    """An Argo CD that returns the answers by name, and records the requests."""

    def __init__(self, answers: Mapping[str, Application | ArgoCDError] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, bool]] = []
        self.repositories: tuple[str, ...] | ArgoCDError = ()
        self.set_owners: tuple[OwnerRef, ...] = ()
        self.is_up_to_date = True

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        assert seconds > 0
        assert not echo
        assert not hard
        self.asked.append((name, refresh))
        answer = self.answers[name]
        if isinstance(answer, ArgoCDError):
            raise answer
        return answer

    def application_set(self, name: str, /) -> ApplicationSet:
        self.asked.append((name, False))
        if isinstance(self.repositories, ArgoCDError):
            raise self.repositories
        return ApplicationSet(
            repositories=self.repositories, owner_refs=self.set_owners, is_up_to_date=self.is_up_to_date
        )


def lookup(server: Server, *, clock: Clock | None = None, strict: bool = False, children: bool = False) -> Owners:
    clock = clock or Clock()
    return Owners(
        server,  # type: ignore[arg-type]
        server,
        strict=strict,
        children=children,
        now=clock.now,
        wake=clock.wake,
    )


def settled(owners: Owners, child: Application, expected: OwnerState) -> tuple[Owner, ...]:
    """Return the owners when the first of them has the expected state. Fail the test if it never has."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := owners(child)) or found[0].state is not expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


CHILD = application("web", owners=(PARENT,))


def test_an_owner_is_compared_before_it_proves_anything() -> None:
    server = Server({"apps": application("apps", synced="Synced")})
    owners = lookup(server)
    (owner,) = settled(owners, CHILD, OwnerState.CURRENT)
    assert (owner.kind, owner.name) == ("Application", "apps")
    assert owner.repositories == ("https://git.example.com/apps.git",)
    assert server.asked == [("apps", True)]


def test_an_owner_in_which_the_child_is_not_synced_is_waited_for_and_read_again() -> None:
    server, clock = Server({"apps": application("apps", synced="OutOfSync")}), Clock()
    owners = lookup(server, clock=clock)
    settled(owners, CHILD, OwnerState.PENDING)
    deadline = time.monotonic() + WAIT_SECONDS
    while "OutOfSync" not in owners(CHILD)[0].detail:
        assert time.monotonic() < deadline
    server.answers["apps"] = application("apps", synced="Synced")
    clock.sleep(3)
    settled(owners, CHILD, OwnerState.CURRENT)
    assert server.asked == [("apps", True), ("apps", False)]


@pytest.mark.parametrize("kind", [FailureKind.DENIED, FailureKind.MISSING])
def test_an_owner_that_the_token_cannot_see_is_hidden_and_strictly_waited_for(kind: FailureKind) -> None:
    (owner,) = settled(lookup(Server({"apps": refused(kind)})), CHILD, OwnerState.HIDDEN)
    assert owner.detail == texts.OWNER_HIDDEN
    strict = lookup(Server({"apps": refused(kind)}), strict=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_from(strict(CHILD)[0].detail, texts.OWNER_STRICT):
        assert time.monotonic() < deadline
    assert strict(CHILD)[0].state is OwnerState.PENDING


def test_an_owner_that_did_not_respond_is_late_and_not_hidden() -> None:
    server, clock = Server({"apps": refused(FailureKind.UNREACHABLE)}), Clock()
    owners = lookup(server, clock=clock)
    settled(owners, CHILD, OwnerState.PENDING)
    server.answers["apps"] = application("apps", synced="Synced")
    time.sleep(0.05)
    owners(CHILD)
    clock.sleep(11)
    settled(owners, CHILD, OwnerState.CURRENT)


def test_a_label_that_names_an_application_without_this_child_names_no_owner() -> None:
    owners = lookup(Server({"apps": application("apps")}))
    deadline = time.monotonic() + WAIT_SECONDS
    while owners(CHILD):
        assert time.monotonic() < deadline


def test_owners_of_owners_and_a_cycle_of_them() -> None:
    root = OwnerRef(kind="Application", name="root")
    server = Server(
        {
            "apps": application("apps", synced="Synced", owners=(root,)),
            "root": replace(
                application("root", owners=(PARENT,)),
                resources=(replace(application("apps", synced="Synced").resources[0], name="apps"),),
            ),
        }
    )
    owners = lookup(server)
    settled(owners, CHILD, OwnerState.CURRENT)
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found := owners(CHILD)) != 2 or {owner.state for owner in found} != {OwnerState.CURRENT}:
        assert time.monotonic() < deadline, found
    assert [owner.name for owner in found] == ["root", "apps"]


def test_a_new_revision_of_the_child_is_held_against_an_owner_compared_after_it() -> None:
    server, clock = Server({"apps": application("apps", revision=OLD, synced="Synced")}), Clock()
    owners = lookup(server, clock=clock)
    settled(owners, replace(CHILD, revisions=(OLD,)), OwnerState.CURRENT)
    clock.sleep(6)
    server.answers["apps"] = application("apps", synced="Synced")
    settled(owners, CHILD, OwnerState.PENDING)
    settled(owners, CHILD, OwnerState.CURRENT)
    assert server.asked.count(("apps", True)) == 2


@pytest.mark.parametrize(
    ("repositories", "state"),
    [
        ((), OwnerState.CURRENT),
        (("https://git.example.com/apps.git",), OwnerState.UNPROVEN),
        (refused(FailureKind.DENIED), OwnerState.HIDDEN),
    ],
)
def test_a_set_proves_something_only_if_its_generators_read_no_git(
    repositories: tuple[str, ...] | ArgoCDError, state: OwnerState
) -> None:
    server = Server()
    server.repositories = repositories
    (owner,) = settled(lookup(server), application("web", owners=(SET,)), state)
    assert str(owner) == "ApplicationSet/argocd/shop"


def test_a_set_that_a_parent_manages_waits_for_the_parent_and_proves_no_more_than_that() -> None:
    """The parent's commit changes the set. Argo CD does not show when the set has changed the application."""
    shop = replace(
        application("apps", synced="OutOfSync").resources[0],
        kind="ApplicationSet",
        name="shop",
        sync=SyncStatus.OUT_OF_SYNC,
    )
    server, clock = Server({"apps": replace(application("apps"), resources=(shop,))}), Clock()
    server.set_owners = (PARENT,)
    owners = lookup(server, clock=clock)
    child = application("web", owners=(SET,))
    found = settled(owners, child, OwnerState.PENDING)
    server.answers["apps"] = replace(application("apps"), resources=(replace(shop, sync=SyncStatus.SYNCED),))
    deadline = time.monotonic() + WAIT_SECONDS
    while [owner.state for owner in found] != [OwnerState.CURRENT, OwnerState.UNPROVEN]:
        found = owners(child)
        assert time.monotonic() < deadline, found
        clock.sleep(1)
        time.sleep(0.01)
    assert [owner.name for owner in found] == ["apps", "argocd/shop"]
    assert found[1].repositories == ("https://git.example.com/apps.git",)


def test_an_application_with_a_set_is_waited_for_until_the_set_has_made_its_applications() -> None:
    resource = replace(application("apps", synced="Synced").resources[0], kind="ApplicationSet", name="shop")
    parent = replace(application("apps"), resources=(resource,))
    server, clock = Server(), Clock()
    server.is_up_to_date = False
    assert lookup(server)(parent) == ()
    owners = lookup(server, clock=clock, children=True)
    (owner,) = settled(owners, parent, OwnerState.PENDING)
    assert (owner.name, owner.makes_children) == ("argocd/shop", True)
    server.is_up_to_date = True
    deadline = time.monotonic() + WAIT_SECONDS
    while owners(parent)[0].state is not OwnerState.CURRENT:
        assert time.monotonic() < deadline
        clock.sleep(1)
        time.sleep(0.01)
    calls = server.asked.count(("argocd/shop", False))
    clock.sleep(60)
    owners(parent)
    time.sleep(0.05)
    assert server.asked.count(("argocd/shop", False)) == calls


def test_a_set_whose_applications_are_hidden_is_named() -> None:
    resource = replace(application("apps", synced="Synced").resources[0], kind="ApplicationSet", name="shop")
    server = Server()
    server.repositories = refused(FailureKind.DENIED)
    owners = lookup(server, children=True)
    settled(owners, replace(application("apps"), resources=(resource,)), OwnerState.HIDDEN)


def test_a_long_chain_of_owners_is_followed_for_a_bounded_number_of_levels() -> None:
    names = [f"apps-{level}" for level in range(3 * MOST_LEVELS)]
    server = Server()
    for name, above in zip(names, [*names[1:], ""], strict=True):
        owned = replace(application("x", synced="Synced").resources[0], name=names[max(names.index(name) - 1, 0)])
        refs = (OwnerRef(kind="Application", name=above),) if above else ()
        server.answers[name] = replace(application(name, owners=refs), resources=(owned,))
    owners = lookup(server)
    child = application(names[0], owners=server.answers[names[0]].owner_refs)  # type: ignore[union-attr]
    deadline = time.monotonic() + WAIT_SECONDS
    while len(owners(child)) < MOST_LEVELS or not all(o.state is OwnerState.CURRENT for o in owners(child)):
        assert time.monotonic() < deadline
    assert len(owners(child)) == MOST_LEVELS
    assert len({name for name, _ in server.asked}) == MOST_LEVELS
