"""The annotations report: links on the job's page (lib/gitlab/ci/parsers, ci_job_annotation_data.json).

Keys that GitLab does not know, or a link without an address, fail the job.
"""

import json
import re
from typing import Final

from argocd_release.model.git_url import web_address
from argocd_release.model.result import Result

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


_WEB: Final = re.compile(r"https?://[^\s\"'<>\\]+")


def render(result: Result) -> str:
    """The report as a JSON object of sections, each a list of external links."""
    sections = {"Argo CD": [{"external_link": {"label": label, "url": url}} for label, url in _links(result).items()]}
    return json.dumps(sections if sections["Argo CD"] else {}, indent=2) + "\n"


def _links(result: Result) -> dict[str, str]:
    links = {f"{result.name} in Argo CD": result.url} if _WEB.fullmatch(result.url) else {}
    application = result.application
    for revision, source in zip(application.revisions, application.sources, strict=False) if application else ():
        address = web_address(source.repo_url, result.project_url)
        if _SHA.fullmatch(revision) and _WEB.fullmatch(address):
            links[f"commit {revision[:8]}"] = f"{address}/-/commit/{revision}"
    return links
