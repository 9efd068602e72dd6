"""The shared fixtures of the connection tests: a delivered application, and every entrance to the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.entrances import Entrances, entrances


@pytest.fixture(scope="module")
def delivered(sandbox: Sandbox, request: pytest.FixtureRequest) -> str:
    """Return the name of an application that is Synced and Healthy. Each module has its own."""
    name = f"way-{request.module.__name__.rpartition('.')[2].replace('_', '-')}"
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    return name


@pytest.fixture(scope="module")
def ways(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrances]:
    """Run a HAProxy in front of the sandbox's Argo CD."""
    folder: Path = tmp_path_factory.mktemp("ways")
    with entrances(folder, sandbox.layout.ports["argocd-server"]) as found:
        yield found
