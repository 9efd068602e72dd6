"""A fake of GitLab's REST API for deployments, merge requests, notes, commit statuses, branches and reverts.

It enforces the rules of GitLab's own code: required parameters, the order of statuses, existing commits, and the rights
of tokens. Commits and branches are those of a real git repository. Source of the rules: gitlab 18.11
lib/api/deployments.rb, app/models/deployment.rb, app/services/deployments/create_service.rb, lib/api/notes.rb,
lib/api/merge_requests.rb. Those of commit statuses: gitlab 19.0 lib/api/commit_statuses.rb,
app/services/ci/create_commit_status_service.rb, app/models/commit_status.rb, app/models/generic_commit_status.rb.
Those of branches and reverts: gitlab 18.11 lib/api/branches.rb, lib/api/commits.rb, doc/api/commits.md,
app/models/commit.rb; gitaly 15.5 internal/gitaly/service/operations/revert.go. git itself makes each revert.
"""

import json
import re
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from sandbox.commands import CommandError
from sandbox.git import Repository

STATUSES: Final = ("running", "success", "failed", "canceled")
_REQUIRED: Final = ("environment", "sha", "ref", "tag", "status")
_PROJECT: Final = r"/api/v4/projects/(?P<project>[^/]+)"
_PAGE: Final = 20
#: The response to a token with the scope ``read_api`` only (lib/api/api_guard.rb).
_SCOPE: Final = {
    "error": "insufficient_scope",
    "error_description": "The request requires higher privileges than provided by the access token.",
    "scope": "api",
}

Json = dict[str, Any]


@dataclass(kw_only=True)
class Call:
    """A request that the fake has handled, with the HTTP status of its response."""

    method: str
    path: str
    body: Json
    status: int = 0
    #: The time of the request, as returned by ``time.time()``.
    at: float = field(default_factory=time.time)


@dataclass(kw_only=True)
class Deployment:
    """A deployment on the environments page. ``statuses`` contains all of its statuses, the current one last."""

    id: int
    environment: str
    sha: str
    ref: str
    tag: bool
    statuses: list[str]
    #: True if GitLab created it for a CI job with the keyword ``environment``.
    of_job: bool = False

    @property
    def status(self) -> str:
        return self.statuses[-1]


@dataclass(kw_only=True)
class Note:
    """A note on a merge request."""

    id: int
    body: str
    author: str = "project_bot"
    system: bool = False


@dataclass(kw_only=True)
class MergeRequest:
    """A merge request. ``sha`` is the head of its branch, ``merge_sha`` its merge commit if it was merged."""

    iid: int
    branch: str
    sha: str
    title: str = "A change"
    labels: list[str] = field(default_factory=list)
    state: str = "opened"
    notes: list[Note] = field(default_factory=list)
    target: str = "main"
    description: str = ""
    merge_sha: str = ""
    removes_branch: bool = False
    from_fork: bool = False


@dataclass(kw_only=True)
class Pipeline:
    """A pipeline of a commit. ``source`` is ``external`` if a commit status has created it."""

    id: int
    sha: str
    ref: str
    source: str = "push"
    #: The names of its CI jobs. A commit status must not have one of them.
    jobs: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Status:
    """A commit status. ``states`` contains all of its states, the current one last."""

    id: int
    name: str
    sha: str
    pipeline: int
    ref: str
    states: list[str]
    description: str | None = None
    target_url: str | None = None

    @property
    def state(self) -> str:
        return self.states[-1]


@dataclass(kw_only=True)
class Project:
    """A GitLab project and its repository. ``path`` has the form ``group/name``."""

    id: int
    path: str
    repository: Repository
    deployments: list[Deployment] = field(default_factory=list)
    merge_requests: list[MergeRequest] = field(default_factory=list)
    default_branch: str = "main"
    pipelines: list[Pipeline] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    #: True if the token has the role Reporter, which can push nothing.
    reported: bool = False
    #: A hook that the fake calls before it handles a request, to simulate other jobs.
    before: Callable[[Call], object] = lambda _: None
    #: The protected branches, which only a maintainer can push to and run pipelines of.
    protected: tuple[str, ...] = ()
    #: True if the project token has the role Maintainer, which can change the notes of other users.
    maintained: bool = False

    def commit(self, ref: str) -> str:
        """Return the full SHA of the commit to which a name resolves, or an empty string if there is none."""
        try:
            return self.repository.git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        except CommandError:
            return ""

    def records(self, environment: str = "") -> list[tuple[str, str]]:
        """Return the commit and status of each deployment, oldest first, optionally only of one environment."""
        return [(each.sha, each.status) for each in self.deployments if environment in {"", each.environment}]

    def branches(self) -> list[str]:
        """Return the names of the branches."""
        return self.repository.git("branch", "--format=%(refname:short)").split()

    def head(self, branch: str) -> str:
        """Return the SHA of the last commit of a branch, or an empty string if the branch does not exist."""
        return self.commit(f"refs/heads/{branch}")

    def described(self, sha: str) -> Json:
        """Return a commit as the API shows it."""
        text = self.repository.git("log", "-1", "--format=%P%n%B", sha)
        parents, _, message = text.partition("\n")
        return {
            "id": sha, "short_id": sha[:8], "parent_ids": parents.split(), "message": message.strip(),
            "title": message.partition("\n")[0],
        }  # fmt: skip

    def merge(self, branch: str, sha: str, *, merge_request: bool = True) -> str:
        """Merge a commit into ``main`` as GitLab does, with a merge request or without. Return the merge commit."""
        self.repository.git("merge", "--no-ff", "-m", f"Merge branch '{branch}' into 'main'", sha)
        made = self.head("main")
        if merge_request:
            request = self.open(branch, sha)
            request.state, request.merge_sha = "merged", made
        return made

    def states(self, sha: str = "") -> list[tuple[str, list[str]]]:
        """Return the name and all states of each commit status, oldest first, optionally only of one commit."""
        return [(each.name, each.states) for each in self.statuses if sha in {"", each.sha}]

    def branch_of(self, sha: str) -> str:
        """Return the first branch that contains the commit, or an empty string."""
        names = self.repository.git("branch", "--format=%(refname:short)", "--contains", sha).split()
        return names[0] if names else ""

    def pipeline(self, sha: str, ref: str = "main", *, source: str = "push", jobs: tuple[str, ...] = ()) -> Pipeline:
        """Start a pipeline for a commit."""
        made = Pipeline(id=len(self.pipelines) + 1001, sha=sha, ref=ref, source=source, jobs=[*jobs])
        self.pipelines.append(made)
        return made

    def last(self, environment: str) -> Deployment | None:
        """Return the last successful deployment, which the environments page shows."""
        done = [each for each in self.deployments if each.environment == environment and each.status == "success"]
        return done[-1] if done else None

    def job(self, environment: Json, sha: str, status: str, ref: str = "main") -> None:
        """Simulate the end of a CI job with this ``environment``. Only the action ``start`` creates a deployment."""
        if environment.get("action", "start") == "start":
            self.add(environment["name"], sha, ref, tag=False, status=status, of_job=True)

    def add(self, environment: str, sha: str, ref: str, *, tag: bool, status: str, of_job: bool = False) -> Deployment:
        made = Deployment(
            id=len(self.deployments) + 1,
            environment=environment,
            sha=sha,
            ref=ref,
            tag=tag,
            statuses=[status],
            of_job=of_job,
        )
        self.deployments.append(made)
        return made

    def open(self, branch: str, sha: str, *labels: str, title: str = "A change") -> MergeRequest:
        """Open a merge request from the branch into ``main``."""
        iid = len(self.merge_requests) + 1
        self.merge_requests.append(MergeRequest(iid=iid, branch=branch, sha=sha, labels=[*labels], title=title))
        return self.merge_requests[-1]


@dataclass(kw_only=True)
class GitLab:
    """A running fake of GitLab. ``calls`` contains all requests that it has handled."""

    url: str = ""
    projects: list[Project] = field(default_factory=list)
    #: The kind of each token: ``project`` or ``job``.
    tokens: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    #: If this is not 0, the fake responds to every request with this status, like a proxy while GitLab is down.
    down: int = 0
    #: The number of requests that get status 429, with the Retry-After below in seconds.
    limited: int = 0
    retry_after: int = 1
    #: The delay in seconds before the fake handles a request.
    silent: float = 0.0
    #: GitLab makes each change of a project atomically. So the fake handles only one change at a time.
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _serial: int = 0

    @property
    def api(self) -> str:
        return f"{self.url}/api/v4"

    def project(self, path: str, repository: Repository) -> Project:
        self.projects.append(Project(id=len(self.projects) + 1, path=path, repository=repository))
        return self.projects[-1]

    def token(self, kind: str = "project") -> str:
        self._serial += 1
        name = f"glpat-{kind}-{self._serial:08d}"
        self.tokens[name] = kind
        return name

    def asked(self, method: str, part: str = "") -> list[Call]:
        """Return the calls with this method whose path contains ``part``."""
        return [call for call in self.calls if call.method == method and part in call.path]

    def hook(self, project: Project, request: MergeRequest, action: str, address: str, secret: str) -> int:
        """Send the project's webhook for a merge request to the address, and return the status of the response."""
        attributes = {"action": action, "iid": request.iid, "target_project_id": project.id, "state": request.state}
        attributes |= {"source_branch": request.branch, "target_branch": "main", "last_commit": {"id": request.sha}}
        payload = {"object_kind": "merge_request", "object_attributes": attributes}
        payload["project"] = {"id": project.id, "web_url": f"{self.url}/{project.path}", "default_branch": "main"}
        headers = {"X-Gitlab-Event": "Merge Request Hook", "X-Gitlab-Token": secret, "Content-Type": "application/json"}
        sent = urllib.request.Request(address, json.dumps(payload).encode(), headers)  # noqa: S310 - our own address
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sent, timeout=5) as answer:
            return int(answer.status)


@contextmanager
def serving() -> Iterator[GitLab]:
    """Run a fake of GitLab until the context ends."""
    gitlab = GitLab()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Api, gitlab)) as http:
        gitlab.url = f"http://127.0.0.1:{http.server_port}"
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield gitlab
        finally:
            http.shutdown()


class RefusedError(Exception):
    """The fake refuses a request with this status and body."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


@dataclass(frozen=True, kw_only=True)
class _Request:
    gitlab: GitLab
    project: Project
    kind: str
    parts: dict[str, str]
    query: dict[str, list[str]]
    body: Json

    def one(self, name: str) -> str:
        return self.query.get(name, [""])[-1]

    @property
    def merge_request(self) -> MergeRequest:
        found: MergeRequest = _found(self.project.merge_requests, "iid", self.parts["iid"])
        return found

    def writes_notes(self) -> None:
        # An endpoint that does not accept job tokens responds with 401, as it does without a token.
        if self.kind == "job":
            raise RefusedError(HTTPStatus.UNAUTHORIZED, {"message": "401 Unauthorized"})


def _found(those: list[Any], key: str, value: str) -> Any:
    for each in those:
        if str(getattr(each, key)) == value:
            return each
    raise RefusedError(HTTPStatus.NOT_FOUND, {"message": "404 Not found"})


def _check_status(body: Json) -> None:
    if body["status"] not in STATUSES:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": "status does not have a valid value"})


def _create_deployment(request: _Request) -> tuple[int, Any]:
    body, project = request.body, request.project
    missing = [f"{name} is missing" for name in _REQUIRED if name not in body]
    if missing:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": ", ".join(missing)})
    if str(body["tag"]).lower() not in {"true", "false"}:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": "tag is invalid"})
    _check_status(body)
    if not project.commit(body["ref"]):
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"message": {"ref": ["The branch or tag does not exist"]}})
    if not re.fullmatch(r"[a-zA-Z0-9\-_/\\${}. ]{1,255}", body["environment"]):
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"message": {"name": ["can contain only letters, digits, …"]}})
    if not project.commit(body["sha"]):
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"message": {"sha": ["The commit does not exist"]}})
    tag = str(body["tag"]).lower() == "true"
    last = project.last(body["environment"])
    # If the last successful deployment is identical, GitLab returns it (create_service.rb, `equal_to?`).
    if last is not None and (last.ref, last.tag, last.sha, last.status) == (
        body["ref"], tag, body["sha"], body["status"],
    ):  # fmt: skip
        return HTTPStatus.CREATED, _shown(last)
    made = project.add(body["environment"], body["sha"], body["ref"], tag=tag, status=body["status"])
    return HTTPStatus.CREATED, _shown(made)


def _update_deployment(request: _Request) -> tuple[int, Any]:
    if "status" not in request.body:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": "status is missing"})
    _check_status(request.body)
    found: Deployment = _found(request.project.deployments, "id", request.parts["deployment"])
    if found.of_job:
        why = "403 Forbidden - Deployments created using GitLab CI can not be updated using the API"
        raise RefusedError(HTTPStatus.FORBIDDEN, {"message": why})
    new = request.body["status"]
    # GitLab's state machine has no transition from a status to itself or to running.
    if new in {found.status, "running"}:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"message": {"status": ["cannot transition"]}})
    found.statuses.append(new)
    return HTTPStatus.OK, _shown(found)


def _list_deployments(request: _Request) -> tuple[int, Any]:
    found = [
        each
        for each in request.project.deployments
        if request.one("environment") in {"", each.environment} and request.one("status") in {"", each.status}
    ]
    if request.one("sort") == "desc":
        found.reverse()
    return HTTPStatus.OK, [_shown(each) for each in found]


def _list_merge_requests(request: _Request) -> tuple[int, Any]:
    labels = {label for label in request.one("labels").split(",") if label}
    found = [
        each
        for each in reversed(request.project.merge_requests)
        if request.one("state") in {"", "all", each.state}
        and labels <= {*each.labels}
        and request.one("source_branch") in {"", each.branch}
    ]
    return HTTPStatus.OK, [_merge_request(request.gitlab, request.project, each) for each in found]


def _update_merge_request(request: _Request) -> tuple[int, Any]:
    request.writes_notes()
    removed = str(request.body.get("remove_labels", "")).split(",")
    changed = request.merge_request
    changed.labels = [label for label in changed.labels if label not in removed]
    return HTTPStatus.OK, _merge_request(request.gitlab, request.project, changed)


def _of_commit(request: _Request) -> tuple[int, Any]:
    """List the merge requests of a commit. The fake only finds those whose head is this commit."""
    sha = request.parts["sha"]
    if not request.project.commit(sha):
        raise RefusedError(HTTPStatus.NOT_FOUND, {"message": "404 Commit Not Found"})
    found = [each for each in request.project.merge_requests if sha in {each.sha, each.merge_sha}]
    return HTTPStatus.OK, [_merge_request(request.gitlab, request.project, each) for each in found]


#: The event that leads to each state, and the states in which GitLab allows it (app/models/commit_status.rb). GitLab
#: also triggers ``enqueue`` before ``run``, but then ignores its failure.
_EVENTS: Final = {
    "pending": ("enqueue", {"created"}),
    "running": ("run", {"created", "pending"}),
    "success": ("success", {"created", "pending", "running"}),
    "failed": ("drop", {"created", "pending", "running"}),
    "canceled": ("cancel", {"created", "pending", "running"}),
}


def _refuse(status: HTTPStatus, message: Any) -> RefusedError:
    return RefusedError(status, {"message": message})


def _set_status(request: _Request) -> tuple[int, Any]:
    if request.kind == "job":
        raise _refuse(HTTPStatus.UNAUTHORIZED, "401 Unauthorized")
    project, body = request.project, request.body
    if body.get("state") not in _EVENTS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": "state does not have a valid value"})
    sha = project.commit(request.parts["sha"])
    if not sha:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Commit Not Found")
    pipeline = _pipeline_of(project, sha, body)
    if pipeline.ref in project.protected and not project.maintained:
        raise _refuse(HTTPStatus.FORBIDDEN, "403 Forbidden")
    name = body.get("name") or body.get("context") or "default"
    open_ones = [
        each
        for each in project.statuses
        if (each.name, each.pipeline) == (name, pipeline.id) and each.state in {"pending", "running"}
    ]
    status = open_ones[0] if open_ones else Status(
        id=len(project.statuses) + 1, name=name, sha=sha, pipeline=pipeline.id, ref=pipeline.ref, states=["created"]
    )  # fmt: skip
    _check_status_fields(body, taken=name in pipeline.jobs)
    event, sources = _EVENTS[body["state"]]
    if status.state not in sources:
        why = f'Cannot transition status via :{event} from :{status.state} (Reason(s): Status cannot transition via "{event}")'
        raise _refuse(HTTPStatus.BAD_REQUEST, why)
    if not open_ones:
        status.states.clear()
        project.statuses.append(status)
    status.states.append(body["state"])
    status.description = body.get("description", status.description)
    status.target_url = body.get("target_url", status.target_url)
    shown = {"id": status.id, "sha": sha, "ref": status.ref, "status": status.state, "name": name}
    shown |= {"description": status.description, "target_url": status.target_url, "pipeline_id": pipeline.id}
    return HTTPStatus.CREATED, shown


def _pipeline_of(project: Project, sha: str, body: Json) -> Pipeline:
    """Return the newest pipeline that matches the request. If there is none, create an external one."""
    found = [
        each
        for each in project.pipelines
        if each.sha == sha and body.get("ref") in {None, each.ref} and body.get("pipeline_id") in {None, each.id}
    ]
    if found:
        return found[-1]
    if body.get("pipeline_id") is not None:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Pipeline for pipeline_id, sha and ref Not Found")
    ref = body.get("ref") or project.branch_of(sha)
    if not ref:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 References for commit Not Found")
    return project.pipeline(sha, ref, source="external")


def _check_status_fields(body: Json, *, taken: bool) -> None:
    wrong: dict[str, list[str]] = {}
    for name in ("description", "target_url"):
        if len(body.get(name) or "") > 255:
            wrong[name] = ["is too long (maximum is 255 characters)"]
    if "target_url" in body and not body["target_url"].startswith(("http://", "https://")):
        wrong["target_url"] = ["is blocked: Only allowed schemes are http, https"]
    if taken:
        wrong["name"] = ["has already been taken"]
    if wrong:
        raise _refuse(HTTPStatus.BAD_REQUEST, wrong)


def _may_push(request: _Request, branch: str) -> None:
    if request.kind == "job":
        raise _refuse(HTTPStatus.UNAUTHORIZED, "401 Unauthorized")
    if request.project.reported:
        raise _refuse(HTTPStatus.FORBIDDEN, "403 Forbidden")
    if branch in request.project.protected and not request.project.maintained:
        raise _refuse(HTTPStatus.FORBIDDEN, "403 Forbidden - You are not allowed to push into this branch")


def _create_branch(request: _Request) -> tuple[int, Any]:
    project, branch = request.project, request.body["branch"]
    if branch not in project.protected:
        _may_push(request, branch)
    if project.head(branch):
        raise _refuse(HTTPStatus.BAD_REQUEST, "Branch already exists")
    if branch in project.protected and not project.maintained:
        raise _refuse(HTTPStatus.BAD_REQUEST, "You are not allowed to create protected branches on this project.")
    sha = project.commit(request.body["ref"])
    if not sha:
        raise _refuse(HTTPStatus.BAD_REQUEST, "Invalid reference name: " + request.body["ref"])
    project.repository.git("branch", branch, sha)
    return HTTPStatus.CREATED, {"name": branch, "commit": project.described(sha)}


def _show_branch(request: _Request) -> tuple[int, Any]:
    branch = urllib.parse.unquote(request.parts["branch"])
    sha = request.project.head(branch)
    if not sha:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Branch Not Found")
    shown = {"name": branch, "default": branch == request.project.default_branch}
    return HTTPStatus.OK, shown | {"commit": request.project.described(sha)}


def _delete_branch(request: _Request) -> tuple[int, Any]:
    branch = urllib.parse.unquote(request.parts["branch"])
    _may_push(request, branch)
    if not request.project.head(branch):
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Branch Not Found")
    request.project.repository.git("branch", "-D", branch)
    return HTTPStatus.NO_CONTENT, None


def _show_commit(request: _Request) -> tuple[int, Any]:
    sha = request.project.commit(request.parts["sha"])
    if not sha:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Commit Not Found")
    return HTTPStatus.OK, request.project.described(sha)


def _revert(request: _Request) -> tuple[int, Any]:
    project, branch = request.project, request.body["branch"]
    _may_push(request, branch)
    sha, head = project.commit(request.parts["sha"]), project.head(branch)
    if not sha:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Commit Not Found")
    if not head:
        raise _refuse(HTTPStatus.NOT_FOUND, "404 Branch Not Found")
    mainline = ["-m", "1"] if len(project.described(sha)["parent_ids"]) > 1 else []
    why = (
        "Sorry, we cannot revert this commit automatically. This commit may already have been reverted, or a more "
        "recent commit may have updated some of its content."
    )
    with tempfile.TemporaryDirectory() as folder:
        tree = Repository(folder=Path(folder, "tree"))
        project.repository.git("worktree", "add", "--detach", str(tree.folder), head)
        try:
            tree.git("revert", "--no-edit", *mainline, sha)
            made = tree.git("rev-parse", "HEAD").strip()
            project.repository.git("branch", "-f", branch, made)
        except CommandError as error:
            code = "conflict" if tree.git("ls-files", "--unmerged") else "empty"
            raise RefusedError(HTTPStatus.BAD_REQUEST, {"message": why, "error_code": code}) from error
        finally:
            project.repository.git("worktree", "remove", "--force", str(tree.folder))
    return HTTPStatus.CREATED, project.described(made)


def _create_merge_request(request: _Request) -> tuple[int, Any]:
    project, body = request.project, request.body
    request.writes_notes()
    missing = [f"{name} is missing" for name in ("source_branch", "target_branch", "title") if not body.get(name)]
    if missing:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": ", ".join(missing)})
    if project.reported:
        raise _refuse(HTTPStatus.FORBIDDEN, "403 Forbidden")
    for each in project.merge_requests:
        if (each.branch, each.state) == (body["source_branch"], "opened"):
            why = f"Another open merge request already exists for this source branch: !{each.iid}"
            raise _refuse(HTTPStatus.CONFLICT, [why])
    head = project.head(body["source_branch"])
    if not head:
        name = body["source_branch"]
        raise _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, [f'Source branch "{name}" does not exist'])
    if len(body["title"]) > 255:
        raise _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, {"title": ["is too long (maximum is 255 characters)"]})
    made = project.open(body["source_branch"], head, title=body["title"])
    made.target, made.description = body["target_branch"], body.get("description", "")
    made.removes_branch = body.get("remove_source_branch") is True
    return HTTPStatus.CREATED, _merge_request(request.gitlab, project, made)


def _show_project(request: _Request) -> tuple[int, Any]:
    project = request.project
    shown = {"id": project.id, "path_with_namespace": project.path, "default_branch": project.default_branch}
    return HTTPStatus.OK, shown


def _list_notes(request: _Request) -> tuple[int, Any]:
    notes = request.merge_request.notes
    return HTTPStatus.OK, [_note(each) for each in (notes if request.one("sort") == "asc" else reversed(notes))]


def _create_note(request: _Request) -> tuple[int, Any]:
    request.writes_notes()
    request.gitlab._serial += 1
    note = Note(id=request.gitlab._serial, body=_text(request))
    request.merge_request.notes.append(note)
    return HTTPStatus.CREATED, _note(note)


def _update_note(request: _Request) -> tuple[int, Any]:
    request.writes_notes()
    note: Note = _found(request.merge_request.notes, "id", request.parts["note"])
    if note.author != "project_bot" and not request.project.maintained:
        raise RefusedError(HTTPStatus.FORBIDDEN, {"message": "403 Forbidden"})
    note.body = _text(request)
    return HTTPStatus.OK, _note(note)


def _text(request: _Request) -> str:
    text = str(request.body.get("body", ""))
    if not text:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"error": "body is missing"})
    if len(text) > 1_000_000:
        raise RefusedError(HTTPStatus.BAD_REQUEST, {"message": "400 Bad request - Note is too long"})
    return text


def _shown(each: Deployment) -> Json:
    shown = {"id": each.id, "iid": each.id, "ref": each.ref, "sha": each.sha, "status": each.status}
    return shown | {"environment": {"name": each.environment}, "deployable": {"id": 1} if each.of_job else None}


def _note(each: Note) -> Json:
    return {"id": each.id, "body": each.body, "system": each.system, "author": _user(each.author)}


def _user(name: str) -> Json:
    return {"id": sum(name.encode()), "username": name}


def _merge_request(gitlab: GitLab, project: Project, each: MergeRequest) -> Json:
    shown = {"iid": each.iid, "project_id": project.id, "title": each.title, "state": each.state, "sha": each.sha}
    shown |= {"source_branch": each.branch, "target_branch": each.target, "labels": each.labels}
    shown |= {"description": each.description, "merge_commit_sha": each.merge_sha or None}
    shown |= {"source_project_id": 999 if each.from_fork else project.id, "target_project_id": project.id}
    return shown | {
        "author": {"username": "developer"},
        "web_url": f"{gitlab.url}/{project.path}/-/merge_requests/{each.iid}",
    }


_ROUTES: Final[tuple[tuple[str, str, Callable[[_Request], tuple[int, Any]]], ...]] = (
    ("POST", r"/deployments", _create_deployment),
    ("PUT", r"/deployments/(?P<deployment>\d+)", _update_deployment),
    ("GET", r"/deployments", _list_deployments),
    ("GET", r"/merge_requests", _list_merge_requests),
    ("PUT", r"/merge_requests/(?P<iid>\d+)", _update_merge_request),
    ("GET", r"/repository/commits/(?P<sha>[^/]+)/merge_requests", _of_commit),
    ("POST", r"/statuses/(?P<sha>[^/]+)", _set_status),
    ("POST", r"/repository/branches", _create_branch),
    ("GET", r"/repository/branches/(?P<branch>[^/]+)", _show_branch),
    ("DELETE", r"/repository/branches/(?P<branch>[^/]+)", _delete_branch),
    ("GET", r"/repository/commits/(?P<sha>[^/]+)", _show_commit),
    ("POST", r"/repository/commits/(?P<sha>[^/]+)/revert", _revert),
    ("POST", r"/merge_requests", _create_merge_request),
    ("GET", r"", _show_project),
    ("GET", r"/merge_requests/(?P<iid>\d+)/notes", _list_notes),
    ("POST", r"/merge_requests/(?P<iid>\d+)/notes", _create_note),
    ("PUT", r"/merge_requests/(?P<iid>\d+)/notes/(?P<note>\d+)", _update_note),
)


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, gitlab: GitLab, *arguments: Any) -> None:
        self.gitlab = gitlab
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        call = Call(method=self.command, path=path, body=self._sent())
        self.gitlab.calls.append(call)
        parsed = urllib.parse.parse_qs(query)
        headers: dict[str, str] = {}
        try:
            call.status, answer = self._handle(call, parsed, headers)
        except RefusedError as refused:
            call.status, answer = refused.status, refused.body
        if isinstance(answer, list):
            answer = _page(answer, parsed, headers)
        self._answer(call.status, answer, headers)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _handle(self, call: Call, query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Any]:
        time.sleep(self.gitlab.silent)
        if self.gitlab.down:
            return self.gitlab.down, {"message": "GitLab is not responding"}
        if self.gitlab.limited:
            self.gitlab.limited -= 1
            headers["Retry-After"] = str(self.gitlab.retry_after)
            return HTTPStatus.TOO_MANY_REQUESTS, {"message": "Retry later"}
        kind = self._kind()
        if call.path == "/api/v4/user":
            if kind == "job":
                raise RefusedError(HTTPStatus.UNAUTHORIZED, {"message": "401 Unauthorized"})
            return HTTPStatus.OK, _user("project_bot")
        if call.path == "/api/v4/personal_access_tokens/self":
            if kind == "job":
                raise RefusedError(HTTPStatus.UNAUTHORIZED, {"message": "401 Unauthorized"})
            return HTTPStatus.OK, {"id": 1, "scopes": ["read_api"] if self._reads_only() else ["api"]}
        for method, pattern, act in _ROUTES:
            match = re.fullmatch(_PROJECT + pattern, call.path)
            if match and method == call.method:
                parts = match.groupdict()
                project = self._project(urllib.parse.unquote(parts.pop("project")))
                project.before(call)
                request = _Request(
                    gitlab=self.gitlab, project=project, kind=kind, parts=parts, query=query, body=call.body
                )
                with self.gitlab.turn if method != "GET" else nullcontext():
                    return act(request)
        return HTTPStatus.NOT_FOUND, {"error": "404 Not Found"}

    def _reads_only(self) -> bool:
        return self.gitlab.tokens.get(self.headers.get("PRIVATE-TOKEN", "")) == "read"

    def _kind(self) -> str:
        token = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization", "").removeprefix("Bearer ")
        expected = "project"
        if not token:
            token, expected = self.headers.get("JOB-TOKEN", ""), "job"
        if self.gitlab.tokens.get(token) == "read" and self.command != "GET":
            raise RefusedError(HTTPStatus.FORBIDDEN, _SCOPE)
        if self.gitlab.tokens.get(token) not in {expected, "read"}:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, {"message": "401 Unauthorized"})
        return expected

    def _project(self, name: str) -> Project:
        for project in self.gitlab.projects:
            if name in {str(project.id), project.path}:
                return project
        raise RefusedError(HTTPStatus.NOT_FOUND, {"message": "404 Project Not Found"})

    def _sent(self) -> Json:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not text:
            return {}
        if "json" in self.headers.get("Content-Type", ""):
            try:
                parsed: Json = json.loads(text)
            except ValueError:
                return {"malformed": text}
            return parsed
        return {name: values[-1] for name, values in urllib.parse.parse_qs(text).items()}

    def _answer(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        body = b"" if status == HTTPStatus.NO_CONTENT else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (headers | {"Content-Type": "application/json", "Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _page(those: list[Any], query: dict[str, list[str]], headers: dict[str, str]) -> list[Any]:
    size = min(int(query.get("per_page", [str(_PAGE)])[-1]), 100)
    number = int(query.get("page", ["1"])[-1])
    more = len(those) > number * size
    headers |= {"X-Page": str(number), "X-Per-Page": str(size), "X-Next-Page": str(number + 1) if more else ""}
    return those[(number - 1) * size : number * size]
