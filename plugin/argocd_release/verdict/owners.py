"""Decides if the application's own spec is as new as the commit, by what its owners show. Pure."""

from argocd_release.model.application import Application
from argocd_release.model.cause import CauseCode, Finding
from argocd_release.model.git_url import GitUrl
from argocd_release.model.owner import Owner, OwnerState
from argocd_release.verdict.expectation import Expectation

_UNSEEN = {OwnerState.HIDDEN, OwnerState.UNPROVEN}


def owner_finding(application: Application, expectation: Expectation) -> Finding | None:
    """Return the owner for which the release has to wait; None if there is none."""
    for owner in _relevant(application, expectation):
        if owner.state is OwnerState.PENDING:
            text = f"the application's spec comes from {owner}: {owner.detail}"
            return Finding(text=text, code=CauseCode.OWNER_PENDING)
    return None


def owner_caveat(application: Application, expectation: Expectation) -> str:
    """Return what a success does not prove, because an owner cannot be seen; "" if nothing."""
    unseen = [owner for owner in _relevant(application, expectation) if owner.state in _UNSEEN]
    if not unseen:
        return ""
    return f"proven for the application's own source; its spec comes from {unseen[0]}, {unseen[0].detail}"


def _relevant(application: Application, expectation: Expectation) -> list[Owner]:
    # An expected image is its own proof.
    if expectation.image:
        return []
    return [owner for owner in application.owners if not expectation.revision or _shares(owner, application)]


def _shares(owner: Owner, application: Application) -> bool:
    """Return True if the owner reads a repository of the application, or an unknown one.

    An expected revision is a commit of one of the application's repositories, so no other can hold a spec of it.
    """
    if not owner.repositories:
        return True
    own = [GitUrl.parse(source.repo_url) for source in application.sources if not source.chart]
    return any(_is_same(GitUrl.parse(each), mine) for each in owner.repositories for mine in own)


def _is_same(one: GitUrl, other: GitUrl) -> bool:
    return one.is_same(other) or one == other
