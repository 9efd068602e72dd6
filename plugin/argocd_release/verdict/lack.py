"""What Argo CD calls Progressing without a word: addresses and volumes that did not come yet. Pure.

Source: gitops-engine pkg/health/health_ingress.go, health_service.go, health_pvc.go, as argo-cd v2.13.2 pins it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argocd_release.model.cause import CauseCode


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What is missing, as a predicate, and what to do about it."""

    code: CauseCode
    what: str
    hint: str


_INGRESS: Final = Lack(
    code=CauseCode.NO_ADDRESS,
    what="has no address yet",
    hint="see that a controller of its class runs and writes the address (spec.ingressClassName; kubectl get "
    "ingressclass); where none ever does, give Ingress a health check of your own in argocd-cm",
)
_SERVICE: Final = Lack(
    code=CauseCode.NO_ADDRESS,
    what="has no address of a load balancer yet",
    hint="see that something in the cluster gives addresses (a cloud's controller, MetalLB) and has some left; or make "
    "it a ClusterIP behind an Ingress",
)
_CLAIM: Final = Lack(
    code=CauseCode.NO_VOLUME,
    what="has no volume yet",
    hint="see that its storage class exists and that its provisioner runs (kubectl describe pvc)",
)
_NO_CLASS: Final = "name a storage class (spec.storageClassName), or make one of the cluster the default; push again"
_UNKNOWN_CLASS: Final = "correct spec.storageClassName, or create that storage class (kubectl get storageclass)"
CLAIM: Final = ("", "PersistentVolumeClaim")
_LACKS: Final[Mapping[tuple[str, str], Lack]] = MappingProxyType(
    {("networking.k8s.io", "Ingress"): _INGRESS, ("extensions", "Ingress"): _INGRESS, ("", "Service"): _SERVICE}
    | {CLAIM: _CLAIM}
)


def lack(group: str, kind: str, health: str | None) -> Lack | None:
    """What a resource of that kind lacks, if it is Progressing; None: nothing that can be told by its kind."""
    return _LACKS.get((group, kind)) if health == "Progressing" else None


def hint(missing: Lack, said: str) -> str:
    """What to do, where an event said more."""
    if "no storage class is set" in said:
        return _NO_CLASS
    return _UNKNOWN_CLASS if "storageclass" in said and "not found" in said else missing.hint
