"""Failures that heal without a change in git, and resources whose health Argo CD cannot read yet."""

import json
from collections.abc import Iterator
from typing import Any

from argocd_release.messages import causes, verdict
from argocd_release.model.outcome import Outcome
from sandbox.application import IN_CLUSTER
from scenarios.dsl import Files, Stage, config, literal, namespace, scenario, status, web

GREEN = Outcome.DELIVERED
# Argo CD retries 5, 10, 20 and 40 seconds after each failure, so it notices a change at 25 s only at 35 s.
RETRIED = 35 + 10
SHORT = {"RELEASE_HEALING_GRACE": "8"}
READER = """
hs = {}
hs.status = "Progressing"
if obj.status.phase == "Ready" then
  hs.status = "Healthy"
end
return hs
"""


def group(stage: Stage) -> str:
    return f"{stage.name}.example.com"


def definition(stage: Stage) -> dict[str, Any]:
    """Return a custom resource definition that only this scenario uses."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Widget", "plural": "widgets"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group(stage)}"},
        "spec": {"group": group(stage), "scope": "Namespaced", "names": names, "versions": [version]},
    }


def widget(stage: Stage, **more: Any) -> Files:
    document = {"apiVersion": f"{group(stage)}/v1", "kind": "Widget", "metadata": {"name": "gear"}} | more
    return {"widget.yaml": json.dumps(document)}


def silent_webhook(stage: Stage) -> None:
    """Create an admission webhook for ConfigMaps whose server does not respond.

    It selects this namespace only, so it disturbs no other scenario.
    """
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {
        "name": "configmaps.webhook.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/validate"},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.name}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
    }
    stage.sandbox.apply(
        namespace(stage.name),
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": stage.name},
            "webhooks": [hook],
        },
    )
    # The API server applies the webhook a moment later.
    stage.sleep(2)


@scenario(
    "an admission webhook that does not respond for 25 s",
    GREEN,
    ru="admission webhook не отвечает 25 с",
    max_seconds=RETRIED,
)
def webhook_away(stage: Stage) -> Iterator[None]:
    """Two attempts fail although the manifests are correct, and a later attempt succeeds."""
    silent_webhook(stage)
    stage.deploy(web("1"), config("web"))
    yield
    stage.sleep(25)
    stage.sandbox.kubectl("delete", "validatingwebhookconfiguration", stage.name)


@scenario(
    "an admission webhook that never responds",
    Outcome.SYNC_FAILED,
    ru="admission webhook так и не отвечает",
    cause=literal(verdict.ATTEMPTS_WAITING, event=verdict.AWAITED["WEBHOOK"].text),
    max_seconds=8 + 4 + 5,
)
def webhook_gone(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT
    silent_webhook(stage)
    stage.deploy(web("1"), config("web"))
    yield


@scenario(
    "an admission webhook that does not respond, and no retry",
    Outcome.SYNC_FAILED,
    ru="admission webhook не отвечает, а повторов нет",
    cause="failed calling webhook",
    max_seconds=10,
)
def webhook_away_without_retry(stage: Stage) -> Iterator[None]:
    silent_webhook(stage)
    stage.deploy(web("1"), config("web"), retry_limit=0)
    yield


@scenario(
    "a custom resource definition that another application installs 20 s later",
    GREEN,
    ru="CRD, который другое приложение устанавливает через 20 с",
    max_seconds=RETRIED,
)
def definition_later(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), widget(stage))
    yield
    stage.sleep(18)
    operator = stage.sandbox.repository(f"{stage.name}-operator")
    operator.commit({"crd.yaml": json.dumps(definition(stage))})
    stage.sandbox.application(f"{stage.name}-operator", operator)


@scenario(
    "a custom resource definition that nobody installs",
    Outcome.SYNC_FAILED,
    ru="CRD, который так и не установлен",
    cause=literal(verdict.ATTEMPTS_WAITING, event=verdict.AWAITED["KIND"].text),
    max_seconds=8 + 4 + 5,
)
def definition_never(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT
    stage.deploy(web("1"), widget(stage))
    yield


@scenario(
    "a namespace that is still being deleted",
    GREEN,
    ru="namespace ещё удаляется",
    max_seconds=RETRIED,
)
def namespace_terminating(stage: Stage) -> Iterator[None]:
    """A user deletes an environment and creates it again."""
    gone, held = f"{stage.name}-env", json.loads(config("held")["held-config.yaml"] or "")
    held["metadata"] |= {"namespace": gone, "finalizers": ["example.com/hold"]}
    stage.sandbox.apply(namespace(gone), held)
    stage.sandbox.kubectl("delete", "namespace", gone, "--wait=false")
    stage.deploy(
        web("1"),
        destination={"server": IN_CLUSTER, "namespace": gone},
        syncPolicy={"syncOptions": ["CreateNamespace=true"]},
    )
    yield
    stage.sleep(12)
    free = json.dumps({"metadata": {"finalizers": None}})
    stage.sandbox.kubectl("patch", "configmap", "held", "-n", gone, "--type=merge", f"--patch={free}")


@scenario(
    "a namespace that is created 12 s later",
    GREEN,
    ru="namespace создают через 12 с",
    max_seconds=RETRIED,
)
def namespace_later(stage: Stage) -> Iterator[None]:
    missing = f"{stage.name}-env"
    stage.deploy(web("1"), destination={"server": IN_CLUSTER, "namespace": missing})
    yield
    stage.sleep(12)
    stage.sandbox.apply(namespace(missing))


def read_by_a_script(stage: Stage) -> None:
    """Give Argo CD a health check that fails until the resource has a status."""
    key = f"resource.customizations.health.{group(stage)}_Widget"
    patch = json.dumps({"data": {key: READER}})
    stage.sandbox.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", f"--patch={patch}")
    stage.sandbox.apply(definition(stage))
    # The application controller reads its settings again.
    stage.sleep(3)


@scenario(
    "a health check that can read a resource only after 8 s",
    GREEN,
    ru="проверка состояния может прочитать ресурс только через 8 с",
    max_seconds=30,
    exclusive=True,
)
def health_later(stage: Stage) -> Iterator[None]:
    """The operator of a custom resource has not written a status yet."""
    read_by_a_script(stage)
    stage.deploy(web("1"), widget(stage))
    yield
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    stage.sleep(8)
    ready = json.dumps({"status": {"phase": "Ready"}})
    stage.sandbox.kubectl(
        "patch", f"widgets.{group(stage)}", "gear", "-n", stage.name, "--type=merge", f"--patch={ready}"
    )


@scenario(
    "a health check that never can read a resource",
    Outcome.DEGRADED,
    ru="проверка состояния так и не может прочитать ресурс",
    cause=causes.HEALTH_UNREADABLE,
    max_seconds=4 + 15 + 5,
    exclusive=True,
)
def health_never(stage: Stage) -> Iterator[None]:
    read_by_a_script(stage)
    stage.deploy(web("1"), widget(stage))
    yield
