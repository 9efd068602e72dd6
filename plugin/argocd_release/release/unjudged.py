"""What a run says that ended without a verdict of the tracker's."""

import traceback
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.errors import Cancelled, ProgramMissingError, ReleaseError, SignInError
from argocd_release.model.events import Trace
from argocd_release.model.outcome import Outcome
from argocd_release.model.verdict import Verdict
from argocd_release.release.job_log import JobLog

# Whatever goes wrong ends in a verdict; only a fault of Python itself does not.
ENDINGS: Final = (Exception, Cancelled)

_HINTS: Final = {
    Outcome.SETTINGS: "make the changes after “fix:” above, and run the pipeline again",
    Outcome.NO_PREVIEW: "name the branch after its issue, as PROJ-123-description; allow_failure: exit_codes: [15] "
    "makes such a job orange",
}


def verdict_on(error: BaseException, log: JobLog, *, out_of_time: bool = False) -> Verdict:
    """Return the verdict on an exception; an unexpected one is logged with its trace.

    Args:
        error: the exception that ended the run.
        log: the job log.
        out_of_time: GitLab's timeout of the job is over, which looks to the job like a cancellation.

    """
    match error:
        case Cancelled() if out_of_time:
            reason = "cancelled, or out of time: GitLab's timeout of the job is over. GitLab uploads no reports then"
            hint = "raise the job's timeout (`timeout`, or Settings → CI/CD); the release itself goes on in Argo CD"
            return Verdict(outcome=error.outcome, reason=reason, hint=hint)
        case Cancelled():
            hint = "the release itself goes on: Argo CD does not know of this job"
            return Verdict(outcome=error.outcome, reason=f"{error.outcome.meaning}; release status unknown", hint=hint)
        case SignInError():
            hint = "argocd-release doctor checks the whole chain, step by step"
            return Verdict(outcome=error.outcome, reason=str(error), hint=hint)
        case ProgramMissingError():
            return Verdict(outcome=error.outcome, reason=str(error), hint=error.hint)
        case ReleaseError():
            return Verdict(outcome=error.outcome, reason=str(error), hint=_HINTS.get(error.outcome, ""))
        case _:
            log.tell(Trace(text="".join(traceback.format_exception(error))))
            reason = f"argocd-release itself went wrong: {type(error).__name__}: {one_line(str(error))}"
            return Verdict(outcome=Outcome.UNEXPECTED, reason=reason, hint="please report this, with the lines above")
