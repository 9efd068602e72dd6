"""Check that the job can set commit statuses and open merge requests in GitLab."""

from typing import Final

from argocd_release.core.text import as_list, as_object, one_line
from argocd_release.messages import doctor
from argocd_release.model.errors import SetupProblem
from argocd_release.notify.gitlab_client import GitLab, GitLabError, with_next_step
from argocd_release.settings.load import NotificationSettings
from argocd_release.timing import DOCTOR_CALL, Deadline

_SCOPE: Final = "api"


def projects(settings: NotificationSettings) -> dict[str, str]:
    """Return the projects in which the job needs a GitLab token, each with the setting that needs it."""
    needed = {settings.commit_status: "<RELEASE_COMMIT_STATUS>"} if settings.commit_status else {}
    if settings.revert:
        needed[settings.revert_project or settings.own_project] = "<RELEASE_REVERT>"
    return {project: setting for project, setting in needed.items() if project}


def readable(settings: NotificationSettings) -> str | list[SetupProblem]:
    """Check that the GitLab token can read the projects of the settings, and that it has the scope ``api``."""
    needed = projects(settings)
    if not settings.gitlab_token:
        return [SetupProblem.of(doctor.GITLAB_TOKEN_MISSING, settings=", ".join(needed.values()))]
    if not settings.gitlab_api:
        return doctor.GITLAB_OUTSIDE.fill()
    problems = []
    for number, (project, setting) in enumerate(needed.items()):
        with GitLab(
            settings.gitlab_api, project, token=settings.gitlab_token, job_token="", deadline=Deadline(2 * DOCTOR_CALL),
            ca_file=settings.git_ca_file,
        ) as gitlab:  # fmt: skip
            try:
                gitlab.path()
                scopes = as_list(as_object(gitlab.token_details()).get("scopes")) if number == 0 else []
            except GitLabError as error:
                text = str(with_next_step(error, project=project, setting=setting))
                problems.append(
                    SetupProblem.of(doctor.GITLAB_UNREADABLE, project=one_line(project, limit=100), error=text)
                )
                continue
        if scopes and _SCOPE not in scopes:
            names = one_line(", ".join(map(str, scopes)), limit=100)
            problems.append(SetupProblem.of(doctor.GITLAB_SCOPE, scopes=names))
    return problems or doctor.GITLAB_READABLE.fill(projects=one_line(", ".join(needed), limit=200))
