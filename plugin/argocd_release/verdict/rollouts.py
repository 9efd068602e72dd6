"""What a Rollout of Argo Rollouts waits for, as a finding. Pure."""

from argocd_release.model.application import Application
from argocd_release.model.cause import CauseCode, Finding, Keyed, Subject
from argocd_release.model.rollout import Rollout


def known(application: Application, item: Keyed) -> Rollout | None:
    """The rollout that the resource or node is; None where it is none, or nothing more is known of it."""
    return application.workloads.rollouts.get(item.key) if application.workloads else None


def described(item: Keyed, rollout: Rollout) -> Finding | None:
    """Where it stands; None where nothing says more than its health."""
    if not rollout.state:
        return None
    return Finding(text=f"{item}: {rollout.state}", code=code(rollout), subject=Subject.of(item))


def code(rollout: Rollout) -> CauseCode:
    """Of what kind it is that keeps it from going on."""
    if rollout.aborted:
        return CauseCode.ROLLOUT_ABORTED
    return CauseCode.ROLLOUT_PAUSED if rollout.pause else CauseCode.UNHEALTHY
