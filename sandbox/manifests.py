"""Manifests for tests and the demo, as JSON, which is valid YAML."""

import json
from typing import Any, Final

FATES: Final = (
    "ready", "slow", "never-ready", "crash", "oom", "heals", "init-crash", "config-error", "image-pull", "not-mounted",
    "unschedulable",
)  # fmt: skip
# The possible fates of a Job's pod.
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
    back_off: bool = False,
    **labels: str,
) -> str:
    """Return a Deployment.

    Args:
        name: the name of the Deployment.
        image: the image of its container.
        fate: what happens to its pods, one of ``FATES``. Slow pods are ready after 8 seconds.
        replicas: the number of pods.
        ready_after: the time until a pod is ready, as a Go duration such as ``3s``.
        heals_after: the seconds from the first crash of a healing pod until it is ready.
        deadline: the value of progressDeadlineSeconds.
        paused: True for a paused Deployment.
        claim: the name of a PersistentVolumeClaim to mount.
        back_off: True for a container that crashes with the kubelet's back-off, not every 4 seconds.
        labels: additional labels of the pods.
    """
    annotations = _slow(ready_after) | {"sandbox/heals-after": str(heals_after)}
    annotations |= {"sandbox/back-off": "kubelet"} if back_off else {}
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
    """Return a StatefulSet, whose pods are named ``NAME-0``, ``NAME-1`` and so on.

    If ``parallel`` is True, all pods start at the same time. An update always replaces them one after another.
    """
    pods = _pods(name, image, fate, _slow(ready_after), labels)
    policy = {"podManagementPolicy": "Parallel"} if parallel else {}
    return _yaml(_object("apps/v1", "StatefulSet", name, {"replicas": replicas, "serviceName": name} | policy | pods))


def daemon_set(name: str, image: str, *, fate: str = "ready", ready_after: str = "", **labels: str) -> str:
    """Return a DaemonSet. It has one pod, because the sandbox has only one node."""
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
    """Return an Argo Rollout. ``strategy`` is ``{"canary": …}`` or ``{"blueGreen": …}``."""
    pods = _pods(name, image, fate, _slow(ready_after), labels)
    spec = {"replicas": replicas, "progressDeadlineSeconds": deadline, "strategy": strategy} | pods
    return _yaml(_object("argoproj.io/v1alpha1", "Rollout", name, spec))


def analysis(name: str, *, fate: str) -> str:
    """Return an AnalysisTemplate with one measurement by a Job. ``fate`` is that of the Job's pod, one of ``ENDS``."""
    metric = {"name": "smoke-test", "provider": {"job": {"spec": _job(name, fate, "1s")}}}
    return _yaml(_object("argoproj.io/v1alpha1", "AnalysisTemplate", name, {"metrics": [metric]}))


def service(name: str, app: str) -> str:
    """Return a Service for the pods of ``app``."""
    return _yaml(_object("v1", "Service", name, {"selector": {"app": app}, "ports": [{"port": 80}]}))


def job(name: str, *, fate: str = "complete", ends_after: str = "", deadline: int = 0, **annotations: str) -> str:
    """Return a Job.

    Args:
        name: the name of the Job.
        fate: what happens to its pod, one of ``ENDS``.
        ends_after: the duration of the pod, as a Go duration.
        deadline: the value of activeDeadlineSeconds, or 0 for none.
        annotations: the annotations of the Job.
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
    starts_after: str = "",
    **spec: Any,
) -> str:
    """Return a Job that is a hook.

    Args:
        name: the name of the Job.
        phase: PreSync, Sync, PostSync or SyncFail.
        fate: what happens to its pod, one of ``ENDS``.
        ends_after: the duration of the pod, as a Go duration.
        deadline: the value of activeDeadlineSeconds, or 0 for none.
        delete: the hook-delete-policy, or "" to omit the annotation.
        generate_name: True to use ``generateName`` instead of ``name``.
        starts_after: the time until the pod runs, as a Go duration. ``ends_after`` then counts from that moment. By
            default, the pod ends without a state in which it runs.
        spec: additional fields of the Job's spec.
    """
    annotations = {"argocd.argoproj.io/hook": phase}
    if delete:
        annotations["argocd.argoproj.io/hook-delete-policy"] = delete
    document = json.loads(job(name, fate=fate, ends_after=ends_after, deadline=deadline, **annotations))
    document["spec"] |= spec
    if starts_after:
        document["spec"]["template"]["metadata"]["annotations"]["sandbox/starts-after"] = starts_after
    if generate_name:
        document["metadata"]["generateName"] = f"{document['metadata'].pop('name')}-"
    return _yaml(document)


def pod_hook(name: str, phase: str, *, fate: str = "complete", ends_after: str = "") -> str:
    """Return a Pod that is a hook. It runs for ``ends_after``, a Go duration."""
    template = _job(name, fate, ends_after)["template"]
    annotations = {"argocd.argoproj.io/hook": phase, "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation"}
    annotations |= template["metadata"]["annotations"] | {"sandbox/starts-after": "200ms"}
    document = _object("v1", "Pod", name, template["spec"], annotations)
    document["metadata"]["labels"] = template["metadata"]["labels"]
    return _yaml(document)


def cron_job(
    name: str,
    *,
    schedule: str = "0 0 1 1 *",
    suspend: bool = False,
    fate: str = "complete",
    image: str = "registry.example.com/hook:1",
) -> str:
    """Return a CronJob. By default, it is never due during a test."""
    spec = {"schedule": schedule, "suspend": suspend, "jobTemplate": {"spec": _job(name, fate, "", image)}}
    return _yaml(_object("batch/v1", "CronJob", name, spec))


def ingress(name: str) -> str:
    """Return an Ingress. It never gets an address, because the sandbox has no controller for Ingresses."""
    backend = {"service": {"name": name, "port": {"number": 80}}}
    return _yaml(_object("networking.k8s.io/v1", "Ingress", name, {"defaultBackend": backend}))


def load_balancer(name: str) -> str:
    """Return a Service of type LoadBalancer. It never gets an address, because the sandbox has no load balancer."""
    return _yaml(_object("v1", "Service", name, {"type": "LoadBalancer", "ports": [{"port": 80}]}))


def claim(name: str, *, storage_class: str | None = None) -> str:
    """Return a PersistentVolumeClaim. It is never bound, because the sandbox has no volumes and storage classes."""
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec |= {} if storage_class is None else {"storageClassName": storage_class}
    return _yaml(_object("v1", "PersistentVolumeClaim", name, spec))


def config_map(name: str, **data: str) -> str:
    return _yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def resource_quota(name: str, **hard: str) -> str:
    """Return a ResourceQuota. With ``pods="0"``, a ReplicaSet cannot create pods, and gets FailedCreate events."""
    return _yaml(_object("v1", "ResourceQuota", name, {"hard": hard}))


def helm_chart(name: str, version: str, image: str, *, folder: str = "", **options: Any) -> dict[str, str]:
    """Return the files of a Helm chart with a Deployment, by their paths.

    The chart has the values ``image.repository`` and ``image.tag``.

    Args:
        name: the name of the chart and the Deployment.
        version: the version of the chart.
        image: the image, from which the default values are taken.
        folder: the folder of the chart in the repository, or "".
        options: the other arguments of ``deployment``.
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
    """Return a kustomization.yaml for these files or folders, with further fields such as ``namePrefix``."""
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return _yaml(kind | {"resources": list(resources)} | fields)


def _pods(name: str, image: str, fate: str, annotations: dict[str, str], labels: dict[str, str]) -> dict[str, Any]:
    """Return the fields ``selector`` and ``template`` of a workload with permanent pods."""
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
    # Omit empty fields, because Argo Rollouts removes them from its objects, which Argo CD reports as a difference.
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
    # Check the fate here, because a pod with an unknown fate would simply become ready.
    if fate not in fates:
        raise ValueError(f"{fate!r} is none of {', '.join(fates)}")


def _slow(after: str) -> dict[str, str]:
    return {"sandbox/ready-after": after} if after else {}


def _yaml(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
