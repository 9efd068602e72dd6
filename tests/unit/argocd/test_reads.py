"""Who reads a list: HTTP, or the command line, which says what is wrong."""

from typing import cast

import pytest

from argocd_release.argocd.api import Api
from argocd_release.argocd.reads import Reads
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.ports import Commands
from tests.unit.states import application

HTTP, CLI = application(), application()


class Argo:
    """Both ways; HTTP fails in the way that it is given."""

    def __init__(self, trouble: FailureKind | None = None) -> None:
        self.trouble = trouble

    def applications(self, *, seconds: float, selector: str, project: str) -> tuple[Application, ...]:
        del seconds, selector, project
        if self.trouble is not None:
            raise ArgoCDError(trouble=self.trouble, command="GET", exit_code=None, message="no")
        return (HTTP,)

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        del seconds, selector, project, echo
        return (CLI,)

    def read(self, *, echo: bool = False) -> Application:
        return Reads(cast("Commands", None), self, cast("Api", self)).list(seconds=1, echo=echo)[0]


def test_a_list_that_the_log_shows_was_asked_for_by_the_command_that_it_shows() -> None:
    assert Argo().read(echo=True) is CLI


def test_any_other_starts_no_process() -> None:
    assert Argo().read() is HTTP


@pytest.mark.parametrize("trouble", [FailureKind.DENIED, FailureKind.OTHER, FailureKind.GARBAGE])
def test_where_http_gives_none_the_command_line_does(trouble: FailureKind) -> None:
    assert Argo(trouble).read() is CLI


def test_a_server_that_hangs_is_not_asked_twice() -> None:
    with pytest.raises(ArgoCDError):
        Argo(FailureKind.HUNG).read()
