"""The hint for a pod that no node can take, by the scheduler's message."""

import pytest

from argocd_release.messages import causes, scheduling
from argocd_release.verdict.pending import unschedulable_hint

# The messages of kube-scheduler (kubernetes v1.31.0 and v1.37.0 pkg/scheduler/framework/plugins).
RULES = {
    "node(s) didn't match Pod's node affinity/selector": "labels",
    "node(s) didn't match scheduler-enforced node affinity": "labels",
    "node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }": "taints",
    "node(s) had untolerated taint(s)": "taints",
    "node(s) didn't match pod affinity rules": "pods",
    "node(s) didn't match pod anti-affinity rules": "pods",
    "node(s) didn't satisfy existing pods anti-affinity rules": "pods",
    "node(s) didn't match pod topology spread constraints (missing required label)": "spread",
    "node(s) had volume node affinity conflict": "volume",
    "node(s) had no available volume zone": "volume",
    "node(s) didn't have free ports for the requested pod ports": "port",
    "node(s) were unschedulable": "cordoned",
}


@pytest.mark.parametrize(("rule", "kind"), RULES.items())
def test_a_rule_that_excludes_every_node_has_its_own_hint(rule: str, kind: str) -> None:
    assert unschedulable_hint(f"0/3 nodes are available: 3 {rule}.") == scheduling.NO_NODE_FITS[kind]


def test_two_rules_have_a_common_hint() -> None:
    message = "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) had untolerated taint(s)."
    assert unschedulable_hint(message) == scheduling.NO_NODE_FITS["several"]


@pytest.mark.parametrize(
    "message",
    [
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).",
        "0/3 nodes are available: 3 Too many pods.",
        "no nodes available to schedule pods",
    ],
)
def test_a_lack_of_room_has_the_general_hint(message: str) -> None:
    assert unschedulable_hint(message) == causes.HINTS["unschedulable"]
