"""Test the notifications with a GitLab that enforces its own rules, and with hostile answers."""

import io
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest

from argocd_release.core.redaction import everywhere, redaction
from argocd_release.messages import reports as texts
from argocd_release.messages.argocd import REDIRECTS_NOWHERE, REDIRECTS_TOO_OFTEN
from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.git import Source
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, Problem, ResourceRef, Subject
from argocd_release.model.result import (
    ApplicationResult,
    Diagnosis,
    NotificationResult,
    PodLog,
    ReleaseResult,
)
from argocd_release.model.serving_pods import ServingPods
from argocd_release.notify import site
from argocd_release.notify.gitlab import comment_marker, render_comment
from argocd_release.notify.gitlab_client import GitLab as Client
from argocd_release.notify.gitlab_client import GitLabError
from argocd_release.notify.site import SiteCheck
from argocd_release.release.job_log import JobContext, JobLog
from argocd_release.release.signals import StopRequest
from argocd_release.release.sinks import Sinks, deployment_target_of
from argocd_release.reports import evidence
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import Settings, load
from argocd_release.timing import Deadline, JobDeadline
from sandbox.git import Repository
from tests.support.gitlab_api import GitLab, Note, Project
from tests.support.waiting import eventually
from tests.support.wording import is_from
from tests.unit import states
from tests.unit.notify.releases import without_code

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

REQUIRED = {
    "ARGOCD_SERVER": "argocd.example.com",
    "ARGOCD_AUTH_TOKEN": "eyJhbGciOiJIUzI1NiJ9",
    "ARGOCD_APP_NAME": "web",
}


def commit(project: Project, text: str) -> str:
    return project.repository.commit({"file": text})


def settings(gitlab: GitLab, **environ: str) -> Settings:
    known = {"CI_API_V4_URL": gitlab.api, "CI_JOB_TOKEN": gitlab.token("job"), "CI_PROJECT_ID": "1"}
    known |= {"CI_PROJECT_PATH": "team/shop", "CI_COMMIT_REF_NAME": "main", "RELEASE_GITLAB_DEPLOYMENT": "team/shop"}
    return load(JobEnvironment(REQUIRED | known | environ))


def at(*revisions: str, **changes: Any) -> Application:
    sources = tuple(
        Source(repo_url=f"https://gitlab.example.com/team/{name}.git", target_revision="main")
        for name in ("shop", "values")
    )
    return replace(
        states.application(), revisions=revisions, sources=sources[: len(revisions)], operation=None, **changes
    )


def ended(
    outcome: Outcome, application: Application | None, reason: str = "it is so", name: str = "web", **fields: Any
) -> ReleaseResult:
    verdict, seconds, ended_at = Verdict(outcome=outcome, reason=reason), 12.0, datetime(2026, 1, 1, tzinfo=UTC)
    one = ApplicationResult(
        verdict=verdict,
        name=name,
        url="https://argocd.example.com/applications/web",
        image_tag="",
        seconds=seconds,
        ended_at=ended_at,
        application=application,
    )
    return ReleaseResult(verdict=verdict, applications=(one,), seconds=seconds, ended_at=ended_at, **fields)


def told(known: Settings, result: ReleaseResult, *, before: Application | None = None) -> list[NotificationResult]:
    sinks = Sinks(
        known,
        JobContext(
            environ=JobEnvironment({}),
            log=JobLog(JobEnvironment({}), io.StringIO()),
            stop=StopRequest(),
            deadline=JobDeadline(60),
        ),
    )
    sinks.on_application(before)
    # After a signal, a request to GitLab has less than a second. The record, which was requested before, must exist by
    # then.
    eventually(lambda: all(begun.done() for begun, _ in sinks._begun.values()))
    return list(sinks.emit(result))


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.DELIVERED, "success"),
        (Outcome.SYNC_FAILED, "failed"),
        (Outcome.DEGRADED, "failed"),
        (Outcome.TIMED_OUT, "failed"),
        (Outcome.CANCELLED, "canceled"),
        (Outcome.UNREACHABLE, "canceled"),
        (Outcome.NOT_DELIVERED, "canceled"),
    ],
)
def test_one_record_runs_and_then_ends(gitlab: GitLab, project: Project, outcome: Outcome, status: str) -> None:
    revision = commit(project, "1")
    progressing = at(revision, health=HealthStatus.PROGRESSING)
    notices = told(settings(gitlab), ended(outcome, at(revision)), before=progressing)
    assert [notice.done for notice in notices] == [True], notices
    (record,) = project.deployments
    assert (record.sha, record.statuses, record.environment, record.ref, record.tag) == (
        revision, ["running", status], "web", "main", False,
    )  # fmt: skip


def test_twice_the_same_makes_no_second_record(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    for outcome in (Outcome.DEGRADED, Outcome.DEGRADED, Outcome.DELIVERED, Outcome.DELIVERED):
        told(settings(gitlab), ended(outcome, at(revision)))
    assert project.records() == [(revision, "failed"), (revision, "success")]


def test_a_job_that_died_is_gone_on_with(gitlab: GitLab, project: Project) -> None:
    old, new = commit(project, "1"), commit(project, "2")
    for revision in (old, new):
        project.add("web", revision, "main", tag=False, status="running")
    told(settings(gitlab), ended(Outcome.DELIVERED, at(new)))
    assert project.records() == [(old, "canceled"), (new, "success")]


def test_a_record_of_a_job_is_left_alone(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    project.add("web", revision, "main", tag=False, status="running", of_job=True)
    (notice,) = told(settings(gitlab), ended(Outcome.DELIVERED, at(revision)))
    assert notice.done, notice
    assert project.records() == [(revision, "running"), (revision, "success")]


def test_what_was_begun_of_another_revision_is_ended(gitlab: GitLab, project: Project) -> None:
    """Argo CD went on to a later commit, so the record must show the revision that really runs."""
    first, second = commit(project, "1"), commit(project, "2")
    progressing = at(first, health=HealthStatus.PROGRESSING)
    told(settings(gitlab), ended(Outcome.DELIVERED, at(second)), before=progressing)
    assert project.records() == [(first, "canceled"), (second, "success")]


def test_of_several_sources_the_projects_own(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    known = settings(gitlab)
    told(known, ended(Outcome.DELIVERED, at(revision, "b" * 40)))
    swapped = at("b" * 40, revision)
    swapped = replace(swapped, sources=swapped.sources[::-1])
    told(known, ended(Outcome.DELIVERED, swapped))
    assert project.records() == [(revision, "success")]


def test_a_chart_alone_is_no_commit(gitlab: GitLab, project: Project) -> None:
    (notice,) = told(settings(gitlab), ended(Outcome.DELIVERED, at("1.2.3")))
    assert notice.done
    assert notice.text == texts.NO_REVISION
    assert project.records() == []


def test_where_the_ref_comes_from(gitlab: GitLab) -> None:
    application = at("a" * 40)
    assert deployment_target_of(application, settings(gitlab)).ref == "main"
    assert deployment_target_of(application, settings(gitlab, CI_COMMIT_REF_NAME="v1", CI_COMMIT_TAG="v1")).tag
    other = settings(gitlab, RELEASE_GITLAB_DEPLOYMENT="ops/gitops", CI_COMMIT_REF_NAME="feature")
    followed = replace(application, sources=(Source(repo_url="https://x/ops/gitops.git", target_revision="v1.2.0"),))
    assert (deployment_target_of(followed, other).ref, deployment_target_of(followed, other).tag) == ("v1.2.0", True)
    head = replace(application, sources=(Source(repo_url="https://x/ops/gitops.git", target_revision="HEAD"),))
    assert deployment_target_of(head, other).ref == "", "the project's default branch, which only GitLab knows"
    assert deployment_target_of(head, settings(gitlab, RELEASE_GITLAB_REF="stable")).ref == "stable"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CI_JOB_TOKEN": "wrong-token"}, "401: 401 Unauthorized"),
        ({"RELEASE_GITLAB_REF": "nowhere"}, "400: ref: The branch or tag does not exist"),
        ({"RELEASE_GITLAB_DEPLOYMENT": "team/other"}, "404: 404 Project Not Found"),
        ({"CI_API_V4_URL": ""}, texts.NO_GITLAB_JOB),
        ({"CI_API_V4_URL": "http://127.0.0.1:1/api/v4"}, texts.GITLAB_SILENT.fill(error="")),
    ],
)
def test_what_gitlab_refuses_is_one_line(gitlab: GitLab, project: Project, environ: dict[str, str], said: str) -> None:
    known = settings(gitlab, **environ)
    (notice,) = told(known, ended(Outcome.DELIVERED, at(commit(project, "1"))))
    assert not notice.done
    assert said in notice.text
    assert "\n" not in notice.text
    assert project.records() == []


def test_a_limit_is_waited_for_and_an_outage_is_not(gitlab: GitLab, project: Project) -> None:
    result = ended(Outcome.DELIVERED, at(commit(project, "1")))
    gitlab.limited, gitlab.retry_after = 1, 1
    started = time.monotonic()
    assert told(settings(gitlab), result)[0].done
    assert 1 <= time.monotonic() - started < 4
    gitlab.limited, gitlab.retry_after = 1, 60
    started = time.monotonic()
    (notice,) = told(settings(gitlab), result)
    assert "429: Retry later" in notice.text
    assert time.monotonic() - started < 2
    gitlab.down = 502
    asked = len(gitlab.calls)
    (notice,) = told(settings(gitlab), result)
    assert "502" in notice.text
    assert len(gitlab.calls) - asked == 3


def test_a_cancelled_job_waits_less_than_a_second() -> None:
    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(10)

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        known = settings(GitLab(url=f"http://127.0.0.1:{http.server_port}"))
        started = time.monotonic()
        (notice,) = told(known, ended(Outcome.CANCELLED, at("a" * 40)))
        assert time.monotonic() - started < 1
        assert not notice.done
        http.shutdown()


# Tests of the comment in the merge request.


@pytest.fixture
def noted(gitlab: GitLab) -> Settings:
    return settings(gitlab, RELEASE_GITLAB_DEPLOYMENT="", RELEASE_MR_NOTE="true", RELEASE_GITLAB_TOKEN=gitlab.token())


def test_one_comment_is_renewed(project: Project, noted: Settings) -> None:
    revision = commit(project, "1")
    request = project.open("feature", revision)
    request.notes += [Note(id=900 + number, body=f"talk {number}") for number in range(250)]
    request.notes.insert(
        0, Note(id=1, body=comment_marker(ended(Outcome.DELIVERED, None)) + " copied", author="mallory")
    )
    known = replace(noted, commit=revision)
    for outcome in (Outcome.DEGRADED, Outcome.DELIVERED):
        (notice,) = told(known, ended(outcome, at(revision)))
        assert notice.done, notice
    ours = [each for each in request.notes if each.body.startswith("<!-- argocd-release: web -->\n")]
    assert len(ours) == 1
    assert "Release successful" in ours[0].body
    assert "Next:" not in ours[0].body


def test_two_applications_have_a_comment_each(project: Project, noted: Settings) -> None:
    revision = commit(project, "1")
    request = project.open("feature", revision)
    known = replace(noted, merge_request=str(request.iid))
    told(known, ended(Outcome.DELIVERED, at(revision)))
    told(known, ended(Outcome.DELIVERED, at(revision), name="api"))
    assert len(request.notes) == 2


def test_a_comment_of_another_user_is_never_changed_although_a_maintainer_s_token_could(
    project: Project, noted: Settings
) -> None:
    revision = commit(project, "1")
    request = project.open("feature", revision)
    copied = comment_marker(ended(Outcome.DELIVERED, None)) + " copied"
    request.notes.append(Note(id=1, body=copied, author="mallory"))
    project.maintained = True
    known = replace(noted, merge_request=str(request.iid))
    assert told(known, ended(Outcome.DELIVERED, at(revision)))[0].done
    assert [each.body == copied for each in request.notes] == [True, False]


def test_the_comment_goes_to_the_project_of_the_merge_request_and_not_to_the_fork(
    gitlab: GitLab, project: Project, noted: Settings, tmp_path: Path
) -> None:
    fork = gitlab.project("dev/shop", Repository.create(tmp_path / "fork.git"))
    revision = commit(fork, "1")
    of_others = fork.open("other", commit(fork, "2"))
    request = project.open("feature", revision)
    assert of_others.iid == request.iid, "the number alone means another merge request in the fork"
    known = replace(
        noted, project_id=str(fork.id), project_path="dev/shop", merge_request=str(request.iid),
        merge_request_project=str(project.id),
    )  # fmt: skip
    assert told(known, ended(Outcome.DELIVERED, at(revision)))[0].done
    assert (len(request.notes), len(of_others.notes)) == (1, 0)


def test_two_jobs_never_share_a_comment(project: Project, noted: Settings) -> None:
    revision = commit(project, "1")
    request = project.open("feature", revision)
    known = replace(noted, merge_request=str(request.iid))
    sets = [
        "selector tier=db",
        "selector tier!=db",
        "selector tier notin (db)",
        "selector tier in (db)",
        "a" * 400,
        "a" * 401,
    ]
    for _ in range(2):
        for meant in sets:
            told(known, ended(Outcome.DELIVERED, at(revision), several=True, meant=meant))
        for job in ("release:dev", "release-dev", "релиз"):
            told(known, ended(Outcome.DELIVERED, at(revision), job_name=job))
    assert len(request.notes) == len(sets) + 3


@pytest.mark.parametrize("job", ["--> <script>", "a\nb", "$(id)", "\u202e"])
def test_a_marker_is_one_comment_of_html_whatever_the_job_is_called(job: str) -> None:
    mark = comment_marker(ended(Outcome.DELIVERED, None, job_name=job))
    assert re.fullmatch(r"<!-- argocd-release: [A-Za-z0-9._~%/,=-]+ -->", mark)
    assert mark.count("-->") == 1


@pytest.mark.parametrize(
    "target", ["", "HEAD", "0badcafe" * 5, "0badcaf", "1.2.*", ">=1.0 <2", "^1", "~1.2", "refs/heads/trunk"]
)
def test_a_record_has_a_branch_that_gitlab_knows(target: str, gitlab: GitLab, project: Project) -> None:
    """GitLab answers 400 if `ref` is HEAD, a commit or a range: it must be a branch or a tag."""
    project.default_branch = "trunk"
    revision = commit(project, "1")
    project.repository.git("branch", "trunk", revision)
    application = replace(
        at(revision), sources=(Source(repo_url="https://gitlab.example.com/team/shop.git", target_revision=target),)
    )
    known = settings(gitlab, CI_PROJECT_ID="9", CI_PROJECT_PATH="team/code")
    (notice,) = told(known, ended(Outcome.DELIVERED, application))
    assert notice.done, notice
    assert [record.ref for record in project.deployments] == ["trunk"]


def test_the_job_s_own_project_says_its_default_branch_itself(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    project.repository.git("branch", "master", revision)
    application = replace(
        at(revision), sources=(Source(repo_url="https://gitlab.example.com/team/shop.git", target_revision="HEAD"),)
    )
    known = settings(gitlab, CI_COMMIT_REF_NAME="", CI_DEFAULT_BRANCH="master")
    assert told(known, ended(Outcome.DELIVERED, application))[0].done
    assert [record.ref for record in project.deployments] == ["master"]
    assert not [call for call in gitlab.calls if call.path.endswith("/projects/team%2Fshop")]


def many(*outcomes: Outcome, reason: str = "it is so") -> ReleaseResult:
    ones = [
        ended(outcome, at("a" * 40), reason=reason, name=f"web-{number}").applications[0]
        for number, outcome in enumerate(outcomes)
    ]
    whole = ended(max(outcomes, key=lambda each: each.severity), None, several=True, meant="selector team=shop")
    return replace(whole, applications=tuple(ones))


def test_a_set_has_one_comment_whoever_belongs_to_it(project: Project, noted: Settings) -> None:
    request = project.open("feature", commit(project, "1"))
    known = replace(noted, merge_request=str(request.iid))
    told(known, many(Outcome.DELIVERED, Outcome.DEGRADED))
    told(known, many(Outcome.DELIVERED, Outcome.DELIVERED, Outcome.DELIVERED))
    (ours,) = request.notes
    assert ours.body.startswith(
        "<!-- argocd-release: selector%20team=shop -->\n\n**✅ `selector team=shop`: Release successful**"
    )
    assert "- Applications: 3, 3 delivered" in ours.body
    assert "web-1" not in ours.body


def test_a_comment_on_hundreds_is_short_and_names_the_worst() -> None:
    shown = render_comment(many(*[Outcome.DELIVERED] * 150, *[Outcome.TIMED_OUT] * 40, Outcome.DEGRADED))
    assert "- Applications: 191, 1 degraded, 40 timed-out, 150 delivered\n- `web-190`: degraded, `it is so`" in shown
    assert "- and 21 more" in shown
    assert len(shown) < 5000


def test_without_a_token_or_a_merge_request(gitlab: GitLab, project: Project, noted: Settings) -> None:
    revision = commit(project, "1")
    result = ended(Outcome.DELIVERED, at(revision))
    (notice,) = told(replace(noted, commit=revision), result)
    assert (notice.done, notice.text) == (True, texts.NO_MERGE_REQUEST)
    (notice,) = told(replace(noted, gitlab_token=""), result)
    assert not notice.done
    assert notice.text == texts.NOT_ALLOWED_TO_COMMENT
    (notice,) = told(replace(noted, commit="f" * 40), result)
    assert notice.text == texts.NO_MERGE_REQUEST
    assert gitlab.asked("POST") == []


HOSTILE = (
    "@all look", "/close", "a\n/approve\n", "`/close`", "```\n/close\n```", "<img src=x onerror=alert(1)>", "</details>",
    "[x](javascript:alert(1))", "![](https://evil.example.com/pixel)", "!1 #2 ~bug %milestone $3", "a | b", "````", "``",
    "<!-- argocd-release: web -->", "https://example.com/`", "\\`/close",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_words_of_others_stay_code(text: str) -> None:
    """Text from outside must stay inside code, and must not begin a line."""
    address = "https://x.example.com/>)"
    for result in (
        ended(Outcome.DEGRADED, at("a" * 40), reason=text, site_url=address),
        replace(many(Outcome.DEGRADED, Outcome.DELIVERED, reason=text), site_url=address),
    ):
        stays_code(render_comment(result))


@pytest.mark.parametrize(
    "address", ["https://user:hunter2-secret@preview.example.com", "https://[hunter2-secret]/", "https://[::1/"]
)
def test_an_address_that_is_no_url_without_its_secret_stops_no_comment(address: str) -> None:
    result = everywhere(ended(Outcome.DELIVERED, at("a" * 40), site_url=address), redaction(["hunter2-secret"]))
    shown = render_comment(result)
    assert "Healthy" in shown
    assert "redacted" not in shown


def stays_code(shown: str) -> None:
    bare = without_code(shown)
    for part in ("@all", "<img", "javascript", "evil.example", "~bug", "</details>\n\n<", "x.example.com"):
        assert part not in bare.replace("</details>\n", "")
    assert not [line for line in shown.split("\n") if line.startswith("/")]
    assert bare.count("<!-- argocd-release") == 1


# Tests of the check of the site.


class Answers(BaseHTTPRequestHandler):
    """A site with several paths.

    ``/STATUS`` answers with that status, ``/to/PATH`` redirects to the path, ``/loop`` redirects to itself, and
    ``/later`` responds after two refusals. The other paths have bodies; see ``_body``.
    """

    REDIRECTS = MappingProxyType(
        {"/loop": "/loop", "/away": "file:///etc/passwd", "/malformed": "http://[object Object]/login"}
    )
    asked: list[str] = []  # noqa: RUF012 - of one test at a time

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, location = 200, ""
        if self.path.startswith("/to/"):
            status, location = 302, self.path.removeprefix("/to")
        elif self.path in self.REDIRECTS:
            status, location = 302, self.REDIRECTS[self.path]
        elif self.path.startswith("/elsewhere/"):
            # The same server has another host name, as a sign-in page of another server would have.
            path = self.path.removeprefix("/elsewhere")
            status, location = 302, f"http://me:s3cret@localhost:{self.connection.getsockname()[1]}{path}"
        elif self.path == "/later":
            status = 503 if self.asked.count("/later") < 2 else 204
        elif self.path == "/flaky":
            status = 500 if self.asked.count("/flaky") == 2 else 200
        elif not self.path.startswith("/body"):
            status = int(self.path.strip("/"))
        self.send_response(503 if self.path == "/body/broken" else status)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if self.path.startswith("/body"):
            with suppress(OSError):
                self._body(self.path.removeprefix("/body/"))

    def _body(self, kind: str) -> None:
        """Send a body that contains ``release abc123``, unless the kind says something else.

        ``late`` sends it at the end of the first 64 kB, and ``beyond`` one byte later. ``open`` never ends the response.
        ``drip`` sends single bytes, and ``endless`` never stops. ``broken`` and ``hostile`` do not contain the text.
        """
        text = b"release abc123"
        size = {"late": (64 << 10) - len(text), "beyond": (64 << 10) - len(text) + 1}.get(kind, 0)
        if kind == "endless":
            while True:
                self.wfile.write(b"x" * 4096)
        if kind == "drip":
            while True:
                self.wfile.write(b"x")
                time.sleep(0.3)
        if kind in {"broken", "hostile"}:
            text = b"<h1>\x1b[31mno\r\n::error::\x07</h1>\xff" + b"y" * 5000
        self.wfile.write(b"x" * size + text)
        if kind == "open":
            self.wfile.flush()
            time.sleep(20)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Answers.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/200", ""),
        ("/204", ""),
        ("/304", ""),
        ("/to/to/200", ""),
        ("/404", texts.SITE_STATUS.fill(expected="2xx or 3xx", status=404, excerpt="")),
        ("/to/500", texts.SITE_STATUS.fill(expected="2xx or 3xx", status=500, excerpt="")),
        ("/loop", REDIRECTS_TOO_OFTEN.fill(count=5)),
        ("/away", REDIRECTS_NOWHERE),
        ("/malformed", REDIRECTS_NOWHERE),
    ],
)
def test_what_the_site_answers(address: str, path: str, said: str) -> None:
    answer = site.check_site(SiteCheck(url=f"{address}{path}"), deadline=Deadline(0), check=lambda: None)
    assert answer == said


@pytest.mark.parametrize(
    ("path", "statuses", "error"),
    [
        ("/401", "401", ""),
        ("/204", "200, 204", ""),
        ("/404", "2xx,4xx", ""),
        ("/200", "401", texts.SITE_STATUS.fill(expected="401", status=200, excerpt="")),
        ("/304", "2xx", texts.SITE_STATUS.fill(expected="2xx", status=304, excerpt="")),
        # A redirect that is named by its number is not followed.
        ("/to/404", "302", ""),
        ("/to/404", "2xx 302", ""),
        ("/to/200", "200", ""),
    ],
)
def test_the_expected_status(address: str, path: str, statuses: str, error: str) -> None:
    check = SiteCheck(url=f"{address}{path}", statuses=statuses)
    assert site.check_site(check, deadline=Deadline(0), check=lambda: None) == error


@pytest.mark.parametrize(
    ("path", "statuses", "body", "succeeds"),
    [
        ("/elsewhere/200", "200", "", False),
        ("/elsewhere/200", "2xx", "", False),
        ("/elsewhere/to/200", "200,204", "", False),
        ("/elsewhere/401", "401", "", False),
        ("/elsewhere/200", "2xx,3xx", "", True),
        # The expected text proves that the other host has the release.
        ("/elsewhere/body/short", "200", "abc123", True),
        ("/elsewhere/body/short", "200", "xyz", False),
    ],
)
def test_another_host_does_not_respond_for_the_site(
    address: str, path: str, statuses: str, body: str, *, succeeds: bool
) -> None:
    check = SiteCheck(url=f"{address}{path}", statuses=statuses, body=body)
    error = site.check_site(check, deadline=Deadline(0), check=lambda: None)
    if succeeds or body:
        assert bool(error) is not succeeds
    else:
        assert error == texts.SITE_OTHER_HOST.fill(host=f"localhost:{urlsplit(address).port}")


@pytest.mark.parametrize(
    ("target", "is_same"),
    [
        ("https://shop.example.com/login", True),
        ("http://SHOP.example.com:80/", True),
        ("https://shop.example.com:8443/", False),
        ("https://login.example.com/", False),
        ("https://shop.example.com@login.example.com/", False),
    ],
)
def test_a_redirect_to_https_stays_on_the_host(target: str, *, is_same: bool) -> None:
    check = SiteCheck(url="http://shop.example.com/", statuses="200")
    assert bool(check.error_of_redirect(target)) is not is_same


@pytest.mark.parametrize("kind", ["short", "late", "open"])
def test_the_expected_text_is_in_the_body(address: str, kind: str) -> None:
    check = SiteCheck(url=f"{address}/body/{kind}", body="abc123")
    assert site.check_site(check, deadline=Deadline(3), check=lambda: None) == ""


def test_without_an_expected_text_the_body_of_a_success_is_not_read(address: str) -> None:
    started = time.monotonic()
    assert site.check_site(SiteCheck(url=f"{address}/body/drip"), deadline=Deadline(4), check=lambda: None) == ""
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("kind", "within"), [("beyond", " in the first 64 kB"), ("endless", " in the first 64 kB"), ("drip", "")]
)
def test_the_expected_text_is_missing(address: str, kind: str, within: str) -> None:
    check = SiteCheck(url=f"{address}/body/{kind}", body="abc123")
    answer = site.check_site(check, deadline=Deadline(0), check=lambda: None)
    assert answer.startswith(f"expected the text “abc123”{within}, received HTTP status 200 with “xxx")
    assert len(answer) < 300


@pytest.mark.parametrize("kind", ["broken", "hostile"])
def test_a_hostile_body_is_shown_on_one_line(address: str, kind: str) -> None:
    check = SiteCheck(url=f"{address}/body/{kind}", body="abc123")
    answer = site.check_site(check, deadline=Deadline(0), check=lambda: None)
    assert answer.isprintable()
    assert "503" in answer or kind == "hostile"
    assert "no ::error::" in answer
    assert len(answer) < 300


def test_a_failure_restarts_the_count_of_successes(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "SITE_PAUSE", 0.05)
    check = SiteCheck(url=f"{address}/flaky", success_threshold=3)
    assert site.check_site(check, deadline=Deadline(10), check=lambda: None) == ""
    assert len(Answers.asked) == 5


def test_too_few_successes_until_the_deadline(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "SITE_PAUSE", 0.2)
    check = SiteCheck(url=f"{address}/200", success_threshold=100)
    answer = site.check_site(check, deadline=Deadline(1), check=lambda: None)
    assert answer == texts.SITE_TOO_FEW.fill(successes=len(Answers.asked), required=100)


@pytest.mark.parametrize(("trusted", "said"), [(True, ""), (False, "certificate verify failed")])
def test_a_site_behind_a_private_authority(authority: Path, *, trusted: bool, said: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority / "server.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        address = f"https://localhost:{http.server_port}/200"
        ca_file = str(authority / "ca.pem") if trusted else ""
        answer = site.check_site(SiteCheck(url=address), deadline=Deadline(0), check=lambda: None, ca_file=ca_file)
        http.shutdown()
    assert said in answer
    assert bool(answer) is not trusted


def test_the_site_may_come_later(address: str) -> None:
    assert site.check_site(SiteCheck(url=f"{address}/later"), deadline=Deadline(10), check=lambda: None) == ""


def test_nobody_answers() -> None:
    message = site.check_site(SiteCheck(url="http://127.0.0.1:1/"), deadline=Deadline(0), check=lambda: None)
    assert is_from(message, texts.SITE_NO_RESPONSE)


def test_an_answer_that_is_no_json(address: str) -> None:
    with (
        Client(address, "200", token="x" * 8, job_token="", deadline=Deadline(5)) as client,
        pytest.raises(GitLabError),
    ):
        client.get("/200")


def test_the_comment_says_the_state_in_the_words_of_the_log_and_links_page_job_and_commit() -> None:
    log = PodLog(pod="web-x", container="web", previous=True, lines=("connecting", "connection refused"))
    pod = Subject(ref=ResourceRef("", "Pod", "web", "web-x"), root=ResourceRef("apps", "Deployment", "web", "web"))
    cause = Problem(
        code=CauseCode.CRASH_LOOP, message=f"Pod/web-x: CrashLoopBackOff at {states.NEW}", subject=pod, hint="fix it"
    )
    failed = ended(Outcome.DEGRADED, states.application(health="Progressing"))
    one = replace(
        failed.applications[0], diagnosis=Diagnosis(cause=cause, logs=(log,), serving=ServingPods()), expects="image 2"
    )
    job = "https://gitlab.example.com/team/web/-/jobs/1"
    commit_url = "https://gitlab.example.com/team/web/-/commit/abc"
    shown = render_comment(
        replace(failed, applications=(one,), job_url=job, page="reports/page.html", links={"commit": commit_url})
    )
    for line in evidence.facts(one).splitlines():
        label, _, text = line.partition(":")
        if label in {"Expected", "Argo CD has", "Runs now", "Hooks"}:
            assert f"- {label}: `{text.strip()}`" in shown
    assert "| connection refused" in shown
    assert states.NEW not in shown
    assert f"](<{job}/artifacts/file/reports/page.html>)" in shown
    assert f"](<{job}>)" in shown
    assert f"](<{commit_url}>)" in shown
