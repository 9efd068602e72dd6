"""Render the annotations report. GitLab shows its links on the page of the job.

The format is that of GitLab's parser (lib/gitlab/ci/parsers) and schema (ci_job_annotation_data.json). If the report
contains an unknown key or a link without an address, GitLab fails the job.
"""

import json
from typing import Final
from urllib.parse import quote

from argocd_release.messages import reports as texts
from argocd_release.model.git import WEB, commit_address
from argocd_release.model.result import ApplicationResult, ReleaseResult, page

# The maximum number of applications of a group that get links.
LINKED: Final = 20
# The maximum length of a label. A longer label fails the job (app/validators/json_schemas/ci_job_annotation_data.json).
LABEL_LIMIT: Final = 255
# If the name of a pod is longer, the pod gets no link, because the label would exceed its limit. Pod names are rarely
# longer than half of this.
NAME_LIMIT: Final = 200


def render(result: ReleaseResult) -> str:
    """Return the report as JSON text: an object of sections, each of which is a list of external links."""
    links: dict[str, str] = {}
    # For a group, link only the applications that were not delivered, because a job's page has no room for hundreds of
    # links.
    for application in result.applications if result.only else result.undelivered[:LINKED]:
        links |= _links(application, result.project_url)
    if result.page and WEB.fullmatch(result.job_url):
        # Link GitLab's page of the artifact (config/routes/project.rb). `artifacts:expose_as` shows no link if the path
        # of the artifact contains a variable, and this path contains the variable with the job's name.
        links = {texts.PAGE_LINK: f"{result.job_url}/artifacts/file/{quote(result.page)}"} | links
    limited = {label[:LABEL_LIMIT]: url for label, url in links.items()}
    sections = {"Argo CD": [{"external_link": {"label": label, "url": url}} for label, url in limited.items()]}
    return json.dumps(sections if sections["Argo CD"] else {}, indent=2) + "\n"


def _links(result: ApplicationResult, project_url: str) -> dict[str, str]:
    links = {texts.IN_ARGO_CD.fill(application=result.name): result.url} if WEB.fullmatch(result.url) else {}
    named = [pod for pod in result.diagnosis.pods if len(pod.name) <= NAME_LIMIT and len(pod.namespace) <= NAME_LIMIT]
    broken = [pod for pod in named if pod.health != "Healthy"]
    if links and broken:
        links[texts.LOG_OF_POD.fill(pod=broken[0].name)] = page(result.url, broken[0].ref, tab="logs")
    application = result.application
    for revision, source in zip(application.commits, application.sources, strict=False) if application else ():
        if address := commit_address(source.repo_url, revision, project_url):
            links[texts.COMMIT.fill(revision=revision[:8])] = address
    if result.cause and result.help_url:
        links[texts.HELP_LINK.fill(code=result.cause.code.word)] = result.help_url
    return links
