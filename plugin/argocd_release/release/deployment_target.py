"""Tell which GitLab deployment an observation of the application belongs to: its commit, environment, branch or tag."""

import re
from typing import Final

from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.git_url import GitUrl
from argocd_release.notify.deployments import DeploymentTarget, is_commit
from argocd_release.settings.load import NotificationSettings

_COMMIT: Final = re.compile(r"[0-9a-f]{7,40}")
# Characters of a range of versions (https://github.com/Masterminds/semver), which names of branches hardly ever have.
_RANGE: Final = frozenset("*^~<>=| ")
_VERSION: Final = re.compile(r"\Av?[0-9]++(?:\.[0-9]++){1,2}+\Z")


def at_work(application: Application, project: str) -> str:
    """Return the project's commit that is being synced or is not healthy yet, or an empty string."""
    operation = application.operation
    if operation is not None and operation.running:
        # The commit that a hydrated revision was made of is known once it is compared with.
        return _own(application, application.commits if application.hydration else operation.revisions, project)
    if application.sync is SyncStatus.SYNCED and application.health is HealthStatus.PROGRESSING:
        return revision_of(application, project)
    return ""


def revision_of(application: Application, project: str) -> str:
    """Return the project's commit that the application is at; of several sources, that of the project's repository."""
    return _own(application, application.commits, project)


def deployment_target_of(application: Application, settings: NotificationSettings) -> DeploymentTarget:
    """Return the environment and the ref of the record.

    GitLab takes branches and tags only. If the application follows anything else, the ref is the default branch.
    """
    own = settings.gitlab_deployment in {settings.project_id, settings.project_path}
    target = application.sources[_position(application, settings.gitlab_deployment)].target_revision
    followed = target.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if _is_no_ref(followed):
        followed = settings.default_branch if own else ""
    ref = settings.gitlab_ref or (settings.ref_name if own and settings.ref_name else followed)
    tag = ref == settings.ref_tag if own and not settings.gitlab_ref else _VERSION.fullmatch(ref) is not None
    return DeploymentTarget(environment=settings.gitlab_environment or application.name, ref=ref, tag=tag)


def _is_no_ref(target: str) -> bool:
    """Return True for HEAD, a commit, or a range of versions such as ``1.2.*``."""
    return target in {"", "HEAD"} or _COMMIT.fullmatch(target) is not None or not _RANGE.isdisjoint(target)


def _own(application: Application, revisions: tuple[str, ...], project: str) -> str:
    position = _position(application, project)
    chosen = revisions[position] if position < len(revisions) else ""
    return chosen if is_commit(chosen) else next(filter(is_commit, revisions), "")


def _position(application: Application, project: str) -> int:
    """Return the position of the source whose repository is the project, or 0 if there is none."""
    paths = [GitUrl.parse(source.repo_url).path.lower() for source in application.sources]
    return next((at for at, path in enumerate(paths) if f"/{path}".endswith(f"/{project.lower()}")), 0)
