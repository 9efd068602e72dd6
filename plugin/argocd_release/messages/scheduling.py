"""The texts about pods for which the scheduler finds no node."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: The hints for a pod that the rules for nodes keep from every node, by the kind of the rule.
NO_NODE_FITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "labels": "compare the pod's node selector and node affinity with the labels of the nodes (kubectl get nodes "
        "--show-labels). Correct them in git, and push; or let an administrator label or add a node, and then retry "
        "this GitLab job. More free CPU or memory does not help",
        "taints": "compare the pod's tolerations with the taints of the nodes (kubectl describe nodes). If the name of "
        "a taint begins with node.kubernetes.io/, Kubernetes has set it because the node has a problem: let an "
        "administrator repair the node or add one, and then retry this GitLab job. Otherwise correct the tolerations "
        "in git, and push. More free CPU or memory does not help",
        "pods": "compare the pod's affinity to other pods with the pods that run on the nodes. Correct it in git, and "
        "push; or let an administrator add a node, and then retry this GitLab job. More free CPU or memory does not "
        "help",
        "spread": "compare the pod's topologySpreadConstraints with the labels of the nodes and the pods that run "
        "there. Correct them in git, and push; or let an administrator add a node, and then retry this GitLab job. "
        "More free CPU or memory does not help",
        "volume": "find out on which nodes the pod's volume can be used (kubectl get pv -o yaml, nodeAffinity). If "
        "the pod's own rules exclude these nodes, correct the rules in git, and push; otherwise let an administrator "
        "make one of these nodes available, and then retry this GitLab job. More free CPU or memory does not help",
        "port": "choose another hostPort in git, and push: on each node, another pod already uses this one. If that "
        "pod is of the previous version, correct the update strategy instead: the new pod can only start after the "
        "old one has ended",
        "cordoned": "let an administrator allow new pods on a node again (kubectl uncordon) or add a node, and then "
        "just retry this GitLab job, because Kubernetes starts the pod by itself",
        "several": "compare the rules in the message with the pod's node selector, affinity and tolerations, and with "
        "the nodes (kubectl get nodes --show-labels, kubectl describe nodes). Correct the pod's rules in git, and "
        "push; or let an administrator change or add a node, and then retry this GitLab job. More free CPU or memory "
        "does not help",
    }
)
