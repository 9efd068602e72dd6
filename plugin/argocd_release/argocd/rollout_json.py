"""Parse the live manifests of Argo Rollouts, and find out why an Argo Rollout is not healthy."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from argocd_release.core.text import as_line, as_object, as_objects
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.observation import BY_HAND, ROLLOUT_KIND, AnalysisRun, Rollout
from argocd_release.model.problem import ResourceRef
from argocd_release.model.resource_tree import Node, Tree

#: The maximum number of Argo Rollouts whose manifests one look reads, because each manifest costs a request.
ROLLOUTS: Final = 3
_WHOLE: Final = 100
# The status fields that contain the analysis runs for which the Argo Rollout waits.
_RUNS: Final = {
    "canary": ("currentStepAnalysisRunStatus", "currentBackgroundAnalysisRunStatus"),
    "blueGreen": ("prePromotionAnalysisRunStatus", "postPromotionAnalysisRunStatus"),
}


def parse_rollout(manifest: object, failed: Sequence[AnalysisRun] = ()) -> Rollout:
    """Parse the live manifest of an Argo Rollout. Fields that the manifest lacks are empty.

    Args:
        manifest: the live manifest.
        failed: the failed analysis runs of this Argo Rollout, oldest first. They are needed because the status no
            longer names the run that has aborted a canary (seen with argo-rollouts v1.10.2). The parser uses only runs
            of the current revision: their names contain its pod hash.
    """
    document = as_object(manifest)
    metadata, spec, status = (as_object(document.get(key)) for key in ("metadata", "spec", "status"))
    strategy = as_object(spec.get("strategy"))
    canary, blue_green = as_object(strategy.get("canary")), as_object(strategy.get("blueGreen"))
    steps = as_objects(canary.get("steps"))
    # The field currentStepIndex is missing if the Argo Rollout has no steps. It is also missing in the first release,
    # which skips the steps.
    index = _number(status.get("currentStepIndex"))
    current = steps[index] if index is not None and index < len(steps) else {}
    pauses = [as_line(pause.get("reason")) for pause in as_objects(status.get("pauseConditions"))]
    pause = BY_HAND if spec.get("paused") is True else next(iter(pauses), "")
    return Rollout(
        name=as_line(metadata.get("name")),
        namespace=as_line(metadata.get("namespace")),
        phase=as_line(status.get("phase")),
        message=as_line(status.get("message")),
        blue_green="blueGreen" in strategy,
        step=index + 1 if current and index is not None else 0,
        steps=len(steps) if index is not None else 0,
        weight=_weight(status, steps, index),
        pause=pause,
        resumes=_resumes(pause, current, blue_green),
        aborted=status.get("abort") is True,
        analysis=tuple(_runs(status) or _ended_by(status, failed)),
    )


def _weight(status: dict[str, Any], steps: list[dict[str, Any]], index: int | None) -> int | None:
    """Return the canary's share of the traffic in percent, or None if it is unknown.

    If the traffic provider reports the actual weight, use that. Otherwise, use the weight that the steps have set.
    """
    weights = as_object(as_object(status.get("canary")).get("weights"))
    if weights:
        return _number(as_object(weights.get("canary")).get("weight"))
    if index is None:
        return None
    if index >= len(steps):
        return _WHOLE
    reached = [_number(step.get("setWeight")) for step in steps[: index + 1]]
    return next((weight for weight in reversed(reached) if weight is not None), 0)


def _resumes(pause: str, step: dict[str, Any], blue_green: dict[str, Any]) -> bool:
    if pause == "CanaryPauseStep":
        return bool(as_object(step.get("pause")).get("duration"))
    return pause == "BlueGreenPause" and bool(_number(blue_green.get("autoPromotionSeconds")))


def _runs(status: dict[str, Any]) -> list[AnalysisRun]:
    runs = [as_object(as_object(status.get(part)).get(name)) for part, names in _RUNS.items() for name in names]
    return [
        AnalysisRun(
            name=as_line(run.get("name")), status=as_line(run.get("status")), message=as_line(run.get("message"))
        )
        for run in runs
        if run.get("name")
    ]


def _ended_by(status: dict[str, Any], failed: Sequence[AnalysisRun]) -> list[AnalysisRun]:
    pods = as_line(status.get("currentPodHash"))
    own = [run for run in failed if pods and f"-{pods}-" in run.name]
    return own[-1:] if status.get("abort") is True else []


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def unhealthy_rollouts(tree: Tree, manifest: Callable[[Node], object]) -> dict[ResourceRef, Rollout]:
    """Return the details of at most ``ROLLOUTS`` Argo Rollouts that are not healthy.

    Args:
        tree: the resource tree.
        manifest: reads the live manifest of a resource. If it raises ``ArgoCDError``, the result does not contain that
            Argo Rollout.
    """
    unhealthy = [node for node in tree.nodes if (node.group, node.kind) == ROLLOUT_KIND and node.health != "Healthy"]
    rollouts: dict[ResourceRef, Rollout] = {}
    for node in unhealthy[:ROLLOUTS]:
        with suppress(ArgoCDError):
            rollouts[node.ref] = parse_rollout(manifest(node), _failed_runs(tree, node))
    return rollouts


def _failed_runs(tree: Tree, rollout: Node) -> list[AnalysisRun]:
    """Return the failed analysis runs that belong to the Argo Rollout, oldest first."""
    runs = [node for node in tree.nodes if node.kind == "AnalysisRun" and node.owner == rollout.uid]
    failed = sorted((run for run in runs if run.health == "Degraded"), key=lambda run: run.created_at)
    return [AnalysisRun(name=run.name, status="Failed", message=run.message) for run in failed]
