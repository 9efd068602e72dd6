"""A GitLab, and Argo CD's notifications set up by the files of ``component/examples/notifications``."""

from collections.abc import Iterator

import pytest

from sandbox.sandbox import Sandbox
from tests.support import controllers, gitlab_api
from tests.support.gitlab_api import GitLab


@pytest.fixture(scope="module")
def gitlab() -> Iterator[GitLab]:
    with gitlab_api.serving() as running:
        yield running


@pytest.fixture(scope="module")
def notifications(sandbox: Sandbox, gitlab: GitLab) -> Iterator[None]:
    """Run the real controller with the files of the examples; only the address and the token differ."""
    secret = controllers.example("notifications/secret.yaml")
    assert set(secret["stringData"]) == {"gitlab-api", "gitlab-token"}
    secret["stringData"] = {"gitlab-api": gitlab.api, "gitlab-token": gitlab.token()}
    sandbox.apply(secret, controllers.example("notifications/argocd-notifications-cm.yaml"))
    with sandbox.using("notifications"):
        yield
