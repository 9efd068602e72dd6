"""What a verdict proves, in one sentence."""

from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult

_SHORT = 8


def proof(result: ApplicationResult) -> str:
    """Return what a success proves about the application; any other outcome proves nothing."""
    if result.outcome is not Outcome.DELIVERED:
        return f"Not proven: the release {'was not delivered' if result.outcome.is_failure else 'status is unknown'}."
    if result.verdict.caveat:
        return f"{result.verdict.caveat[:1].upper()}{result.verdict.caveat[1:]}."
    if result.expects:
        contained = f", which {result.verdict.via}" if result.verdict.via else ""
        return f"Proven: what was expected runs, {result.expects}{contained}."
    application = result.application
    revision = application.revision[:_SHORT] if application and len(application.revisions) == 1 else ""
    head = f"git's head runs, as Argo CD found it during this job{f' ({revision})' if revision else ''}"
    if result.image_runs:
        return f"Proven: an image of this pipeline's commit runs, {result.image_tag}; and {head}."
    if not result.image_tag or not result.proven:
        return f"Proven: {head}. That is not to say that this pipeline's commit runs."
    return f"Proven: {head}, and that is this pipeline's commit."
