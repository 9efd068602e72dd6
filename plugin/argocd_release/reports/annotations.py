"""The annotations report, whose links GitLab shows on the job's page.

Its format is that of GitLab's parser (lib/gitlab/ci/parsers) and schema (ci_job_annotation_data.json).

GitLab fails the job if the report contains an unknown key or a link without an address.
"""

import json
from typing import Final
from urllib.parse import quote

from argocd_release.messages import reports as texts
from argocd_release.model.git import SHA, WEB, web_address
from argocd_release.model.result import ApplicationResult, ReleaseResult, page

LINKED: Final = 20
# app/validators/json_schemas/ci_job_annotation_data.json: a longer label fails the job.
LABEL_LIMIT: Final = 255
# A pod with a longer name gets no link, because the label would exceed 255 characters. Pod names are rarely longer
# than half of this limit.
NAME_LIMIT: Final = 200


def render(result: ReleaseResult) -> str:
    """Return the report as a JSON object of sections, each a list of external links."""
    links: dict[str, str] = {}
    # For a group, link only the applications that were not delivered: a job's page has no room for hundreds of links.
    for application in result.applications if result.only else result.undelivered[:LINKED]:
        links |= _links(application, result.project_url)
    if result.page and WEB.fullmatch(result.job_url):
        # Link GitLab's page of one artifact file (config/routes/project.rb). `artifacts:expose_as` cannot replace this
        # link: it shows nothing if the path contains a variable, and this path contains the one with the job's name.
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
        address = web_address(source.repo_url, project_url)
        if SHA.fullmatch(revision) and WEB.fullmatch(address):
            links[texts.COMMIT.fill(revision=revision[:8])] = f"{address}/-/commit/{revision}"
    if result.cause and result.help_url:
        links[texts.HELP_LINK.fill(code=result.cause.code.word)] = result.help_url
    return links
