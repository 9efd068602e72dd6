"""The diff of a merge request on the sandbox: what it shows, what it skips, and what it never shows."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from sandbox import manifests
from sandbox.application import delivered
from sandbox.commands import CommandError
from sandbox.git import BRANCH, Repository
from sandbox.sandbox import Sandbox
from tests.support import gitlab_api
from tests.support.diff_job import Diff, diff, merge_request, variables
from tests.support.gitlab_rules import check_junit
from tests.support.hostile import MARKUP
from tests.support.waiting import eventually

SCHEMA: Final = Draft202012Validator(
    json.loads(resources.files("argocd_release.diff").joinpath("diff.schema.json").read_text("utf-8"))
)
# All applications are deployed before the first test.
pytestmark = pytest.mark.timeout(600)
IMAGE: Final = "registry.example.com/web"
HIDDEN: Final = "never-to-be-shown"
Files = Mapping[str, str | None]


def plain(kind: str, name: str, version: str = "v1", **fields: Any) -> str:
    metadata = {"name": name} | fields.pop("metadata", {})
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": metadata} | fields)


def config(colour: str = "blue", name: str = "settings", **fields: Any) -> str:
    return plain("ConfigMap", name, data={"colour": colour}, **fields)


def secret(value: str, name: str = "password", **more: str) -> str:
    return plain("Secret", name, stringData={"password": f"{HIDDEN}-{value}"} | more)


def changed(text: str, **spec: Any) -> str:
    document = json.loads(text)
    document["spec"] |= spec
    return json.dumps(document)


def web(tag: str = "1", **spec: Any) -> str:
    return changed(manifests.deployment("web", f"{IMAGE}:{tag}"), **spec)


def sets(**spec: Any) -> str:
    return changed(manifests.stateful_set("db", f"{IMAGE}:1"), **spec)


def kustomized(folder: str, tag: str = "1", base: str = "../base") -> dict[str, str]:
    return {
        "base/web.yaml": web(),
        "base/kustomization.yaml": manifests.kustomization("web.yaml"),
        f"{folder}/kustomization.yaml": manifests.kustomization(base, images=[{"name": IMAGE, "newTag": tag}]),
    }


def chart(tag: str) -> dict[str, str]:
    files = manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1")
    return {f"chart/{path}": text for path, text in files.items()} | {
        "values.yaml": json.dumps({"image": {"repository": IMAGE, "tag": tag}})
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """A merge request and what the diff of it must say.

    Attributes:
        counts: the numbers of added, changed and removed resources; None if the application is not compared.
        dangers: a part of each warning, in their order.
        says: a part of the log.
        code: the cause if the application cannot be compared.
    """

    before: Files
    after: Files
    counts: tuple[int, int, int] | None
    path: str = "."
    exit_code: int = 0
    dangers: tuple[str, ...] = ()
    says: str = ""
    code: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


ONE: Final = {"a.yaml": config(), "b.yaml": config(name="other")}
KEPT: Final = {"argocd.argoproj.io/sync-options": "Prune=false"}
CLAIM: Final = manifests.claim("data")
CASES: Final[dict[str, Case]] = {
    "image": Case(before={"web.yaml": web()}, after={"web.yaml": web("2")}, counts=(0, 1, 0), says=f"+      - image: {IMAGE}:2"),
    "added": Case(before=ONE, after={"c.yaml": config(name="new")}, counts=(1, 0, 0), says="+++ ConfigMap"),
    "data-of-a-config-map": Case(before=ONE, after={"a.yaml": config("red")}, counts=(0, 1, 0), says="+  colour: red"),
    "removed": Case(before=ONE, after={"b.yaml": None}, counts=(0, 0, 1), dangers=("ConfigMap/other would be deleted",)),
    "removed-kept": Case(
        before={"a.yaml": config(), "b.yaml": config(name="other", metadata={"annotations": KEPT})},
        after={"b.yaml": None}, counts=(0, 0, 1),
    ),
    "removed-without-prune": Case(before=ONE, after={"b.yaml": None}, counts=(0, 0, 1), options={"prune": False}),
    "never-synced": Case(
        before=ONE, after={"b.yaml": None}, counts=(1, 0, 0), options={"automated": False}, says="the cluster already differs",
    ),
    "white-space": Case(before={"a.yaml": config()}, after={"a.yaml": f"\n{json.dumps(json.loads(config()), indent=4)}\n\n"}, counts=(0, 0, 0)),
    "comment": Case(before={"a.yaml": config()}, after={"a.yaml": f"# a comment\n{config()}"}, counts=(0, 0, 0), says="changes nothing in the cluster"),
    "secret-value": Case(before={"s.yaml": secret("1")}, after={"s.yaml": secret("2")}, counts=(0, 0, 0), says="Argo CD hides the values"),
    "secret-key": Case(before={"s.yaml": secret("1")}, after={"s.yaml": secret("1", token=f"{HIDDEN}-3")}, counts=(0, 1, 0), says="+data.token: [the key; values are not shown]"),
    "secret-added": Case(before=ONE, after={"s.yaml": secret("1")}, counts=(1, 0, 0), says="Secret"),
    "secret-removed": Case(before=ONE | {"s.yaml": secret("1")}, after={"s.yaml": None}, counts=(0, 0, 1), dangers=("Secret/password",)),
    "claim-removed": Case(before=ONE | {"c.yaml": CLAIM}, after={"c.yaml": None}, counts=(0, 0, 1), dangers=("Its data is lost",)),
    "claim-class": Case(
        before=ONE | {"c.yaml": CLAIM}, after={"c.yaml": changed(CLAIM, accessModes=["ReadWriteMany"])}, counts=(0, 1, 0),
        dangers=("spec.accessModes",),
    ),
    "namespace-removed": Case(
        before=ONE | {"n.yaml": plain("Namespace", "diff-team")}, after={"n.yaml": None}, counts=(0, 0, 1),
        dangers=("Namespace/diff-team would be deleted: it is no longer in git, and Argo CD prunes it. Kubernetes then deletes",),
    ),
    "stateful-set": Case(before={"s.yaml": sets()}, after={"s.yaml": sets(podManagementPolicy="Parallel")}, counts=(0, 1, 0), dangers=("spec.podManagementPolicy",)),
    "stateful-set-scaled": Case(before={"s.yaml": sets(replicas=1)}, after={"s.yaml": sets(replicas=2)}, counts=(0, 1, 0)),
    "selector": Case(
        before={"web.yaml": web()}, after={"web.yaml": web().replace('"app": "web"', '"app": "web", "tier": "front"')},
        counts=(0, 1, 0), dangers=("spec.selector",),
    ),
    "to-zero": Case(before={"web.yaml": web(replicas=2)}, after={"web.yaml": web(replicas=0)}, counts=(0, 1, 0), dangers=("from 2 to 0",)),
    "crd-and-its-object": Case(
        before=ONE, after={"zoo.yaml": plain("Zoo", "berlin", "zoos.example.com/v1", spec={"animals": 3})}, counts=(1, 0, 0), says="Zoo.zoos.example.com",
    ),
    "hook": Case(before=ONE, after={"h.yaml": manifests.hook("migrate", phase="PreSync")}, counts=(0, 0, 0)),
    "kustomize": Case(before=kustomized("live"), after=kustomized("live", "2"), counts=(0, 1, 0), path="live"),
    "kustomize-base": Case(before=kustomized("live"), after={"base/web.yaml": web(replicas=3)}, counts=(0, 1, 0), path="live"),
    "kustomize-broken": Case(
        before=kustomized("live"), after=kustomized("live", base="../gone"), counts=None, path="live", exit_code=10, code="comparison-error",
        says="accumulating resources",
    ),
    "helm": Case(
        before=chart("1"), after={"values.yaml": chart("2")["values.yaml"]}, counts=(0, 1, 0), path="chart",
        options={"source": {"helm": {"valueFiles": ["../values.yaml"]}}},
    ),
    "helm-broken": Case(
        before=chart("1"), after={"chart/templates/bad.yaml": "{{ .Values.image.tag | nosuchfunction }}"}, counts=None, path="chart",
        exit_code=10, code="comparison-error", says="nosuchfunction",
    ),
    "path-gone": Case(before={"app/a.yaml": config(), "x": "x"}, after={"app/a.yaml": None}, counts=None, path="app", exit_code=10, code="path-missing"),
    "not-touched": Case(before={"app/a.yaml": config(), "docs.md": "x"}, after={"docs.md": "y"}, counts=None, path="app", says="touches none of its paths (app)"),
    "not-touched-but-asked": Case(
        before={"app/a.yaml": config(), "docs.md": "x"}, after={"docs.md": "y"}, counts=(0, 0, 0), path="app", environ={"RELEASE_DIFF_SCOPE": "all"},
    ),
    "annotation-touched": Case(
        before={"app/a.yaml": config(), "shared/x": "x"}, after={"shared/x": "y"}, counts=(0, 0, 0), path="app",
        annotations={"argocd.argoproj.io/manifest-generate-paths": ".;/shared"},
    ),
    "annotation-not-touched": Case(
        before={"app/a.yaml": config(), "app/sub/x": "x"}, after={"other": "y"}, counts=None, path="app",
        annotations={"argocd.argoproj.io/manifest-generate-paths": "."}, says="touches none",
    ),
    "other-branch": Case(
        before=ONE, after={"a.yaml": config("red")}, counts=None, environ={"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "production"},
        says="it tracks main, but the merge request targets production",
    ),
    "ignored-difference": Case(
        before={"web.yaml": web(replicas=1)}, after={"web.yaml": web(replicas=3)}, counts=(0, 0, 0),
        options={"ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]},
    ),
    "no-base": Case(
        before=ONE, after={"a.yaml": config("red")}, counts=(0, 1, 0), environ={"CI_MERGE_REQUEST_DIFF_BASE_SHA": ""},
        says="so every application of this repository is compared",
    ),
    "unknown-commit": Case(
        before=ONE, after={"a.yaml": config("red")}, counts=None, exit_code=10, code="comparison-error",
        environ={"CI_COMMIT_SHA": "0123456789" * 4}, says="make sure that Argo CD can fetch the commit",
    ),
    "fails-on-difference": Case(before=ONE, after={"a.yaml": config("red")}, counts=(0, 1, 0), exit_code=16, environ={"RELEASE_DIFF_FAIL_ON": "difference"}),
    "fails-on-danger": Case(
        before=ONE, after={"b.yaml": None}, counts=(0, 0, 1), exit_code=16, dangers=("ConfigMap/other",), environ={"RELEASE_DIFF_FAIL_ON": "dangerous"},
    ),
    "no-danger": Case(before=ONE, after={"a.yaml": config("red")}, counts=(0, 1, 0), environ={"RELEASE_DIFF_FAIL_ON": "dangerous"}),
    "markup": Case(before=ONE, after={"a.yaml": config("\n".join(["/close", "@all", "```", "section_end:1:x", *MARKUP]))}, counts=(0, 1, 0)),
    "300-objects": Case(
        before={f"{number}.yaml": config(name=f"settings-{number}") for number in range(300)},
        after={f"{number}.yaml": config("red", name=f"settings-{number}") for number in range(300)},
        counts=(0, 300, 0),
    ),
}  # fmt: skip


def name_of(case: str) -> str:
    return f"diff-{case}"


@pytest.fixture(scope="module")
def deployed(sandbox: Sandbox, request: pytest.FixtureRequest) -> Sandbox:
    """Deploy the applications of all chosen cases at once."""
    chosen = [item.name.partition("[")[2].rstrip("]") for item in request.session.items if item.path == request.path]
    running = {}
    for name in filter(None, dict.fromkeys(chosen)):
        case = CASES[name]
        repository = sandbox.repository(name_of(name))
        revision = repository.commit(dict(case.before))
        options = dict(case.options)
        if source := options.pop("source", None):
            options["source"] = None
            application = sandbox.application(name_of(name), repository.source(case.path, **source))
        else:
            application = sandbox.application(name_of(name), repository, path=case.path, **options)
        if case.annotations:
            sandbox.merge(
                f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{name_of(name)}",
                {"metadata": {"annotations": dict(case.annotations)}},
            )
        running[name] = application, revision
    for name, (application, revision) in running.items():
        automated = CASES[name].options.get("automated", True)
        application.wait_for(partial(is_compared, revision=revision, synced=automated), 300)
    return sandbox


def is_compared(state: Mapping[str, Any], revision: str, *, synced: bool) -> bool:
    sync = state.get("status", {}).get("sync", {})
    return sync.get("revision") == revision and (not synced or sync.get("status") == "Synced")


@pytest.mark.parametrize("name", CASES)
def test_the_diff_of_a_merge_request(deployed: Sandbox, tmp_path: Path, name: str) -> None:
    case, application = CASES[name], name_of(name)
    repository = deployed_repository(deployed, application)
    base, commit = merge_request(repository, dict(case.after))

    done = diff(
        deployed, tmp_path, {"ARGOCD_APP_NAME": application, **variables(repository, base, commit), **case.environ}
    )

    assert done.exit_code == case.exit_code, done.log
    SCHEMA.validate(done.report)
    result = done.application(application)
    if case.counts is None:
        assert result["state"] == ("failed" if case.code else "skipped"), done.log
        assert result["code"] == case.code
    else:
        assert (result["added"], result["changed"], result["removed"]) == case.counts, done.log
    warned = [danger for change in result["changes"] for danger in change["dangers"]]
    assert len(warned) == len(case.dangers), warned
    assert all(part in danger for part, danger in zip(case.dangers, warned, strict=False)), warned
    assert case.says in done.log
    check(done)


def deployed_repository(sandbox: Sandbox, name: str) -> Repository:
    return Repository(folder=sandbox.folder / "repositories" / f"{name}.git")


def check(done: Diff) -> None:
    """Assert what must hold for every run."""
    assert HIDDEN not in done.everything
    assert check_junit(done.text(".xml")) is not None
    assert "managedFields" not in done.everything
    assert not re.search(r"^(?!  \| ).*section_(start|end)", done.log, re.MULTILINE)


def test_several_sources(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    charts, values = sandbox.repository(f"{name}-chart"), sandbox.repository(name)
    charts.commit(chart("1"))
    values.commit({"values.yaml": chart("1")["values.yaml"], "other": "x"})
    sources = [
        charts.source("chart", helm={"valueFiles": ["$values/values.yaml"]}),
        {"repoURL": values.url, "targetRevision": BRANCH, "ref": "values"},
    ]
    application = sandbox.application(name, sources)
    application.wait_for(lambda state: state.get("status", {}).get("sync", {}).get("status") == "Synced", 90)

    def run(files: Files, folder: str) -> dict[str, Any]:
        variables_of = variables(values, *merge_request(values, files))
        return diff(sandbox, tmp_path / folder, {"ARGOCD_APP_NAME": name, **variables_of}).application(name)

    changed_values = run({"values.yaml": chart("2")["values.yaml"]}, "values")
    assert changed_values["changed"] == 1, changed_values
    assert f"+      - image: {IMAGE}:2" in changed_values["changes"][0]["diff"]
    assert run({"other": "y"}, "other")["state"] == "skipped"


def child(repository: Repository, name: str, path: str) -> str:
    spec = {
        "project": "default",
        "source": repository.source(path),
        "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
        "syncPolicy": {"automated": {"prune": True}, "syncOptions": ["CreateNamespace=true"]},
    }
    metadata = {"name": name, "namespace": "argocd"}
    return json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": spec})


def test_an_application_of_applications(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    repository = sandbox.repository(name)
    first, second = f"{name}-a", f"{name}-b"
    revision = repository.commit({"apps/a.yaml": child(repository, first, "a"), "a/a.yaml": config()})
    parent = sandbox.application(name, repository, path="apps", namespace="argocd")
    parent.wait_for(delivered(revision), 90)
    sandbox_child = f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{first}"
    wait_synced(sandbox, sandbox_child)
    files = {"apps/b.yaml": child(repository, second, "b"), "b/b.yaml": config(), "a/a.yaml": config("red")}
    given = variables(repository, *merge_request(repository, files))

    done = diff(sandbox, tmp_path, {"ARGOCD_APP_NAME": name, "RELEASE_CHILDREN": "true", **given})

    assert done.exit_code == 0, done.log
    assert done.application(name)["added"] == 1
    assert done.application(first)["changed"] == 1
    assert f"the application {second} is new" in done.log


def wait_synced(sandbox: Sandbox, path: str) -> None:
    def is_synced() -> bool:
        try:
            return bool(sandbox.get(path).get("status", {}).get("sync", {}).get("status") == "Synced")
        except CommandError:
            # It does not exist yet.
            return False

    eventually(is_synced, 90)


def test_a_group_by_its_label_and_its_count(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    repository = sandbox.repository(name)
    names = [f"{name}-{number}" for number in range(3)]
    revision = repository.commit({f"{each}/a.yaml": config() for each in names})
    running = [sandbox.application(each, repository, path=each, labels={"team": name}) for each in names]
    for application in running:
        application.wait_for(delivered(revision), 90)
    given = variables(repository, *merge_request(repository, {f"{names[0]}/a.yaml": config("red")}))
    given |= {"RELEASE_SELECTOR": f"team={name}"}

    done = diff(sandbox, tmp_path / "all", given | {"RELEASE_EXPECTED_COUNT": "3"})
    few = diff(sandbox, tmp_path / "few", given | {"RELEASE_EXPECTED_COUNT": "4"})

    assert done.exit_code == 0, done.log
    assert [each["state"] for each in done.report["applications"]] == ["compared", "skipped", "skipped"]
    assert few.exit_code == 14, few.log
    assert "but found 3" in few.log


def test_applications_of_an_application_set(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit({"a/a.yaml": config(), "b/b.yaml": config(name="other")})
    generated = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "generators": [{"list": {"elements": [{"folder": "a"}, {"folder": "b"}]}}],
            "template": {
                "metadata": {"name": f"{name}-{{{{folder}}}}", "labels": {"set": name}},
                "spec": json.loads(child(repository, name, "{{folder}}"))["spec"],
            },
        },
    }
    with sandbox.using("applicationset-controller"):
        sandbox.apply(generated)
        for folder in ("a", "b"):
            wait_synced(sandbox, f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{name}-{folder}")
    given = variables(repository, *merge_request(repository, {"b/b.yaml": None, "b/c.yaml": config(name="new")}))

    done = diff(sandbox, tmp_path, given | {"RELEASE_SELECTOR": f"set={name}"})

    assert done.exit_code == 0, done.log
    assert done.application(f"{name}-a")["state"] == "skipped"
    compared = done.application(f"{name}-b")
    assert (compared["added"], compared["removed"]) == (1, 1)


def test_an_application_that_does_not_exist_yet(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(dict(ONE))
    given = variables(repository, *merge_request(repository, {"a.yaml": config("red")}))

    done = diff(sandbox, tmp_path, given | {"ARGOCD_APP_NAME": name})

    assert done.exit_code == 14, done.log
    assert done.application(name)["code"] == "application-missing"
    assert "compare its parent application" in done.log


def test_a_fork_is_left_alone(tmp_path: Path, sandbox: Sandbox) -> None:
    environ = {"CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "ARGOCD_AUTH_TOKEN": ""}

    done = diff(sandbox, tmp_path, environ)

    assert done.exit_code == 0, done.log
    assert "comes from a fork" in done.log
    assert not list(tmp_path.iterdir())


RIGHTS: Final = ("applications, get", "projects, get")


def test_the_rights_that_a_diff_needs(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """Each right is withheld in turn."""
    repository = sandbox.repository(name)
    revision = repository.commit(dict(ONE))
    sandbox.application(name, repository).wait_for(delivered(revision), 90)
    given = variables(repository, *merge_request(repository, {"a.yaml": config("red")})) | {"ARGOCD_APP_NAME": name}

    def run(*rights: str) -> Diff:
        policy = tuple(f"{right}, {'*' if right.startswith('projects') else '*/*'}, allow" for right in rights)
        account = f"{name[:20]}-{len(rights)}-{rights[0][:4] if rights else 'none'}"
        return diff(sandbox, tmp_path / account, given, token=sandbox.token(account, policy))

    assert run(*RIGHTS).exit_code == 0
    without_project = run(RIGHTS[0])
    assert without_project.exit_code == 31, without_project.log
    assert "projects, get" in without_project.log
    assert run(RIGHTS[1]).exit_code in {14, 31}
    assert run().exit_code in {14, 31}


def test_one_comment_that_each_run_renews(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit({"a.yaml": config(), "docs/x": "x"})
    sandbox.application(name, repository).wait_for(delivered(revision), 90)
    base, commit = merge_request(repository, {"a.yaml": config("red\n/close\n```\n@all")})
    with gitlab_api.serving() as gitlab:
        project = gitlab.project("shop/web", repository)
        request = project.open("merge-request", commit)
        given = variables(repository, base, commit) | {
            "ARGOCD_APP_NAME": name,
            "CI_API_V4_URL": gitlab.api,
            "CI_PROJECT_ID": str(project.id),
            "CI_MERGE_REQUEST_PROJECT_ID": str(project.id),
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": str(project.id),
            "CI_MERGE_REQUEST_IID": str(request.iid),
            "RELEASE_GITLAB_TOKEN": gitlab.token(),
            "RELEASE_MR_NOTE": "true",
        }
        first = diff(sandbox, tmp_path / "1", given)
        written = [note.body for note in request.notes]
        second_base, second = merge_request(repository, {"docs/x": "y", "a.yaml": config()})
        again = diff(
            sandbox, tmp_path / "2", given | {"CI_COMMIT_SHA": second, "CI_MERGE_REQUEST_DIFF_BASE_SHA": second_base}
        )

    assert (first.exit_code, again.exit_code) == (0, 0), first.log + again.log
    assert len(written) == 1, first.log
    assert "This merge request would change 1 application" in written[0]
    assert f"| `{name}` | 0 | 1 | 0 |" in written[0]
    assert not re.search(r"^\s*/close", written[0], re.MULTILINE)
    assert len(request.notes) == 1
    assert "changes nothing in the cluster" in request.notes[0].body


def test_one_application_and_fifty(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """The limits of the issue, in CPU time, which other programs on this machine do not change."""
    repository = sandbox.repository(name)
    names = [f"{name}-{number}" for number in range(50)]
    revision = repository.commit({f"{each}/a.yaml": config() for each in names})
    running = [sandbox.application(each, repository, path=each, labels={"team": name}) for each in names]
    for application in running:
        application.wait_for(delivered(revision), 170)
    files = {f"{each}/a.yaml": config("red") for each in names}
    given = variables(repository, *merge_request(repository, files))

    one = diff(sandbox, tmp_path / "one", given | {"ARGOCD_APP_NAME": names[0]})
    all_of_them = diff(sandbox, tmp_path / "all", given | {"RELEASE_SELECTOR": f"team={name}"})

    plain = [seconds_of_plain(sandbox, each, given["CI_COMMIT_SHA"]) for each in names]

    assert (one.exit_code, all_of_them.exit_code) == (0, 0), one.log + all_of_them.log
    assert sum(each["changed"] for each in all_of_them.report["applications"]) == len(names)
    print(
        f"one: {one.seconds:.2f} s, {one.cpu_seconds:.2f} s of CPU; argocd app diff: {plain[0]:.2f} s\n"
        f"fifty: {all_of_them.seconds:.2f} s, {all_of_them.cpu_seconds:.2f} s of CPU; argocd app diff: {sum(plain):.2f} s"
    )
    assert one.cpu_seconds < 2
    assert all_of_them.cpu_seconds < 2 * 20


def seconds_of_plain(sandbox: Sandbox, application: str, commit: str) -> float:
    """Return the time of ``argocd app diff`` itself."""
    started = time.monotonic()
    output = sandbox.argocd("app", "diff", application, "--revision", commit, "--exit-code=false")
    assert "colour: red" in output
    return time.monotonic() - started
