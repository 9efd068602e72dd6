"""Every kind of application that a test can need: sources, kinds, namespaces, projects, and what counts requests."""

import json
import ssl
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import manifests, objects
from sandbox.application import Application, State, delivered
from sandbox.sandbox import Sandbox
from tests.support.waiting import eventually

IMAGE = "registry.example.com/web:1"


def healthy(state: State) -> bool:
    status = state.get("status", {})
    return (status.get("sync", {}).get("status"), status.get("health", {}).get("status")) == ("Synced", "Healthy")


def running(*images: str) -> Callable[[State], bool]:
    return lambda state: healthy(state) and set(state["status"]["summary"].get("images", [])) == set(images)


def ask(sandbox: Sandbox, path: str) -> str:
    """Return the answer of Argo CD's REST API to the CI account."""
    context = ssl.create_default_context(cafile=str(sandbox.certificate))
    headers = {"Authorization": f"Bearer {sandbox.ci_token}"}
    request = urllib.request.Request(f"https://{sandbox.server}/api/v1/{path}", headers=headers)
    with urllib.request.urlopen(request, context=context, timeout=10) as response:  # noqa: S310 - https, as above
        return bytes(response.read()).decode()


def lines(sandbox: Sandbox, application: Application, pod: str, query: str = "") -> list[str]:
    """Return the log of a pod from the REST API."""
    path = f"applications/{application.name}/pods/{pod}/logs?namespace={application.namespace}&{query}"
    entries = [json.loads(line)["result"] for line in ask(sandbox, path).splitlines()]
    return [entry["content"] for entry in entries if not entry["last"]]


def test_helm_and_kustomize_in_git(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    tag = [{"name": "registry.example.com/web", "newTag": "7"}]
    overlay = {"k/web.yaml": manifests.deployment("web", IMAGE)}
    overlay |= {"k/kustomization.yaml": manifests.kustomization("web.yaml", namePrefix="pre-", images=tag)}
    revision = repository.commit(manifests.helm_chart("web", "0.1.0", IMAGE, folder="chart") | overlay)
    nine = {"parameters": [{"name": "image.tag", "value": "9"}]}
    helm = sandbox.application(f"{name}-h", repository.source("chart", helm=nine))
    kustomize = sandbox.application(f"{name}-k", repository, path="k")
    helm.wait_for(delivered(revision))
    assert helm.wait_for(running("registry.example.com/web:9"))["status"]["sourceType"] == "Helm"
    kustomize.wait_for(delivered(revision))
    state = kustomize.wait_for(running("registry.example.com/web:7"))
    assert state["status"]["sourceType"] == "Kustomize"
    assert [resource["name"] for resource in state["status"]["resources"]] == ["pre-web"]


def test_a_chart_is_published_and_then_a_newer_one(sandbox: Sandbox, name: str) -> None:
    charts = sandbox.chart_repository(name)
    charts.publish("web", "1.2.3", manifests.helm_chart("web", "1.2.3", IMAGE))
    application = sandbox.application(name, charts.source("web", "1.2.*"))
    application.wait_for(delivered("1.2.3"))
    charts.publish("web", "1.2.4", manifests.helm_chart("web", "1.2.4", "registry.example.com/web:2"))
    application.refresh()
    application.wait_for(delivered("1.2.4"))
    application.wait_for(running("registry.example.com/web:2"))
    charts.close()
    sandbox.argocd("app", "get", name, "--hard-refresh")
    assert application.get()["status"]["conditions"][0]["type"] == "ComparisonError"


def test_several_sources(sandbox: Sandbox, name: str) -> None:
    charts, repository = sandbox.chart_repository(name), sandbox.repository(name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", IMAGE))
    revision = repository.commit({"c.yaml": manifests.config_map("c"), "values/web.yaml": '{"image": {"tag": "5"}}'})
    chart = charts.source("web", "1.0.0", helm={"valueFiles": ["$values/values/web.yaml"]})
    application = sandbox.application(name, [chart, repository.source(ref="values")])
    state = application.wait_for(running("registry.example.com/web:5"))
    assert state["status"]["sync"]["revisions"] == ["1.0.0", revision]
    assert "source" not in state["spec"]


def test_every_kind(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    files = {
        "stateful.yaml": manifests.stateful_set("stateful", IMAGE, replicas=2),
        "daemon.yaml": manifests.daemon_set("daemon", IMAGE),
        "job.yaml": manifests.job("job"),
        "cron.yaml": manifests.cron_job("cron"),
    }
    revision = repository.commit(files)
    application = sandbox.application(name, repository)
    application.wait_for(delivered(revision))
    pods = sandbox.kubectl("get", "pods", "-n", name).split()
    assert {"stateful-0", "stateful-1"} <= set(pods)
    assert (pods.count("Running"), pods.count("Completed")) == (3, 1)
    repository.commit({"paused.yaml": manifests.deployment("paused", IMAGE, paused=True)})
    application.refresh()
    application.wait_for(lambda state: state["status"]["health"]["status"] == "Suspended")


def test_a_quota_lets_no_pod_begin(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    quota = {"quota.yaml": manifests.resource_quota("none", pods="0")}
    repository.commit(quota | {"web.yaml": manifests.deployment("web", IMAGE)})
    application = sandbox.application(name, repository)

    def refused() -> bool:
        events = sandbox.kubectl("get", "events", "-n", name, "--field-selector", "reason=FailedCreate")
        return "exceeded quota: none" in events and "replicaset/web-" in events

    eventually(refused)
    application.wait_for(lambda state: state.get("status", {}).get("health") == {"status": "Progressing"})


def test_an_application_outside_of_argo_cds_namespace(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit({"c.yaml": manifests.config_map("c")})
    application = sandbox.application(name, repository, argocd_namespace="team-a")
    assert application.full_name == f"team-a/{name}"
    application.wait_for(delivered(first))
    second = repository.commit({"c.yaml": manifests.config_map("c", a="b")})
    sandbox.argocd("app", "get", application.full_name, "--refresh", token=sandbox.ci_token)
    with application.changes() as changes:
        application.wait_for(delivered(second))
        application.delete()
        eventually(lambda: changes.deleted is not None)


def test_projects_deny_and_forbid(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit({"c.yaml": manifests.config_map("c")})
    denies = sandbox.project(f"{name}-w", syncWindows=[objects.deny_window()])
    forbids = sandbox.project(f"{name}-d", destinations=[{"server": "*", "namespace": "elsewhere"}])
    denied = sandbox.application(f"{name}-w", repository, project=denies)
    forbidden = sandbox.application(f"{name}-d", repository, project=forbids)

    def invalid(state: State) -> bool:
        return any(is_["type"] == "InvalidSpecError" for is_ in state.get("status", {}).get("conditions", []))

    forbidden.wait_for(invalid)
    denied.wait_for(lambda state: state.get("status", {}).get("sync", {}).get("status") == "OutOfSync")
    assert "Sync Denied" in sandbox.argocd("app", "get", denied.name, token=sandbox.ci_token)
    assert "operationState" not in denied.get()["status"]
    sandbox.project(denies)
    denied.refresh()
    denied.wait_for(healthy)


@pytest.fixture(scope="module")
def printing(sandbox: Sandbox) -> Application:
    """Create an application with a StatefulSet, and a Deployment whose init container fails."""
    repository = sandbox.repository("printing")
    init = manifests.deployment("init", IMAGE, fate="init-crash")
    repository.commit({"db.yaml": manifests.stateful_set("db", IMAGE, replicas=2), "init.yaml": init})
    application = sandbox.application("printing", repository)
    eventually(lambda: "db-1" in sandbox.kubectl("get", "pods", "-n", "printing"))
    eventually(lambda: "Init:CrashLoopBackOff" in sandbox.kubectl("get", "pods", "-n", "printing"))
    return application


def test_logs_of_a_namespace_a_pod_and_a_container(sandbox: Sandbox, printing: Application) -> None:
    pods = sandbox.kubectl("get", "pods", "-n", "printing", "-l", "app=init", "-o", "name")
    init = pods.strip().removeprefix("pod/")
    assert "connecting to database" in lines(sandbox, printing, "db-0")[0]
    sandbox.pod_log("printing", ["all of them"], previous=["a life before"])
    sandbox.pod_log("printing", ["migrating"], container="migrate", previous=["migrating, the first time"])
    sandbox.pod_log("printing", ["only db-1", "and no other"], pod="db-1")

    def answers() -> list[list[str]]:
        return [
            lines(sandbox, printing, "db-0"),
            lines(sandbox, printing, "db-0", "previous=true"),
            lines(sandbox, printing, "db-1"),
            lines(sandbox, printing, "db-1", "tailLines=1"),
            lines(sandbox, printing, init, "container=migrate"),
            lines(sandbox, printing, init, "container=migrate&previous=true"),
        ]

    wanted = [
        ["all of them"],
        ["a life before"],
        ["only db-1", "and no other"],
        ["and no other"],
        ["migrating"],
        ["migrating, the first time"],
    ]
    eventually(lambda: answers() == wanted)
    assert "all of them" in sandbox.argocd("app", "logs", "printing", "--name", "db-0", token=sandbox.ci_token)


def test_logs_may_hold_anything(sandbox: Sandbox, printing: Application) -> None:
    hostile: list[str | bytes] = ["\x1b[31mred\x1b[0m", "n\0l", b"\xff\xfe", "x" * 1_000_000]
    sandbox.pod_log("printing", hostile, pod="db-0")
    eventually(lambda: "red" in lines(sandbox, printing, "db-0")[0])
    assert lines(sandbox, printing, "db-0") == ["\x1b[31mred\x1b[0m", "n\0l", "\ufffd\ufffd", "x" * 1_000_000]


def test_events_may_say_anything(sandbox: Sandbox, printing: Application) -> None:
    hostile = "\x1b[2J n\0l \u202e\n::error::no"
    sandbox.event("printing", "db-0", hostile, reason="Hostile", type="Normal")
    uid = json.loads(sandbox.kubectl("get", "pod", "db-0", "-n", "printing", "-o", "json"))["metadata"]["uid"]
    query = f"resourceNamespace=printing&resourceName=db-0&resourceUID={uid}"
    items: list[dict[str, Any]] = json.loads(ask(sandbox, f"applications/{printing.name}/events?{query}"))["items"]
    assert [event["message"] for event in items if event["reason"] == "Hostile"] == [hostile]


def test_requests_of_both_kinds_are_counted(sandbox: Sandbox, printing: Application) -> None:
    before = sandbox.requests()
    sandbox.argocd("app", "get", printing.name, token=sandbox.ci_token)
    ask(sandbox, f"applications/{printing.name}")
    ask(sandbox, f"applications/{printing.name}/resource-tree")
    new = sandbox.requests() - before
    assert new["application.ApplicationService/Get"] == 2
    assert new["application.ApplicationService/ResourceTree"] == 1
