"""The purpose of each right: each is withheld in turn, and the effect must match the guide's table."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import ANSWERS
from argocd_release.model.outcome import Outcome
from argocd_release.model.resource_tree import Node
from sandbox.commands import CommandError
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.diff_job import Diff, diff
from tests.support.job import Checked, Release, doctor
from tests.support.waiting import eventually

TABLE: Final = Path(__file__).parents[2] / "docs" / "rights.json"
PROJECT: Final = "rights"
RIGHTS: Final = ("applications, get", "projects, get", "logs, get", "applications, sync")
# As Argo CD 3 has it always.
ENFORCED: Final = {"server.rbac.log.enforce.enable": "true"}


@pytest.fixture(scope="module")
def application(sandbox: Sandbox) -> Iterator[str]:
    sandbox.project(PROJECT)
    repository = sandbox.repository("rights")
    repository.commit(web("1"))
    _configure(sandbox, ENFORCED)
    sandbox.application("rights", repository, project=PROJECT)
    yield "rights"
    _configure(sandbox, dict.fromkeys(ENFORCED))


def _configure(sandbox: Sandbox, data: Mapping[str, str | None]) -> None:
    patch = json.dumps({"data": data})
    sandbox.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type", "merge", "-p", patch)


def with_rights(sandbox: Sandbox, name: str, rights: tuple[str, ...]) -> str:
    """Return a token of an account with these rights in the project, once Argo CD knows them."""
    token = sandbox.token(
        name, tuple(f"{right}, {PROJECT}{'' if 'projects' in right else '/*'}, allow" for right in rights)
    )

    def known() -> bool:
        resource, action = rights[-1].split(", ")
        thing = PROJECT if resource == "projects" else f"{PROJECT}/rights"
        try:
            return sandbox.argocd("account", "can-i", action, resource, thing, token=token).strip() == "yes"
        except CommandError:
            return False

    eventually(known)
    return token


def works(ask: Callable[[], object]) -> bool:
    """Return True if Argo CD answers, False if it refuses. Without an answer, ask again."""
    answers: list[bool] = []

    def answered() -> bool:
        try:
            ask()
        except ArgoCDError as error:
            if error.kind not in ANSWERS:
                return False
            answers.append(False)
        else:
            answers.append(True)
        return True

    eventually(answered)
    return answers[0]


def is_allowed(ask: Callable[[], object]) -> bool:
    """Return False if Argo CD says that the token lacks the right. It can refuse the request for another reason."""
    kinds: list[FailureKind | None] = []

    def answered() -> bool:
        try:
            ask()
        except ArgoCDError as error:
            kinds.append(error.kind)
        else:
            kinds.append(None)
        return kinds[-1] is None or kinds[-1] in ANSWERS

    eventually(answered)
    return kinds[-1] is not FailureKind.DENIED


def ended_well(run: Callable[[], Release | Checked | Diff]) -> bool:
    """Likewise of a whole run."""
    codes: list[int] = []

    def judged() -> bool:
        codes.append(run().exit_code)
        return codes[-1] != Outcome.UNREACHABLE.exit_code

    eventually(judged)
    return codes[-1] == 0


# Five accounts, each of which releases, asks and is examined.
@pytest.mark.timeout(600)
def test_what_each_right_is_needed_for(
    sandbox: Sandbox, application: str, release: Callable[..., Release], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    def working(token: str) -> dict[str, bool]:
        environ = sandbox.environment(token=token)
        connection = Connection(server=environ["ARGOCD_SERVER"], auth_token=token, opts=environ["ARGOCD_OPTS"])
        with ArgoCD(environ, echo=lambda _: None) as argocd, Api(connection) as api:
            return {
                "track": ended_well(lambda: release(application, ARGOCD_AUTH_TOKEN=token)),
                "logs": works(lambda: api.log(application, pod, "web", previous=False, lines=5)),
                "events": works(lambda: api.events(application, pod)),
                "sync": works(lambda: argocd.sync(application, seconds=10)),
                "terminate": is_allowed(lambda: argocd.terminate(application, seconds=10)),
                "sync windows": works(lambda: api.sync_window(application, PROJECT)),
                "doctor": ended_well(lambda: doctor(environ | {"ARGOCD_APP_NAME": application}, tmp_path)),
                "diff": ended_well(lambda: diff(sandbox, tmp_path / "diff", of_diff, token=token)),
            }

    repository = Repository(folder=sandbox.folder / "repositories" / "rights.git")
    commit = repository.git("rev-parse", "HEAD").strip()
    of_diff = {"ARGOCD_APP_NAME": application, "CI_COMMIT_SHA": commit, "CI_REPOSITORY_URL": repository.url}
    everything = with_rights(sandbox, "rights-all", RIGHTS)
    pod = _pod(sandbox, application, everything)
    all_of_it = working(everything)
    needed = {right: [what for what, does in working(_without(sandbox, right)).items() if not does] for right in RIGHTS}

    assert all(all_of_it.values()), all_of_it
    found = json.dumps({"argocd": sandbox.layout.release.version, "needed": needed}, indent=1) + "\n"
    if pytestconfig.getoption("accept"):
        TABLE.write_text(found, encoding="utf-8")
    assert needed == json.loads(TABLE.read_text("utf-8"))["needed"]


def test_a_release_is_warned_once_of_what_no_release_needs(
    sandbox: Sandbox, release: Callable[..., Release], name: str
) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", ready_after="10s"))
    sandbox.application(name, repository)

    ended = release(name, ARGOCD_AUTH_TOKEN=sandbox.admin_token)

    assert ended.exit_code == 0, ended.log
    assert ended.log.count("warning: the token has more rights than a release needs") == 1, ended.log
    # The server's version is the doctor's business.
    assert "CVE-2025-55190" not in ended.log


def _without(sandbox: Sandbox, right: str) -> str:
    rest = tuple(other for other in RIGHTS if other != right)
    return with_rights(sandbox, f"rights-no-{right.replace(', ', '-')}", rest)


def _pod(sandbox: Sandbox, application: str, token: str) -> Node:
    environ = sandbox.environment(token=token)
    connection = Connection(server=environ["ARGOCD_SERVER"], auth_token=token, opts=environ["ARGOCD_OPTS"])
    with Api(connection) as api:
        serving_pods: list[Node] = []

        def seen() -> bool:
            return works(lambda: serving_pods.extend(api.tree(application).serving_pods)) and bool(serving_pods)

        eventually(seen)
        return serving_pods[0]
