"""Test the comparison of one application: its changes, its notes, and the cause if Argo CD cannot compare."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from argocd_release.diff.compare import State
from argocd_release.diff.comparison import Work, compared, problem_of
from argocd_release.diff.scope import Scope
from argocd_release.model.application import Application, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.git import Source
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from tests.unit.states import application

OWN = Source(repo_url="https://gitlab.example.com/shop/web.git", path="app")
CHILD = """
===== argoproj.io/Application argocd/child ======
--- a
+++ b
@@ -0,0 +1,1 @@
+kind: Application

===== /Secret web/password ======
--- a
+++ b
@@ -1 +1 @@
-  password: ++++++++
+  other: ++++++++
"""


def error(kind: FailureKind, message: str = "broken") -> ArgoCDError:
    return ArgoCDError(kind=kind, command="app diff", exit_code=20, message=message)


@dataclass
class ArgoCD:
    """The command and the HTTP API of an Argo CD, with the answers of a test case."""

    output: str = ""
    failure: ArgoCDError | None = None
    api_failure: ArgoCDError | None = None
    calls: list[Any] = field(default_factory=list)

    @property
    def argocd(self) -> "ArgoCD":
        return self

    @property
    def api(self) -> "ArgoCD":
        return self

    def diff(self, name: str, revision: str, positions: tuple[int, ...], **_: Any) -> str:
        self.calls.append((name, revision, positions))
        if self.failure:
            raise self.failure
        return self.output

    def get(self, _: str, what: str, **__: str) -> Any:
        if self.api_failure:
            raise self.api_failure
        secret = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "+"}})
        return {"manifests": [secret], "items": [{"liveState": secret}]} if what.startswith("m") else {}


def run(readers: ArgoCD, **parts: Any) -> Any:
    work = Work(argocd=readers, api=readers, revision="1" * 40, scope=Scope(is_own=lambda _: True))  # type: ignore[arg-type]
    chosen: Application = replace(application(), sources=(OWN,), **parts)
    return compared(work, "web", chosen, echo=True)


def test_secrets_come_from_the_api_and_new_applications_get_a_note() -> None:
    readers = ArgoCD(output=CHILD)
    result = run(readers, sync=SyncStatus.OUT_OF_SYNC)

    assert readers.calls == [("web", "1" * 40, (1,))]
    assert [change.ref.kind for change in result.changes] == ["Application"]
    assert (result.state, result.unchanged, result.secrets) == (State.COMPARED, 1, 1)
    notes = "\n".join(result.notes)
    assert all(part in notes for part in ("child is new", "1 Secret", "already differs"))


def test_without_the_api_only_secrets_are_not_compared() -> None:
    result = run(ArgoCD(api_failure=error(FailureKind.OTHER, "HTTP 404")))

    assert result.state is State.COMPARED
    assert "Secrets were not compared: HTTP 404" in result.notes


def test_a_failed_comparison_is_a_result() -> None:
    result = run(ArgoCD(failure=error(FailureKind.REFUSED, "app: app path does not exist")))

    assert result.state is State.FAILED
    assert result.problem.code is CauseCode.PATH_MISSING
    assert result.outcome is Outcome.SYNC_FAILED


@pytest.mark.parametrize(
    ("kind", "message", "outcome", "code"),
    [
        (FailureKind.DENIED, "permission denied", Outcome.DENIED, CauseCode.DENIED),
        (FailureKind.MISSING, "not found", Outcome.MISSING, CauseCode.APPLICATION_MISSING),
        (FailureKind.TIMED_OUT, "no response", Outcome.UNREACHABLE, CauseCode.UNREACHABLE),
        (
            FailureKind.REFUSED,
            "fatal: remote error: upload-pack: not our ref 1",
            Outcome.SYNC_FAILED,
            CauseCode.COMPARISON_ERROR,
        ),
        (FailureKind.REFUSED, "Failed to unmarshal x.yaml", Outcome.SYNC_FAILED, CauseCode.MANIFEST_UNREADABLE),
        (
            FailureKind.REFUSED,
            "rpc error: code = Unavailable desc = connection error: desc = transport: dial tcp: connect: connection refused",
            Outcome.UNREACHABLE,
            CauseCode.CANNOT_COMPARE,
        ),
    ],
)
def test_the_cause_of_a_failure(kind: FailureKind, message: str, outcome: Outcome, code: CauseCode) -> None:
    found, problem = problem_of("web", error(kind, message))

    assert (found, problem.code) == (outcome, code)
    assert problem.hint
