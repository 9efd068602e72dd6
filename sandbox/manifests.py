"""Manifests for tests and the demo, as YAML text (JSON is YAML)."""

import json
from typing import Any, Final

FATES: Final = (
    "ready", "slow", "never-ready", "crash", "oom", "heals", "init-crash", "config-error", "image-pull", "not-mounted",
    "unschedulable",
)  # fmt: skip
# The fates of a Job's pod.
ENDS: Final = ("complete", "fail", "image-pull")


def deployment(
    name: str,
    image: str,
    *,
    fate: str = "ready",
    replicas: int = 1,
    ready_after: str = "",
    heals_after: int = 8,
    deadline: int = 600,
    paused: bool = False,
    claim: str = "",
    **labels: str,
) -> str:
    """Return a Deployment whose pods have the fate, one of ``FATES``; slow ones are ready after 8 seconds.

    Args:
        name: the name of the Deployment.
        image: the image of its container.
        fate: the fate of its pods.
        replicas: the number of pods.
        ready_after: a Go duration such as ``3s`` until a pod is ready.
        heals_after: the seconds from the first crash of a healing pod until it is ready.
        deadline: the progressDeadlineSeconds.
        paused: True for a paused Deployment.
        claim: a PersistentVolumeClaim to mount.
        labels: further labels of the pods.
    """
    annotations = _slow(ready_after) | {"sandbox/heals-after": str(heals_after)}
    pods = _pods(name, image, fate, annotations, labels)
    if claim:
        pods["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    spec = {"replicas": replicas, "progressDeadlineSeconds": deadline} | pods | ({"paused": True} if paused else {})
    return _yaml(_object("apps/v1", "Deployment", name, spec))


def stateful_set(
    name: str,
    image: str,
    *,
    fate: str = "ready",
    replicas: int = 1,
    ready_after: str = "",
    parallel: bool = False,
    **labels: str,
) -> str:
    """Return a StatefulSet, whose pods are named ``NAME-0`` and so on.

    They start one after another, or in parallel. They are always replaced one after another.
    """
    pods = _pods(name, image, fate, _slow(ready_after), labels)
    policy = {"podManagementPolicy": "Parallel"} if parallel else {}
    return _yaml(_object("apps/v1", "StatefulSet", name, {"replicas": replicas, "serviceName": name} | policy | pods))


def daemon_set(name: str, image: str, *, fate: str = "ready", ready_after: str = "", **labels: str) -> str:
    """Return a DaemonSet: one pod on the only node."""
    return _yaml(_object("apps/v1", "DaemonSet", name, _pods(name, image, fate, _slow(ready_after), labels)))


def rollout(
    name: str,
    image: str,
    strategy: dict[str, Any],
    *,
    fate: str = "ready",
    replicas: int = 2,
    ready_after: str = "",
    deadline: int = 600,
    **labels: str,
) -> str:
    """Return an Argo Rollout, whose ``strategy`` is ``{"canary": …}`` or ``{"blueGreen": …}``."""
    pods = _pods(name, image, fate, _slow(ready_after), labels)
    spec = {"replicas": replicas, "progressDeadlineSeconds": deadline, "strategy": strategy} | pods
    return _yaml(_object("argoproj.io/v1alpha1", "Rollout", name, spec))


def analysis(name: str, *, fate: str) -> str:
    """Return an AnalysisTemplate that measures once, with a Job whose pod has the fate, one of ``ENDS``."""
    metric = {"name": "smoke-test", "provider": {"job": {"spec": _job(name, fate, "1s")}}}
    return _yaml(_object("argoproj.io/v1alpha1", "AnalysisTemplate", name, {"metrics": [metric]}))


def service(name: str, app: str) -> str:
    """Return a Service for the pods of ``app``."""
    return _yaml(_object("v1", "Service", name, {"selector": {"app": app}, "ports": [{"port": 80}]}))


def job(name: str, *, fate: str = "complete", ends_after: str = "", deadline: int = 0, **annotations: str) -> str:
    """Return a Job.

    ``fate`` is one of ``ENDS``, ``ends_after`` a Go duration, ``deadline`` its activeDeadlineSeconds or 0.
    """
    spec = _job(name, fate, ends_after) | ({"activeDeadlineSeconds": deadline} if deadline else {})
    return _yaml(_object("batch/v1", "Job", name, spec, annotations))


def hook(
    name: str,
    phase: str,
    *,
    fate: str = "complete",
    ends_after: str = "",
    deadline: int = 0,
    delete: str = "BeforeHookCreation",
    generate_name: bool = False,
    **spec: Any,
) -> str:
    """Return a Job that is a hook in ``phase``: PreSync, Sync, PostSync or SyncFail. ``spec`` is added to the Job's.

    ``delete`` is its hook-delete-policy; "" leaves the annotation out.
    """
    annotations = {"argocd.argoproj.io/hook": phase}
    if delete:
        annotations["argocd.argoproj.io/hook-delete-policy"] = delete
    document = json.loads(job(name, fate=fate, ends_after=ends_after, deadline=deadline, **annotations))
    document["spec"] |= spec
    if generate_name:
        document["metadata"]["generateName"] = f"{document['metadata'].pop('name')}-"
    return _yaml(document)


def cron_job(
    name: str,
    *,
    schedule: str = "0 0 1 1 *",
    suspend: bool = False,
    fate: str = "complete",
    image: str = "registry.example.com/hook:1",
) -> str:
    """Return a CronJob, by default one that is never due while a test runs."""
    spec = {"schedule": schedule, "suspend": suspend, "jobTemplate": {"spec": _job(name, fate, "", image)}}
    return _yaml(_object("batch/v1", "CronJob", name, spec))


def ingress(name: str) -> str:
    """Return an Ingress. No controller in the sandbox gives it an address."""
    backend = {"service": {"name": name, "port": {"number": 80}}}
    return _yaml(_object("networking.k8s.io/v1", "Ingress", name, {"defaultBackend": backend}))


def load_balancer(name: str) -> str:
    """Return a Service of type LoadBalancer. No controller in the sandbox gives it an address."""
    return _yaml(_object("v1", "Service", name, {"type": "LoadBalancer", "ports": [{"port": 80}]}))


def claim(name: str, *, storage_class: str | None = None) -> str:
    """Return a PersistentVolumeClaim. The sandbox has no storage class and no volume."""
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec |= {} if storage_class is None else {"storageClassName": storage_class}
    return _yaml(_object("v1", "PersistentVolumeClaim", name, spec))


def config_map(name: str, **data: str) -> str:
    return _yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def resource_quota(name: str, **hard: str) -> str:
    """Return a ResourceQuota such as ``pods="0"``, which makes a ReplicaSet's pods fail with FailedCreate events."""
    return _yaml(_object("v1", "ResourceQuota", name, {"hard": hard}))


def helm_chart(name: str, version: str, image: str, *, folder: str = "", **options: Any) -> dict[str, str]:
    """Return the files of a Helm chart with a Deployment, by path below ``folder``; ``options`` as for ``deployment``.

    Its values are ``image.repository`` and ``image.tag``, taken from ``image``.
    """
    repository, _, tag = image.rpartition(":")
    chart = {"apiVersion": "v2", "name": name, "version": version, "appVersion": tag}
    templated = deployment(name, "{{ .Values.image.repository }}:{{ .Values.image.tag }}", **options)
    files = {
        "Chart.yaml": _yaml(chart),
        "values.yaml": _yaml({"image": {"repository": repository, "tag": tag}}),
        "templates/deployment.yaml": templated,
    }
    return {f"{folder}/{path}" if folder else path: text for path, text in files.items()}


def kustomization(*resources: str, **fields: Any) -> str:
    """Return a kustomization.yaml for these files or folders, with fields such as ``namePrefix`` or ``images``."""
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return _yaml(kind | {"resources": list(resources)} | fields)


def _pods(name: str, image: str, fate: str, annotations: dict[str, str], labels: dict[str, str]) -> dict[str, Any]:
    """Return the selector and the template that every controller of permanent pods has."""
    _check(fate, FATES)
    selector = {"app": name}
    container: dict[str, Any] = {"name": name, "image": image}
    spec: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 0}
    match fate:
        case "never-ready":
            container["readinessProbe"] = {"httpGet": {"path": "/ready", "port": 8080}}
        case "init-crash":
            spec["initContainers"] = [{"name": "migrate", "image": image}]
        case "config-error":
            container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
        case "not-mounted":
            container["volumeMounts"] = [{"name": "credentials", "mountPath": "/credentials"}]
            spec["volumes"] = [{"name": "credentials", "secret": {"secretName": "credentials"}}]
        case "unschedulable":
            spec["nodeSelector"] = {"disk": "ssd"}
        case _:
            pass
    metadata = {"labels": selector | {"fate": fate} | labels}
    # Argo Rollouts rewrites a Rollout without empty fields, and Argo CD sees that as a difference.
    metadata |= {"annotations": annotations} if annotations else {}
    return {"selector": {"matchLabels": selector}, "template": {"metadata": metadata, "spec": spec}}


def _job(name: str, fate: str, ends_after: str, image: str = "registry.example.com/hook:1") -> dict[str, Any]:
    _check(fate, ENDS)
    container = {"name": name, "image": image}
    metadata = {"labels": {"fate": fate}, "annotations": _slow(ends_after)}
    template = {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"backoffLimit": 0, "template": template}


def _object(
    version: str, kind: str, name: str, spec: dict[str, Any], annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"annotations": annotations} if annotations else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _check(fate: str, fates: tuple[str, ...]) -> None:
    # A pod whose label matches no stage becomes ready.
    if fate not in fates:
        raise ValueError(f"{fate!r} is none of {', '.join(fates)}")


def _slow(after: str) -> dict[str, str]:
    return {"sandbox/ready-after": after} if after else {}


def _yaml(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
