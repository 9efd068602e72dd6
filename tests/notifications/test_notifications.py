"""Argo CD Notifications tell GitLab of deployments: which records there are, in which order, after each situation."""

import time
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox import manifests
from sandbox.application import Application, delivered
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from tests.support import controllers
from tests.support.gitlab_api import GitLab, Project
from tests.support.stopwatch import Stopwatch, check
from tests.support.waiting import eventually

IMAGE = "registry.example.com/web"
# A record comes with the application's next change, and those come once a second at most; here the machine is busy.
SECONDS = 45.0
# The seconds without a change after which the state counts as final.
QUIET = 4.0

Records = list[tuple[str, str]]

pytestmark = pytest.mark.usefixtures("notifications")


def web(tag: str, name: str = "web", **options: Any) -> dict[str, str | None]:
    return {f"{name}.yaml": manifests.deployment(name, f"{IMAGE}:{tag}", **options)}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A project of GitLab, whose repository Argo CD deploys from."""

    sandbox: Sandbox
    gitlab: GitLab
    project: Project
    name: str

    @property
    def repository(self) -> Repository:
        return self.project.repository

    def application(self, name: str = "", source: Any = None, **options: Any) -> Application:
        """Create the application of ``notifications/application.yaml`` on this repository and in its own namespace."""
        example = controllers.example("notifications/application.yaml")
        annotations = example["metadata"]["annotations"]
        annotations["notifications.argoproj.io/subscribe.gitlab"] = self.project.path
        annotations |= options.pop("annotations", {})
        application = self.sandbox.application(name or self.name, source or self.repository, **options)
        self.annotate(application, annotations)
        return application

    def annotate(self, application: Application, annotations: dict[str, str | None]) -> None:
        words = [f"{key}={value}" if value is not None else f"{key}-" for key, value in annotations.items()]
        self.sandbox.kubectl("annotate", "application", application.name, "-n", "argocd", "--overwrite", *words)

    def push(self, files: dict[str, str | None], *applications: Application) -> str:
        revision = self.repository.commit(files)
        for application in applications:
            application.refresh()
        return revision

    def expect(self, records: Records, environment: str = "", seconds: float = SECONDS) -> None:
        """Assert that the project has exactly these records in time, and no more a while later."""
        deadline = time.monotonic() + seconds
        while self.project.records(environment) != records and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.project.records(environment) == records, self.why()
        time.sleep(QUIET)
        assert self.project.records(environment) == records, self.why()

    def why(self) -> str:
        return f"{self.gitlab.calls[-6:]}\n{controllers.log(self.sandbox, 'notifications')[-4000:]}"


@pytest.fixture
def shop(sandbox: Sandbox, gitlab: GitLab, name: str) -> Shop:
    project = gitlab.project(f"team/{name}", sandbox.repository(f"team/{name}"))
    return Shop(sandbox=sandbox, gitlab=gitlab, project=project, name=name)


def test_a_release_a_crash_a_fix_and_a_revert(shop: Shop) -> None:
    first = shop.repository.commit(web("1"))
    application = shop.application()
    shop.expect([(first, "success")])
    record = shop.project.deployments[0]
    assert (record.environment, record.ref, record.tag) == ("dev/frontend", "main", False)

    crashing = shop.push(web("2", fate="crash", deadline=3), application)
    shop.expect([(first, "success"), (crashing, "failed")])

    fixed = shop.push(web("3"), application)
    shop.expect([(first, "success"), (crashing, "failed"), (fixed, "success")])

    # The very content of the first revision, in a commit of its own.
    reverted = shop.push(web("1"), application)
    shop.expect([(first, "success"), (crashing, "failed"), (fixed, "success"), (reverted, "success")])


def test_from_healthy_to_the_record(shop: Shop) -> None:
    application_name = shop.name
    first = shop.repository.commit(web("1"))
    application = shop.application()
    shop.expect([(first, "success")])
    late: list[tuple[float, float]] = []
    for tag in ("2", "3", "4"):
        with application.changes() as changes:
            revision = shop.push(web(tag, ready_after="2s"), application)
            eventually(lambda revision=revision: changes.has(delivered(revision)))  # type: ignore[misc]
            stopwatch = Stopwatch()
            eventually(lambda revision=revision: (revision, "success") in shop.project.records())  # type: ignore[misc]
        told = next(call.at for call in shop.gitlab.asked("POST", application_name) if call.body["sha"] == revision)
        late.append((told - changes.first(delivered(revision)), stopwatch.stalled()))
    print(f"from Healthy to GitLab's answer: {', '.join(f'{seconds:.2f}' for seconds, _ in late)} s")
    for seconds, stalled in late:
        check(seconds, stalled=stalled, promised=3.0, busy=10.0)


def test_a_failed_sync(shop: Shop) -> None:
    first = shop.repository.commit(web("1"))
    application = shop.application(retry_limit=0)
    shop.expect([(first, "success")])

    # With a change beside it: a hook alone makes nothing OutOfSync.
    hook = {"job.yaml": manifests.hook("migrate", "PreSync", fate="fail")}
    refused = shop.push({**web("2"), **hook}, application)
    shop.expect([(first, "success"), (refused, "failed")])


def test_resyncs_without_a_change_make_no_record(shop: Shop) -> None:
    first = shop.repository.commit(web("1"))
    application = shop.application()
    shop.expect([(first, "success")])
    for _ in range(3):
        shop.sandbox.argocd("app", "sync", application.name)
    shop.expect([(first, "success")])


def test_gitlab_down_and_back(shop: Shop) -> None:
    shop.gitlab.down = 502
    try:
        first = shop.repository.commit(web("1"))
        application = shop.application()
        application.wait_for(delivered(first))
        # The attempts of one delivery: one and three more, after 1, 2 and 4 seconds.
        eventually(lambda: len(shop.gitlab.asked("POST", shop.name)) >= 4)
        assert shop.project.records() == []
    finally:
        shop.gitlab.down = 0
    # The application is not refreshed. The controller compares by itself, at least every minute.
    shop.expect([(first, "success")], seconds=75)


def test_too_many_requests(shop: Shop) -> None:
    shop.gitlab.limited, shop.gitlab.retry_after = 2, 2
    first = shop.repository.commit(web("1"))
    shop.application()
    shop.expect([(first, "success")])
    assert [call.status for call in shop.gitlab.asked("POST", shop.name)][:3] == [429, 429, 201]


def test_two_applications_of_one_project(shop: Shop) -> None:
    files = {f"{part}/{path}": text for part in ("api", "ui") for path, text in web("1", part).items()}
    first = shop.repository.commit(files)
    names = {part: f"{shop.name}-{part}" for part in ("api", "ui")}
    made = {
        part: shop.application(name, path=part, annotations={"argocd-release/environment": None})
        for part, name in names.items()
    }
    for name in names.values():
        shop.expect([(first, "success")], environment=name)

    # A commit of one of them moves the revision that the other is compared with, and deploys nothing of it.
    second = shop.push({f"ui/{path}": text for path, text in web("2", "ui").items()}, *made.values())
    shop.expect([(first, "success"), (second, "success")], environment=names["ui"])
    made["api"].wait_for(lambda state: state["status"]["sync"]["revision"] == second)
    shop.expect([(first, "success")], environment=names["api"])


def test_several_sources(shop: Shop) -> None:
    """The revision of the project's own repository, wherever it stands among the sources."""
    values = shop.sandbox.repository(f"{shop.name}-values")
    values.commit({"map.yaml": manifests.config_map("settings", colour="blue")})
    first = shop.repository.commit(web("1"))
    application = shop.application(source=[values.source(), shop.repository.source()])
    shop.expect([(first, "success")])

    values.commit({"map.yaml": manifests.config_map("settings", colour="red")})
    second = shop.push(web("2"), application)
    application.wait_for(lambda state: second in revisions(state))
    shop.expect([(first, "success"), (second, "success")])


def test_a_tag(shop: Shop) -> None:
    first = shop.repository.commit(web("1"))
    shop.repository.git("tag", "v1.2.0")
    source = shop.repository.source(revision="v1.2.0")
    shop.application(source=source, annotations={"argocd-release/ref": None})
    shop.expect([(first, "success")])
    assert (shop.project.deployments[0].ref, shop.project.deployments[0].tag) == ("v1.2.0", True)


def test_an_application_without_a_revision_says_nothing(shop: Shop) -> None:
    shop.repository.commit({"readme": "nothing to deploy"})
    application = shop.application(path="nowhere")
    application.wait_for(lambda state: bool(state.get("status", {}).get("conditions")))
    shop.expect([])
    assert shop.gitlab.asked("POST", shop.name) == []


def test_running_stays_for_ever(shop: Shop) -> None:
    """Why that trigger is not among the default ones."""
    first = shop.repository.commit({**web("1"), "hook.yaml": manifests.hook("wait", "PostSync", ends_after="4s")})
    shop.application(
        annotations={"notifications.argoproj.io/subscribe.gitlab-deployment-running.gitlab": shop.project.path}
    )
    shop.expect([(first, "running"), (first, "success")])


def revisions(state: dict[str, Any]) -> list[str]:
    operation = state["status"].get("operationState", {})
    found: list[str] = operation.get("syncResult", {}).get("revisions", [])
    return found


FRAGMENT_ERROR = "in operand"
# To the letter, but for the address.
FRAGMENT = {
    "service.webhook.guide": """
url: API/projects/PROJECT/deployments
headers:
  - name: PRIVATE-TOKEN
    value: $gitlab-token
  - name: Content-Type
    value: application/json
""",
    "template.guide-deployment": r"""
webhook:
  guide:
    method: POST
    body: |
      {
        "environment": "{{.app.spec.destination.namespace}}",
        "sha": "{{.app.status.sync.revision}}",
        "ref": "main",
        "status": "{{if eq .app.status.health.status \"Healthy\"}}success{{else}}failed{{end}}"
      }
""",
    "trigger.guide-deployed": """
- when: app.status.sync.status == 'Synced' and app.status.health.status == 'Healthy'
  send: [guide-deployment]
""",
}


def test_the_fragment_that_goes_around_never_makes_a_record(shop: Shop, request: pytest.FixtureRequest) -> None:
    """With its quotes no notification is sent at all; without, GitLab misses `tag`; and it can only say success."""
    own = controllers.example("notifications/argocd-notifications-cm.yaml")
    request.addfinalizer(lambda: shop.sandbox.apply(own))
    project = str(shop.project.id)
    data = {key: text.replace("API", shop.gitlab.api).replace("PROJECT", project) for key, text in FRAGMENT.items()}
    shop.sandbox.apply(own | {"data": own["data"] | data})
    shop.repository.commit(web("1"))
    subscription = {"notifications.argoproj.io/subscribe.guide-deployed.guide": ""}
    shop.application(annotations=subscription | {"notifications.argoproj.io/subscribe.gitlab": None})
    eventually(lambda: FRAGMENT_ERROR in controllers.log(shop.sandbox, "notifications"))

    data["template.guide-deployment"] = data["template.guide-deployment"].replace('\\"', "`")
    shop.sandbox.apply(own | {"data": own["data"] | data})
    shop.annotate(Application(cluster=shop.sandbox, name=shop.name, namespace=shop.name), {"touched": "once"})
    eventually(lambda: bool(shop.gitlab.asked("POST", f"projects/{project}/")))
    assert {call.status for call in shop.gitlab.asked("POST", f"projects/{project}/")} == {400}
    assert shop.project.records() == []
