"""How long it took until the application was compared, synced and healthy, in one line."""

from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult


def line(result: ApplicationResult) -> str:
    """Such as ``compared 0.8 s · synced 3.1 s · healthy 41.7 s (Deployment/web 38.2 s)``; ``""``: it never came so far.

    Each is the time since tracking began, and in brackets stands the rollout that took longest.
    """
    rollout = result.rollout
    phases = {
        "compared": rollout.phases.compared,
        "synced": rollout.phases.synced,
        "healthy": rollout.phases.healthy,
    }
    reached = [f"{name} {at:.1f} s" for name, at in phases.items() if at is not None]
    if not reached:
        return ""
    if rollout.slowest is not None and phases["healthy"] is not None:
        reached[-1] += f" ({rollout.slowest.subject} {rollout.slowest.seconds:.1f} s)"
    missing = next((f"not {name}" for name, at in phases.items() if at is None), "")
    return " · ".join([*reached, missing] if missing and result.outcome is not Outcome.DELIVERED else reached)
