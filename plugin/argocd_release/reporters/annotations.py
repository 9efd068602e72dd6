"""The annotations report: links on the job's page (lib/gitlab/ci/parsers, ci_job_annotation_data.json).

Keys that GitLab does not know, or a link without an address, fail the job.
"""

import json

from argocd_release.result import Result


def render(result: Result) -> str:
    """The report as a JSON object of sections, each a list of external links."""
    link = {"label": f"{result.name} in Argo CD", "url": result.url}
    sections = {"Argo CD": [{"external_link": link}]} if result.url else {}
    return json.dumps(sections, indent=2) + "\n"
