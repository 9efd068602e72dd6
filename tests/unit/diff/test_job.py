"""Test runs that end before anything is compared, and the results that they publish."""

import io
import json
from pathlib import Path

import pytest

from argocd_release.diff import choose, job, publish
from argocd_release.diff.compare import DiffResult
from argocd_release.model.errors import ArgoCDError, Cancelled, FailureKind
from argocd_release.model.outcome import Outcome
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Signals
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import load
from tests.unit.states import application

GOOD = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "x.y.z", "ARGOCD_APP_NAME": "web"}


def run(**environ: str) -> tuple[int, str]:
    stream = io.StringIO()
    return job.run(environ, stream, Signals()), stream.getvalue()


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_fork_is_left_alone(tmp_path: Path) -> None:
    code, log = run(CI_MERGE_REQUEST_PROJECT_ID="1", CI_MERGE_REQUEST_SOURCE_PROJECT_ID="2")

    assert code == 0
    assert "fork" in log
    assert not list(tmp_path.iterdir())


def test_wrong_settings_end_the_job_with_files(tmp_path: Path) -> None:
    (tmp_path / "argocd-diff.html").write_text("of an earlier job")
    code, log = run(**GOOD | {"ARGOCD_SERVER": "", "CI_COMMIT_SHA": "1" * 40})

    assert code == Outcome.SETTINGS.exit_code
    assert "ARGOCD_SERVER" in log
    report = json.loads((tmp_path / "argocd-diff.json").read_text())
    assert report["outcome"] == "settings"
    assert "earlier" not in (tmp_path / "argocd-diff.html").read_text()


def test_a_job_without_a_commit_says_which_setting_is_missing() -> None:
    code, log = run(**GOOD)

    assert code == Outcome.SETTINGS.exit_code
    assert "RELEASE_REVISION" in log


def test_a_job_without_the_program_diff_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    code, log = run(**GOOD, CI_COMMIT_SHA="1" * 40)

    assert code == Outcome.SETTINGS.exit_code
    assert "diff is not on the PATH" in log


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    stream = io.StringIO()
    (tmp_path / "file").write_text("")
    publish.write(JobLog(JobEnvironment({}), stream), DiffResult(outcome=Outcome.DELIVERED, reason=""), "file/below")

    assert stream.getvalue().count("warning: could not write") == 4


class Commands:
    """Commands that list two applications, one of which cannot be read on its own."""

    def list(self, **_: object) -> tuple[object, ...]:
        return (application(),)

    def get(self, name: str, **_: object) -> object:
        if name == "web":
            return application()
        raise ArgoCDError(kind=FailureKind.MISSING, command="app get", exit_code=20, message="missing")


@pytest.mark.parametrize(
    "environ", [{"ARGOCD_APP_NAME": "web other"}, {"ARGOCD_APP_NAME": "web other", "RELEASE_SELECTOR": "a=b"}]
)
def test_the_chosen_applications(environ: dict[str, str]) -> None:
    settings = load(JobEnvironment(GOOD | environ))

    applications, errors = choose.chosen(settings, Commands())  # type: ignore[arg-type]

    assert [name.rpartition("/")[2] for name in applications] == ["web"]
    assert list(errors) == ["other"]
    assert choose.too_few(settings, 0)
    assert not choose.too_few(settings, 1)


def test_a_cancelled_job_says_that_the_comparison_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*_: object) -> None:
        raise Cancelled(Outcome.CANCELLED)

    monkeypatch.setattr(job.DiffJob, "compare_all", cancel)
    code, log = run(**GOOD, CI_COMMIT_SHA="1" * 40)

    assert code == Outcome.CANCELLED.exit_code
    assert "the comparison is incomplete" in log
