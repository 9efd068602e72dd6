"""A job signs in with the identity that GitLab gives it, exchanged by Argo CD's Dex (RFC 8693)."""

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from sandbox.sandbox import Sandbox
from tests.support.identity import Dex, exchange, gitlab, serving_dex
from tests.support.job import Release
from tests.support.realm import AUDIENCE, ISSUER, Realm, realm

Run = Callable[..., Release]


@pytest.fixture(scope="module")
def by_dex(sandbox: Sandbox) -> Iterator[tuple[Realm, Dex]]:
    """Argo CD's Dex has a connector that trusts that GitLab."""
    url = f"https://{sandbox.server}"
    with gitlab() as issuer:
        dex = Dex(url=f"{url}/api/dex", gitlab=issuer, audience=AUDIENCE)
        addresses = {f"url: {AUDIENCE}": f"url: {url}", ISSUER: issuer.url}
        with serving_dex(dex, sandbox.world.ports["dex"]), realm(sandbox, issuer, "dex", addresses) as found:
            yield found, dex


def exchanged(realm: Realm, dex: Dex, token: str, **form: str) -> str:
    context = ssl.create_default_context(cafile=str(realm.sandbox.certificate))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    return exchange(realm.sandbox.server, dex, token, opener=opener, **form)


def test_a_job_by_dex(by_dex: tuple[Realm, Dex], release: Run) -> None:
    realm, dex = by_dex
    token = exchanged(realm, dex, realm.gitlab.id_token(AUDIENCE))

    ended = release(realm.application, ARGOCD_AUTH_TOKEN=token)

    assert ended.exit_code == 0, ended.log


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
