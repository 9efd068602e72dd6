"""A job signs in with the identity that GitLab gives it: its token is the bearer token (Argo CD's `oidc.config`)."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from argocd_release.messages import doctor as messages
from sandbox.sandbox import Sandbox
from scenarios.dsl import literal, web
from tests.support.identity import GitLab, gitlab
from tests.support.job import Release
from tests.support.realm import AUDIENCE, ISSUER, PROJECT, Realm, realm, snippet

Run = Callable[..., Release]
READY_SECONDS: Final = 20.0


@pytest.fixture(scope="module")
def direct(sandbox: Sandbox) -> Iterator[Realm]:
    """Argo CD's own OpenID Connect provider is that GitLab."""
    with gitlab() as issuer, realm(sandbox, issuer, "oidc", {ISSUER: issuer.url}) as found:
        yield found


def test_a_job_of_the_project_on_its_protected_branch(direct: Realm, release: Run) -> None:
    ended = release(direct.application, RELEASE_ID_TOKEN=direct.gitlab.id_token(AUDIENCE), ARGOCD_AUTH_TOKEN="stale")

    assert ended.exit_code == 0, ended.log


def test_an_identity_in_a_file(direct: Realm, release: Run, tmp_path: Path) -> None:
    """As `secrets:` hands it over."""
    file = tmp_path / "token"
    file.write_text(direct.gitlab.id_token(AUDIENCE) + "\n")

    ended = release(direct.application, RELEASE_ID_TOKEN=str(file), ARGOCD_AUTH_TOKEN="")

    assert ended.exit_code == 0, ended.log


def test_it_may_not_see_another_project(direct: Realm, release: Run) -> None:
    ended = release(direct.foreign, RELEASE_ID_TOKEN=direct.gitlab.id_token(AUDIENCE))

    # It can read applications of that name only in its own project, so this one does not exist for it.
    assert ended.exit_code == 14, ended.log


REFUSED: Final = {
    "another project": {"project_path": "platform/other"},
    "another branch": {"ref": "feature", "ref_protected": "false"},
    "a tag of the same name": {"ref_type": "tag"},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_other_jobs_may_nothing(direct: Realm, release: Run, claims: dict[str, str]) -> None:
    token = direct.gitlab.id_token(AUDIENCE, claims)

    ended = release(direct.application, RELEASE_ID_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert "permission denied" in ended.cause


INVALID: Final[dict[str, tuple[Callable[[GitLab], str], str]]] = {
    "wrong audience": (
        lambda issuer: issuer.id_token("https://vault.example.com"),
        messages.AUDIENCE.fill(audience="https://vault.example.com", expected=AUDIENCE),
    ),
    "expired": (lambda issuer: issuer.id_token(AUDIENCE, lives=60, age=3600), "expired 59 min ago"),
    "wrong issuer": (
        lambda issuer: issuer.id_token(AUDIENCE, {"iss": "https://gitlab.elsewhere.example.com"}),
        literal(messages.ISSUER, issuer="https://gitlab.elsewhere.example.com"),
    ),
    "somebody else's signature": (
        lambda issuer: GitLab(issuer.url).id_token(AUDIENCE),
        messages.UNVERIFIED.fill(),
    ),
}


@pytest.mark.parametrize("invalid", INVALID.values(), ids=INVALID)
def test_tokens_that_are_not_valid(direct: Realm, release: Run, invalid: tuple[Callable[[GitLab], str], str]) -> None:
    make, why = invalid
    token = make(direct.gitlab)

    ended = release(direct.application, RELEASE_ID_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert why in ended.log
    for text in (ended.log, ended.junit, *ended.dotenv.values()):
        assert token not in text


def test_an_identity_that_ends_before_the_timeout(direct: Realm, release: Run) -> None:
    ended = release(direct.application, RELEASE_ID_TOKEN=direct.gitlab.id_token(AUDIENCE, lives=50))

    assert ended.exit_code == 0, ended.log
    assert "expires in 4" in ended.log
    assert literal(messages.TOKEN_ENDS_EARLY, timeout="1 min") in ended.log


def test_the_role_of_a_project(sandbox: Sandbox, direct: Realm, release: Run, name: str) -> None:
    """The project's own team binds the job, without Argo CD's administrators."""
    document = yaml.safe_load(snippet("kubernetes/appproject-ci-role.yaml"))
    text = json.dumps(document).replace(PROJECT, name)
    spec = json.loads(text)["spec"]
    roles = json.loads(json.dumps(spec["roles"]).replace("platform/shop", "platform/own"))
    sandbox.project(name, roles=roles)
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository, project=name)
    deadline = time.monotonic() + READY_SECONDS
    while True:
        token = direct.gitlab.id_token(AUDIENCE, {"project_path": "platform/own"})
        ended = release(name, RELEASE_ID_TOKEN=token)
        if ended.exit_code == 0 or time.monotonic() > deadline:
            break

    assert ended.exit_code == 0, ended.log
