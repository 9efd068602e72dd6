"""Root causes of failed releases. Each row is a situation as a real Argo CD reported it.

``tests/contract/record.py`` recorded them. ``changed`` turns one into another situation of the same shape.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.diagnosis.collect import steps
from argocd_release.messages import causes, hooks, scheduling, verdict
from argocd_release.model.problem import CauseCode
from argocd_release.model.result import Diagnosis
from tests.contract.record import API, FOLDER, SITUATIONS
from tests.support.recording import VERSIONS, Recording


@dataclass(frozen=True, kw_only=True)
class Row:
    """A situation, and the cause that it must have."""

    recorded: str
    code: CauseCode | None
    #: The beginning of the message.
    cause: str
    #: The hint, if it is not that of the code in the catalogue.
    hint: str | None = None
    #: The texts of the recording to replace, with their replacements. The recording must contain them.
    changed: Mapping[str, str] = field(default_factory=dict)


def diagnosed(row: Row, version: str) -> Diagnosis:
    text = (FOLDER / version / f"{row.recorded}.json").read_text("utf-8")
    for old, new in row.changed.items():
        assert old in text, old
        text = text.replace(old, new)
    document = json.loads(text)
    application = parse_application(json.dumps(document["application"]))
    (*_, last) = steps("web", application, Recording(document))
    return last


def steady(cause: str) -> str:
    """Without the parts of names that Kubernetes makes up."""
    cause = re.sub(r"\b([a-z]+)-[0-9a-f]{8,10}-[a-z0-9]{5}\b", r"\1-RS-POD", cause)
    cause = re.sub(r"\b(agent|migrate|import|smoke-test|smoke)-[a-z0-9]{5}\b", r"\1-POD", cause)
    cause = re.sub(r"(?<=ReplicaSet/web-)[0-9a-f]{8,10}\b|(?<=pods \"web-)[0-9a-f]{8,10}(?=-)", "RS", cause)
    return re.sub(r"\d+ restarts?", "N restarts", cause)


WEB = "Deployment/web → Pod/web-RS-POD"
NO_POD = f"Deployment/web → ReplicaSet/web-RS: {causes.NO_PODS} — "
NO_VOLUME = verdict.NO_VOLUME.fill(resource="PersistentVolumeClaim/data")
NO_LOG = {
    '"cannot connect to database at db:5432: connection refused"': '""',
    '"connecting to database at db:5432"': '""',
}
NO_QUOTA = causes.QUOTA_ZERO.fill_hint(quota="none", limited="pods=0", requested="pods=1", then=causes.THEN_RETRY_PODS)
ROWS: dict[str, Row] = {
    "a crash loop": Row(
        recorded="crash-loop", code=CauseCode.CRASH_LOOP,
        cause=f'{WEB}: CrashLoopBackOff, exit code 1, N restarts — "cannot connect to database at db:5432: connection ',
        hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "a crash loop of several containers": Row(
        recorded="crash-loop", code=CauseCode.CRASH_LOOP,
        changed={'"containerStatuses": [': '"containerStatuses": [{"name": "proxy", "ready": true, "state": {"running": {}}},'},
        cause=f"{WEB}, container web: CrashLoopBackOff, exit code 1",
        hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "a program that says nothing": Row(
        recorded="crash-loop", code=CauseCode.CRASH_LOOP,
        changed={'"cannot connect to database at db:5432: connection refused"': '""', '"connecting to database at db:5432"': '""'},
        cause=f'{WEB}: CrashLoopBackOff, exit code 1, N restarts — "Back-off restarting failed container web in pod',
        hint=causes.FIX_PROGRAM_WITHOUT_LOG,
    ),
    "a command that is not there": Row(
        recorded="crash-loop", code=CauseCode.CONTAINER_CONFIG,
        changed={'"CrashLoopBackOff"': '"RunContainerError"', "back-off 10s restarting failed": 'exec: \\"serve\\": executable file not found in $PATH,'},
        cause=f'{WEB}: RunContainerError, exit code 1, N restarts — "exec: "serve": executable file not found in $PATH',
    ),
    "out of memory": Row(
        recorded="oom", code=CauseCode.OOM_KILLED, cause=f"{WEB}: CrashLoopBackOff (OOMKilled), exit code 137, N restarts",
    ),
    "killed, but not for memory": Row(
        recorded="oom", code=CauseCode.CRASH_LOOP, changed={"OOMKilled": "Error"}, cause=f"{WEB}: CrashLoopBackOff, exit code 137", hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "an init container": Row(
        recorded="init-crash", code=CauseCode.CRASH_LOOP,
        cause=f"{WEB}, init container migrate: CrashLoopBackOff, exit code 1, N restarts",
        hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "an image that is not there": Row(
        recorded="image-pull", code=CauseCode.IMAGE_PULL,
        cause=f'{WEB}: ImagePullBackOff — "Failed to pull image "registry.example.com/web:1": rpc error: code = Unknown',
    ),
    "an image that may not be pulled": Row(
        recorded="image-pull", code=CauseCode.IMAGE_PULL,
        changed={"manifest unknown: manifest unknown": "unauthorized: authentication required"},
        cause=f'{WEB}: ImagePullBackOff — "Failed to pull image',
    ),
    "an image whose name is none": Row(
        recorded="image-pull", code=CauseCode.IMAGE_PULL,
        changed={'"ImagePullBackOff"': '"InvalidImageName"', "Back-off pulling image": "couldn't parse image name", "Failed to pull image": "Failed to apply default image tag"},
        cause=f"{WEB}: InvalidImageName — \"couldn't parse image name",
    ),
    "a missing ConfigMap": Row(
        recorded="missing-configmap", code=CauseCode.CONTAINER_CONFIG,
        cause=f'{WEB}: CreateContainerConfigError — "configmap "settings" not found"',
    ),
    "a missing Secret": Row(
        recorded="missing-configmap", code=CauseCode.CONTAINER_CONFIG,
        changed={'configmap \\"settings\\" not found': 'secret \\"settings\\" not found'},
        cause=f'{WEB}: CreateContainerConfigError — "secret "settings" not found"',
    ),
    "a missing key": Row(
        recorded="missing-configmap", code=CauseCode.CONTAINER_CONFIG,
        changed={'configmap \\"settings\\" not found': "couldn't find key URL in ConfigMap web/settings"},
        cause=f"{WEB}: CreateContainerConfigError — \"couldn't find key URL in ConfigMap web/settings\"",
    ),
    "a Secret that can't be mounted": Row(
        recorded="not-mounted", code=CauseCode.VOLUME_NOT_MOUNTED,
        cause=f'{WEB}: ContainerCreating — "MountVolume.SetUp failed for volume "credentials" : secret "credentials" not',
    ),
    "a volume that can't be attached": Row(
        recorded="not-mounted", code=CauseCode.VOLUME_NOT_MOUNTED,
        changed={"MountVolume.SetUp failed for volume": "Unable to attach or mount volumes: unmounted volumes"},
        cause=f'{WEB}: ContainerCreating — "Unable to attach or mount volumes',
    ),
    "a readiness probe": Row(
        recorded="too-slow", code=CauseCode.PROBE_FAILED,
        cause=f'{WEB}: {causes.NOT_READY} — "Readiness probe failed: HTTP probe failed with statuscode: 503"; the program\'s log says "cannot connect to database at db:5432: connection refused"',
        hint=causes.PROBE_BY_LOG,
    ),
    "a readiness probe of a program without a log": Row(
        recorded="too-slow", code=CauseCode.PROBE_FAILED, changed=NO_LOG,
        cause=f'{WEB}: {causes.NOT_READY} — "Readiness probe failed: HTTP probe failed with statuscode: 503"',
    ),
    "a liveness probe": Row(
        recorded="too-slow", code=CauseCode.PROBE_FAILED,
        changed={"Readiness probe failed: HTTP probe failed with statuscode: 503": "Liveness probe failed: dial tcp 10.0.0.7:8080: connect: connection refused"},
        cause=f'{WEB}: {causes.NOT_READY} — "Liveness probe failed: dial tcp',
        hint=causes.PROBE_BY_LOG,
    ),
    "no node takes it": Row(
        recorded="unschedulable", code=CauseCode.UNSCHEDULABLE,
        cause=f"{WEB}: {causes.UNSCHEDULABLE} — \"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector",
        hint=scheduling.NO_NODE_FITS["labels"],
    ),
    "no node has room": Row(
        recorded="unschedulable", code=CauseCode.UNSCHEDULABLE,
        changed={"1 node(s) didn't match Pod's node affinity/selector": "1 Insufficient memory"},
        cause=f'{WEB}: {causes.UNSCHEDULABLE} — "0/1 nodes are available: 1 Insufficient memory',
    ),
    "a quota": Row(
        recorded="quota", code=CauseCode.QUOTA,
        cause=f'{NO_POD}pods "web-RS-POD" is forbidden: exceeded quota "none"',
        hint=NO_QUOTA,
    ),
    "a quota that is used up": Row(
        recorded="quota", code=CauseCode.QUOTA,
        changed={"used: pods=0, limited: pods=0": "used: pods=5, limited: pods=5"},
        cause=f'{NO_POD}pods "web-RS-POD" is forbidden: exceeded quota "none"',
    ),
    "an admission policy": Row(
        recorded="forbidden-pods", code=CauseCode.ADMISSION_DENIED,
        cause=f'{NO_POD}pods "web-RS-POD" is forbidden: ValidatingAdmissionPolicy',
    ),
    "an admission webhook": Row(
        recorded="quota", code=CauseCode.ADMISSION_DENIED,
        changed={"is forbidden: exceeded quota: none": 'admission webhook \\"policy.example.com\\" denied the request: say who'},
        cause=f'{NO_POD}pods "web-RS-POD" admission webhook "policy.example.com" denied the request: say who',
    ),
    "a webhook that does not answer": Row(
        recorded="quota", code=CauseCode.WEBHOOK_FAILED,
        changed={"is forbidden: exceeded quota: none": 'Internal error occurred: failed calling webhook \\"policy.example.com\\": connection refused'},
        cause=f'{NO_POD}pods "web-RS-POD" Internal error occurred: failed calling webhook "policy.example.com"',
    ),
    "pod security": Row(
        recorded="quota", code=CauseCode.ADMISSION_DENIED,
        changed={"exceeded quota: none": 'violates PodSecurity \\"restricted:latest\\": allowPrivilegeEscalation != false'},
        cause=f'{NO_POD}pods "web-RS-POD" is forbidden: violates PodSecurity "restricted:latest"',
    ),
    "no service account": Row(
        recorded="quota", code=CauseCode.SERVICE_ACCOUNT_MISSING,
        changed={"exceeded quota: none": 'error looking up service account web/web: serviceaccount \\"web\\" not found'},
        cause=f'{NO_POD}pods "web-RS-POD" is forbidden: error looking up service account',
    ),
    "a StatefulSet's quota": Row(
        recorded="stateful-quota", code=CauseCode.QUOTA,
        cause=f"StatefulSet/db: {causes.NO_PODS} — create Pod db-0 in StatefulSet db failed error: pods", hint=NO_QUOTA,
    ),
    "a DaemonSet's quota": Row(
        recorded="daemon-quota", code=CauseCode.QUOTA, cause=f'DaemonSet/agent: {causes.NO_PODS} — pods "agent-POD" is forbidden', hint=NO_QUOTA,
    ),
    "a Job's quota": Row(
        recorded="job-quota", code=CauseCode.QUOTA, cause=f'Job/import: {causes.NO_PODS} — pods "import-POD" is forbidden', hint=NO_QUOTA,
    ),
    "a DaemonSet's pods that are forbidden": Row(
        recorded="forbidden-daemon", code=CauseCode.ADMISSION_DENIED, cause=f"DaemonSet/agent: {causes.NO_PODS} — pods",
    ),
    "a DaemonSet's crash loop": Row(
        recorded="daemon-crash", code=CauseCode.CRASH_LOOP,
        cause="DaemonSet/agent → Pod/agent-POD: CrashLoopBackOff, exit code 1, N restarts",
        hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "a StatefulSet's crash loop": Row(
        recorded="stateful-crash", code=CauseCode.CRASH_LOOP,
        cause="StatefulSet/db → Pod/db-0: CrashLoopBackOff, exit code 1, N restarts",
        hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "a StatefulSet that waits for a broken pod": Row(
        recorded="stateful-blocked", code=CauseCode.ROLLOUT_BLOCKED, cause="StatefulSet/db → Pod/db-0: CrashLoopBackOff, exit code 1",
    ),
    "a StatefulSet's fix, on its way": Row(recorded="stateful-fix", code=CauseCode.NOT_READY, cause="StatefulSet/db → Pod/db-"),
    "the hook of the sync before is not it": Row(
        recorded="old-hook", code=CauseCode.PROBE_FAILED, cause=f'{WEB}: {causes.NOT_READY} — "Readiness probe failed', hint=causes.PROBE_BY_LOG,
    ),
    "nothing is wrong": Row(recorded="stateful-rollback", code=None, cause=""),
    "a Job that failed": Row(
        recorded="job-fails", code=CauseCode.CONTAINER_FAILED,
        cause='Job/import → Pod/import-POD: Error, exit code 1 — "cannot connect to database',
        hint=causes.FIX_PROGRAM_BY_LOG,
    ),
    "a PreSync hook": Row(
        recorded="pre-sync-hook", code=CauseCode.HOOK_FAILED,
        cause='PreSync hook Job/migrate → Pod/migrate-POD: Error, exit code 1 — "cannot connect to database',
        hint=hooks.RUNS_AGAIN.fill_hint(fix=hooks.FIX_HOOK_BY_LOG, application="argocd/pre-sync-hook"),
    ),
    "a PostSync hook": Row(
        recorded="post-sync-hook", code=CauseCode.HOOK_FAILED,
        cause="PostSync hook Job/smoke-test → Pod/smoke-test-POD: Error, exit code 1",
        hint=hooks.REVISION_APPLIED.fill_hint(fix=hooks.FIX_HOOK_BY_LOG, application="argocd/post-sync-hook"),
    ),
    "a hook past its deadline": Row(
        recorded="hook-deadline", code=CauseCode.JOB_DEADLINE,
        cause="PreSync hook Job/migrate: Failed — Job was active longer than specified deadline",
        hint=hooks.RUNS_AGAIN.fill_hint(fix=hooks.FIX_HOOK_DEADLINE, application="argocd/hook-deadline"),
    ),
    "a hook that hangs, after a sync that failed": Row(
        recorded="hook-hangs", code=CauseCode.HOOK_FAILED, cause="PostSync hook Job/smoke → Pod/smoke-POD: ", hint=hooks.HOOK_NOT_BEGUN.fill_hint(pod="smoke-rxtj5", namespace="hook-hangs", application="argocd/hook-hangs"),
    ),
    "a hook that hangs, and the error of the sync before": Row(
        recorded="hook-hangs", code=CauseCode.HOOK_FAILED,
        changed={'"controllerNamespace": "argocd"': '"conditions": [{"type": "SyncError", "message": "Failed sync attempt"}]'},
        cause="PostSync hook Job/smoke → Pod/smoke-POD: ",
        hint=hooks.HOOK_NOT_BEGUN.fill_hint(pod="smoke-rxtj5", namespace="hook-hangs", application="argocd/hook-hangs"),
    ),
    "auto-sync gave up": Row(
        recorded="missing-path", code=CauseCode.PATH_MISSING,
        changed={'"type": "ComparisonError"': '"type": "SyncError"', '"status": "Unknown"': '"status": "OutOfSync"'},
        cause="SyncError: ",
    ),
    "a CronJob's failure of last night is not it": Row(
        recorded="old-cronjob-failure", code=CauseCode.PROBE_FAILED, cause=f'{WEB}: {causes.NOT_READY} — "Readiness probe failed', hint=causes.PROBE_BY_LOG,
    ),
    "a path that is not there": Row(
        recorded="missing-path", code=CauseCode.PATH_MISSING, cause="ComparisonError: not/there: app path does not exist",
    ),
    "a file that is no YAML": Row(
        recorded="missing-path", code=CauseCode.MANIFEST_UNREADABLE,
        changed={"not/there: app path does not exist": 'Failed to unmarshal \\"web.yaml\\": yaml: line 5'},
        cause='ComparisonError: Failed to unmarshal "web.yaml": yaml: line 5',
        hint=causes.MANIFEST_UNREADABLE.fill_hint(file="web.yaml"),
    ),
    "an Ingress without an address": Row(
        recorded="ingress", code=CauseCode.NO_ADDRESS, cause="Ingress/web", hint=verdict.NO_ADDRESS.hint,
    ),
    "a load balancer without an address": Row(
        recorded="load-balancer", code=CauseCode.NO_ADDRESS, cause="Service/web", hint=verdict.NO_LOAD_BALANCER.hint,
    ),
    "a claim without a class": Row(
        recorded="claim-without-class", code=CauseCode.NO_VOLUME,
        cause=f'{NO_VOLUME} — "no persistent volumes available for this claim and no storage',
        hint=verdict.NAME_STORAGE_CLASS,
    ),
    "a claim of an unknown class": Row(
        recorded="claim-of-unknown-class", code=CauseCode.NO_VOLUME,
        cause=f'{NO_VOLUME} — "storageclass.storage.k8s.io "fast" not found"',
        hint=verdict.CORRECT_STORAGE_CLASS,
    ),
    "a claim that waits for its provisioner": Row(
        recorded="claim-of-unknown-class", code=CauseCode.NO_VOLUME,
        changed={'storageclass.storage.k8s.io \\"fast\\" not found': "failed to provision volume: quota of disks reached"},
        cause=f'{NO_VOLUME} — "failed to provision volume: quota of disks reached"',
        hint=verdict.NO_VOLUME.hint,
    ),
    "a claim that waits for its pod is not at fault": Row(
        recorded="claim-without-class", code=CauseCode.UNSCHEDULABLE,
        changed={'"FailedBinding"': '"WaitForFirstConsumer"'},
        cause=f"{WEB}: {causes.UNSCHEDULABLE}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_each_recording_can_be_made_anew_and_is_used(version: str) -> None:
    kept = {file.stem for file in (FOLDER / version).iterdir()} - {API}
    assert kept == set(SITUATIONS) == {row.recorded for row in ROWS.values()}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("title", ROWS)
def test_the_cause(title: str, version: str) -> None:
    row = ROWS[title]
    found = diagnosed(row, version)
    if found.cause is None:
        assert (row.cause, row.code) == ("", None)
        return
    assert steady(found.cause.message).startswith(row.cause)
    assert found.cause.code is row.code
    usual = causes.HINTS.get(found.cause.code.word, "")
    assert found.cause.hint == (usual if row.hint is None else row.hint)
