"""Whether this pipeline and this application belong together: could a release ever be proven, and in time."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from argocd_release.argocd.probe import Prober, unreadable_repository
from argocd_release.core.json_shape import as_object, as_objects
from argocd_release.core.text import one_line
from argocd_release.doctor.finding import Problem
from argocd_release.doctor.settings import span
from argocd_release.model.git_url import GitUrl
from argocd_release.settings import load
from argocd_release.settings.load import Settings

_ERRORS: Final = ("ComparisonError", "InvalidSpecError", "UnknownError")


def source(application: Mapping[str, Any], environ: Mapping[str, str], known: Settings) -> str | list[Problem]:
    """Whether what the application deploys has to do with what this pipeline builds."""
    own = GitUrl.parse(known.project_url)
    sources = _sources(application)
    beside = [item for item in sources if GitUrl.parse(str(item.get("repoURL") or "")).is_same(own)]
    shown = ", ".join(
        one_line(f"{GitUrl.parse(str(item.get('repoURL') or ''))} at {item.get('targetRevision') or 'HEAD'}", limit=200)
        for item in sources
    )
    if not known.project_url:
        return f"it deploys {shown}"
    if not beside:
        if known.revision:
            return [
                _warning(
                    "revision-elsewhere",
                    f"RELEASE_REVISION is this repository's, and the application deploys another: {shown}",
                    "expect an image (RELEASE_IMAGE), or the commit of that repository",
                )
            ]
        return f"it deploys another repository than this one: {shown}"
    branch = environ.get("CI_COMMIT_BRANCH", "")
    targets = {str(item.get("targetRevision") or "HEAD") for item in beside}
    followed = {branch, "HEAD", environ.get("CI_COMMIT_TAG", "")} - {""}
    if branch and targets.isdisjoint(followed | {environ.get("CI_COMMIT_SHA", "")}):
        target = one_line(", ".join(sorted(targets)), limit=100)
        return [
            _warning(
                "branch",
                f"the application follows {target}, and this pipeline is of {one_line(branch, limit=100)}: its commit "
                "never gets there",
                f"run the release job on {target} only (rules), or change the application's targetRevision",
            )
        ]
    return f"it deploys this repository: {shown}"


def proof(application: Mapping[str, Any], known: Settings) -> str | list[Problem]:
    """What would show that it is this pipeline's commit that runs."""
    if known.revision or known.chart_version:
        return "the revision or chart version that is expected shows it"
    images = [
        str(image) for image in as_object(as_object(application.get("status")).get("summary")).get("images") or ()
    ]
    if known.image:
        name = _image_name(known.image)
        if "/" in name and images and all(_image_name(image) != name for image in images):
            shown = one_line(", ".join(images[:3]), limit=300)
            return [
                _warning(
                    "image",
                    f"the application has no image {one_line(name, limit=150)}; it has {shown}",
                    "set RELEASE_IMAGE to the image as the manifests write it, or to its tag alone",
                )
            ]
        return "the image that is expected shows it"
    return [
        _warning(
            "nothing-expected",
            "nothing is expected, so green says that git's head runs, not that this commit does",
            "set the input image or revision",
        )
    ]


def syncing(application: Mapping[str, Any], prober: Prober, known: Settings) -> str | list[Problem]:
    """Who brings the change into the cluster, and whether he may now."""
    spec = as_object(application.get("spec"))
    automated = as_object(spec.get("syncPolicy")).get("automated") is not None
    problems = []
    if not automated and not known.sync:
        problems.append(
            _warning(
                "sync-manual",
                "nobody syncs: the application has no automated sync policy, and RELEASE_SYNC is not set",
                "switch automated sync on, or set the input sync (the token then needs `applications, sync`)",
            )
        )
    for condition in as_objects(as_object(application.get("status")).get("conditions")):
        if condition.get("type") in _ERRORS:
            message = one_line(f"{condition.get('type')}: {condition.get('message')}", limit=300)
            problems.append(_warning("condition", f"Argo CD cannot deploy it as it is: {message}", "mend that first"))
    if window := _window(prober, known.first_name):
        problems.append(
            _warning(
                "sync-window", f"a sync window forbids syncing now: {window}", "release later, or change the window"
            )
        )
    return problems or ("Argo CD syncs by itself" if automated else "this job asks Argo CD to sync")


def time(known: Settings, now: datetime) -> str | list[Problem]:
    """Whether GitLab leaves the job as long as it may wait."""
    left, _ = load.seconds_left(known, now)
    if left < known.timeout:
        return [
            _warning(
                "job-timeout",
                f"the timeout is {span(known.timeout)}, but GitLab ends the job after {span(known.job_timeout)}: it "
                f"will wait {span(left)} at the most",
                "raise the job's timeout, or lower RELEASE_TIMEOUT",
            )
        ]
    return f"at most {span(known.timeout)}"


def history(known: Settings) -> str | list[Problem]:
    """Whether this job can see which commit contains which."""
    if not known.revision or known.revision_match == "exact":
        return "not needed"
    shown = str(GitUrl.parse(known.repository_url))
    parts = urlsplit(known.repository_url) if known.repository_url else None
    if parts is None or parts.scheme not in {"http", "https"}:
        return [_warning("history-missing", "CI_REPOSITORY_URL is no address to read", "GitLab sets it in a job")]
    if why := unreadable_repository(known.repository_url, ca_file=known.git_ca_file):
        return [
            _warning(
                "history-unreachable",
                f"{shown} cannot be read: {one_line(why, limit=200)}",
                "the runner must reach GitLab; a private authority is taken from CI_SERVER_TLS_CA_FILE",
            )
        ]
    return f"{shown} can be read"


def reports(environ: Mapping[str, str]) -> str | list[Problem]:
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
    return problems or "they can be written"


def _window(prober: Prober, name: str) -> str:
    namespace, _, plain = name.rpartition("/")
    query = {"appNamespace": namespace} if namespace else {}
    answer = prober.get(f"/api/v1/applications/{plain}/syncwindows", query, token=True)
    try:
        found = as_object(json.loads(answer.body))
    except (ValueError, RecursionError):
        return ""
    denying = [item for item in as_objects(found.get("activeWindows")) if item.get("kind") == "deny"]
    return ", ".join(one_line(f"deny {item.get('schedule')} for {item.get('duration')}") for item in denying)


def _sources(application: Mapping[str, Any]) -> list[dict[str, Any]]:
    spec = as_object(application.get("spec"))
    return as_objects(spec.get("sources")) or [as_object(spec.get("source"))]


def _image_name(image: str) -> str:
    plain = image.partition("@")[0]
    head, slash, last = plain.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _warning(code: str, message: str, fix: str) -> Problem:
    return Problem(code=code, message=message, fix=fix)
