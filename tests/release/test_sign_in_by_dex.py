"""A job signs in with the identity that GitLab gives it, exchanged by Argo CD's Dex (RFC 8693)."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from argocd_release.messages import argocd
from sandbox.sandbox import Sandbox
from scenarios.dsl import literal, web
from tests.support.http_proxy import ENCODED_PASSWORD, USER, tcp_proxy
from tests.support.identity import Dex, Signer, exchange, gitlab, serving_dex
from tests.support.job import Release, StartRelease
from tests.support.realm import AUDIENCE, ISSUER, PROJECT, Realm, realm

Run = Callable[..., Release]


@pytest.fixture(scope="module")
def by_dex(sandbox: Sandbox) -> Iterator[tuple[Realm, Dex]]:
    """Argo CD's Dex has a connector that trusts that GitLab."""
    url = f"https://{sandbox.server}"
    with gitlab() as issuer:
        dex = Dex(url=f"{url}/api/dex", gitlab=issuer, audience=AUDIENCE)
        addresses = {f"url: {AUDIENCE}": f"url: {url}", ISSUER: issuer.url}
        with serving_dex(dex, sandbox.layout.ports["dex"]), realm(sandbox, issuer, "dex", addresses) as found:
            yield found, dex


def exchanged(realm: Realm, dex: Dex, token: str, **form: str) -> str:
    context = ssl.create_default_context(cafile=str(realm.sandbox.certificate))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    return exchange(realm.sandbox.server, dex, token, opener=opener, **form)


def test_a_job_by_dex(by_dex: tuple[Realm, Dex], release: Run) -> None:
    realm, dex = by_dex

    ended = release(realm.application, **identity(realm.gitlab.id_token(AUDIENCE), dex))

    assert ended.exit_code == 0, ended.log
    assert "signed in through Dex's connector gitlab-ci" in ended.log
    assert "eyJ" not in ended.log + ended.junit


def test_a_job_by_dex_through_a_proxy(by_dex: tuple[Realm, Dex], release: Run, tmp_path: Path) -> None:
    realm, dex = by_dex
    with tcp_proxy(tmp_path / "proxy") as port:
        account, address = f"{USER}:{ENCODED_PASSWORD}", f"127.0.0.1:{port}"
        ended = release(
            realm.application,
            **identity(realm.gitlab.id_token(AUDIENCE), dex),
            RELEASE_PROXY=f"http://{account}@{address}",
        )
        refused = release(
            realm.application,
            **identity(realm.gitlab.id_token(AUDIENCE), dex),
            RELEASE_PROXY=f"http://ci:wr0ngpassword@{address}",
            RELEASE_CONNECT_GRACE="2",
        )

    assert ended.exit_code == 0, ended.log
    assert "signed in through Dex's connector gitlab-ci" in ended.log
    assert "eyJ" not in ended.log + ended.junit
    assert refused.exit_code == 30, refused.log
    assert literal(argocd.PROXY_REFUSES, proxy=address) in refused.cause, refused.log
    assert "wr0ngpassword" not in refused.log


def identity(token: str, dex: Dex) -> dict[str, str]:
    """Return the variables that the component sets, and an old token of a group."""
    return {"RELEASE_ID_TOKEN": token, "RELEASE_DEX_CONNECTOR": dex.connector, "ARGOCD_AUTH_TOKEN": "stale"}


def test_a_token_that_ends_while_it_is_waited(
    by_dex: tuple[Realm, Dex], sandbox: Sandbox, release: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm, dex = by_dex
    monkeypatch.setattr(dex, "lives", 4.0)
    before = len(dex.exchanged)
    repository = sandbox.repository(name)
    repository.commit(web("1", ready_after="12s"))
    sandbox.application(name, repository, project=PROJECT)

    ended = release(name, **identity(realm.gitlab.id_token(AUDIENCE), dex))

    assert ended.exit_code == 0, ended.log
    assert len(dex.exchanged) - before >= 2
    assert ended.seconds > 8


def test_keys_of_dex_that_are_new(
    by_dex: tuple[Realm, Dex], sandbox: Sandbox, start_release: StartRelease, name: str
) -> None:
    """Argo CD's Dex keeps its keys in memory. After a restart, its earlier tokens are not valid."""
    realm, dex = by_dex
    repository = sandbox.repository(name)
    repository.commit(web("1", ready_after="10s"))
    sandbox.application(name, repository, project=PROJECT)
    running = start_release(name, **identity(realm.gitlab.id_token(AUDIENCE), dex))
    time.sleep(4)
    dex.signer = Signer(dex.url)
    exchanged(realm, dex, realm.gitlab.id_token(AUDIENCE))

    ended = running.end()

    assert ended.exit_code == 0, ended.log


REFUSED_IDENTITY: Final[dict[str, tuple[dict[str, str], str]]] = {
    "another connector": (
        {"RELEASE_DEX_CONNECTOR": "github-ci"},
        argocd.DEX_CONNECTOR_MISSING.text.partition("{")[0] + "github-ci",
    ),
    "no JWT": ({"RELEASE_ID_TOKEN": "nonsense"}, "Dex refused the job's ID token"),
}


@pytest.mark.parametrize("refused", REFUSED_IDENTITY.values(), ids=REFUSED_IDENTITY)
def test_why_there_is_no_token(by_dex: tuple[Realm, Dex], release: Run, refused: tuple[dict[str, str], str]) -> None:
    realm, dex = by_dex
    change, why = refused

    ended = release(realm.application, **identity(realm.gitlab.id_token(AUDIENCE), dex) | change)

    assert ended.exit_code == 31, ended.log
    assert why in ended.cause


@pytest.mark.parametrize(
    ("status", "why"),
    [(500, argocd.DEX_FAILED), (502, argocd.DEX_UNREACHABLE), (503, argocd.DEX_UNREACHABLE)],
    ids=["failed", "gateway", "overloaded"],
)
def test_a_dex_that_is_broken(
    by_dex: tuple[Realm, Dex], release: Run, monkeypatch: pytest.MonkeyPatch, status: int, why: str
) -> None:
    realm, dex = by_dex
    monkeypatch.setattr(dex, "broken", status)

    ended = release(realm.application, **identity(realm.gitlab.id_token(AUDIENCE), dex))

    assert ended.exit_code == 30, ended.log
    assert why in ended.cause


def test_an_audience_that_dex_does_not_let_in(by_dex: tuple[Realm, Dex], release: Run) -> None:
    realm, dex = by_dex

    ended = release(realm.application, **identity(realm.gitlab.id_token("https://vault.example.com"), dex))

    assert ended.exit_code == 31, ended.log
    assert argocd.DEX_REFUSED in ended.cause


@pytest.mark.parametrize(
    "claims", [{"ref": "feature", "ref_protected": "false"}, {"project_path": "platform/other"}], ids=["ref", "project"]
)
def test_other_jobs_by_dex(by_dex: tuple[Realm, Dex], release: Run, claims: dict[str, str]) -> None:
    realm, dex = by_dex
    token = exchanged(realm, dex, realm.gitlab.id_token(AUDIENCE, claims))

    ended = release(realm.application, ARGOCD_AUTH_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert "permission denied" in ended.cause


REFUSED_BY_DEX: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "no such connector": (400, {"connector_id": "github-ci"}),
    "no such client": (401, {"client_id": "argocd"}),
    "a grant that is none": (400, {"grant_type": "token-exchange"}),
    "no token": (400, {"subject_token": ""}),
    "no JWT": (401, {"subject_token": "nonsense"}),
    "type of a JWT": (400, {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}),
}


@pytest.mark.parametrize(("status", "form"), REFUSED_BY_DEX.values(), ids=REFUSED_BY_DEX)
def test_what_dex_refuses_comes_through_argo_cd(by_dex: tuple[Realm, Dex], status: int, form: dict[str, str]) -> None:
    realm, dex = by_dex

    with pytest.raises(urllib.error.HTTPError) as refused:
        exchanged(realm, dex, realm.gitlab.id_token(AUDIENCE), **form)

    assert refused.value.code == status
    refused.value.close()


def test_without_groups_in_its_scope_a_token_may_nothing(by_dex: tuple[Realm, Dex], release: Run) -> None:
    realm, dex = by_dex
    token = exchanged(realm, dex, realm.gitlab.id_token(AUDIENCE), scope="openid")

    ended = release(realm.application, ARGOCD_AUTH_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert "permission denied" in ended.cause
