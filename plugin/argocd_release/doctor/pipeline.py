"""Whether this pipeline and this application belong together: could a release ever be proven, and in time."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from argocd_release.argocd.api import Api
from argocd_release.argocd.probe import unreadable_repository
from argocd_release.core.text import one_line
from argocd_release.doctor.settings import span
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, SetupProblem
from argocd_release.model.git_url import GitUrl
from argocd_release.settings import load
from argocd_release.settings.load import ExpectationSettings, GitSettings, PolicySettings, TimeSettings


def source(
    application: Application, environ: Mapping[str, str], expectation: ExpectationSettings, project_url: str
) -> str | list[SetupProblem]:
    """Whether what the application deploys has to do with what this pipeline builds."""
    own = GitUrl.parse(project_url)
    sources = application.sources
    beside = [item for item in sources if GitUrl.parse(item.repo_url).is_same(own)]
    shown = ", ".join(
        one_line(f"{GitUrl.parse(item.repo_url)} at {item.target_revision or 'HEAD'}", limit=200) for item in sources
    )
    if not project_url:
        return f"the application deploys {shown}"
    if not beside:
        if expectation.revision:
            return [
                _warning(
                    "revision-elsewhere",
                    "<RELEASE_REVISION> is a commit of this repository, but the application deploys another one: "
                    f"{shown}",
                    "expect an image (<RELEASE_IMAGE>), or the commit of that repository",
                )
            ]
        return f"the application deploys another repository than this one: {shown}"
    branch = environ.get("CI_COMMIT_BRANCH", "")
    targets = {item.target_revision or "HEAD" for item in beside}
    followed = {branch, "HEAD", environ.get("CI_COMMIT_TAG", "")} - {""}
    if branch and targets.isdisjoint(followed | {environ.get("CI_COMMIT_SHA", "")}):
        target = one_line(", ".join(sorted(targets)), limit=100)
        return [
            _warning(
                "branch",
                f"the application follows {target}, but this pipeline is for {one_line(branch, limit=100)}: its "
                "commit will not be deployed",
                f"run the release job on {target} only (rules), or change the application's targetRevision",
            )
        ]
    return f"the application deploys this repository: {shown}"


def proof(application: Application, expectation: ExpectationSettings) -> str | list[SetupProblem]:
    """What would show that it is this pipeline's commit that runs."""
    if expectation.revision or expectation.chart_version:
        return "success will mean that the expected revision or chart version is delivered"
    images = application.images
    if expectation.image:
        name = _image_name(expectation.image)
        if "/" in name and images and all(_image_name(image) != name for image in images):
            shown = one_line(", ".join(images[:3]), limit=300)
            return [
                _warning(
                    "image",
                    f"the application has no image {one_line(name, limit=150)}; it has {shown}",
                    "set <RELEASE_IMAGE> to the image as the manifests write it, or to its tag alone",
                )
            ]
        return "success will mean that the expected image is delivered"
    return [
        _warning(
            "nothing-expected",
            "nothing is expected: success will mean that HEAD of the tracked branch is deployed and healthy, whichever "
            "commit or image that is",
            "set <RELEASE_IMAGE> to the tag that this pipeline builds, or <RELEASE_REVISION>",
        )
    ]


def syncing(application: Application, api: Api, policy: PolicySettings) -> str | list[SetupProblem]:
    """Who brings the change into the cluster, and whether he may now."""
    problems = []
    if not application.automated and not policy.sync:
        problems.append(
            _warning(
                "sync-manual",
                "neither Argo CD nor this job syncs: the application has no automated sync policy, and <RELEASE_SYNC> "
                "is not set",
                "turn on automated sync, or set <RELEASE_SYNC=true> (the token then needs `applications, sync`)",
            )
        )
    for condition in application.errors:
        message = one_line(f"{condition.type}: {condition.message}", limit=300)
        problems.append(
            _warning(
                "condition",
                f"Argo CD cannot deploy it as it is: {message}",
                "fix the error that Argo CD shows, and run the doctor again",
            )
        )
    with suppress(ArgoCDError):
        if window := api.sync_window(application.full_name):
            forbids = f"a sync window forbids syncing now: {window}"
            problems.append(_warning("sync-window", forbids, "release later, or change the window"))
    return problems or ("Argo CD syncs automatically" if application.automated else "this job asks Argo CD to sync")


def time(job_time: TimeSettings, now: datetime) -> str | list[SetupProblem]:
    """Whether GitLab leaves the job as long as it may wait."""
    left, _ = load.seconds_left(job_time, now)
    if left < job_time.timeout:
        return [
            _warning(
                "job-timeout",
                f"the timeout is {span(job_time.timeout)}, but GitLab ends the job after {span(job_time.job_timeout)}: "
                f"it will wait for at most {span(left)}",
                "raise the job's timeout, or lower <RELEASE_TIMEOUT>",
            )
        ]
    return f"the job waits for at most {span(job_time.timeout)}"


def history(git: GitSettings) -> str | list[SetupProblem]:
    """Whether this job can see which commit contains which."""
    if not git.revision or git.revision_match == "exact":
        return "not needed: no revision is expected that another commit can contain"
    shown = str(GitUrl.parse(git.repository_url))
    parts = urlsplit(git.repository_url) if git.repository_url else None
    if parts is None or parts.scheme not in {"http", "https"}:
        return [_warning("history-missing", "CI_REPOSITORY_URL is not an HTTP address", "leave it as GitLab sets it")]
    if why := unreadable_repository(git.repository_url, ca_file=git.git_ca_file):
        return [
            _warning(
                "history-unreachable",
                f"{shown} cannot be read: {one_line(why, limit=200)}",
                "let the runner reach GitLab. If GitLab's certificate has a private authority, set tls-ca-file "
                "in the runner's settings",
            )
        ]
    return f"{shown} can be read"


def reports(environ: Mapping[str, str]) -> str | list[SetupProblem]:
    """Whether the reports can be written where they are wanted."""
    problems = []
    for path in load.report_paths(environ).values():
        folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            problems.append(
                _warning(
                    "report-path", f"{one_line(path, limit=200)} cannot be written", "choose a path in the project"
                )
            )
    return problems or "all reports can be written"


def _image_name(image: str) -> str:
    plain = image.partition("@")[0]
    head, slash, last = plain.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _warning(code: str, message: str, fix: str) -> SetupProblem:
    return SetupProblem(code=code, message=message, fix=fix)
