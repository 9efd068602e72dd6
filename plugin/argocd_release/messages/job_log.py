"""The texts of the job log: the line of each event, the headers, the notes and the verdicts on exceptions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.core.text import QUOTED
from argocd_release.messages import Message

#: The line by the name of the event (``JobEvent.NAME``). Its fields are those of the event; ``joblog.py`` adds
#: ``target`` to a state, and ``news`` to ``still waiting``.
LINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "start": "argocd-release {version}: application {application}, Argo CD at {server}, timeout {timeout} s",
        "unknown setting": "warning: unknown setting {name}; did you mean {meant}?",
        "variable not read": "note: the component ignores the variable {name}; set its input `{input}` instead",
        "clocks differ": "note: cannot tell when this job started, because the clocks of GitLab and the runner "
        "differ: {why}",
        "expects": "expected: {what}",
        "timeout shortened": "note: the timeout is {timeout} s instead of {asked} s, because GitLab ends the job "
        "after {job} s",
        "versions apart": "note: {why}",
        "warning": "warning: {why}",
        "signed in": "signed in through Dex's connector {connector} with the job's ID token",
        "through proxy": "note: {why}",
        "not signed in anew": "note: could not get a new token: {error}",
        "not terminated": "warning: could not terminate the sync of the earlier revision: {error}",
        "command": "$ {command}",
        "called": "debug: {call} took {seconds:.3f} s{end}",
        "output": "{line}",
        "output left out": f"{QUOTED}… {{lines}} from argocd app wait left out",
        "unchanged": "+ {count} unchanged",
        "state": "-> {sync}{target}, {health}: {reason}",
        "transition": "debug: {what} {value} after {at:.1f} s",
        "still waiting": "-> still waiting after {waited} of {timeout} s{news}",
        "no answer": "-> {reason}; retrying",
        "judged": "-> {outcome} after {waited} s: {reason}",
        "summary": "-> {delivered}/{whole} delivered · {pending} pending · {failed} failed; {waited} of {timeout} s",
        "unknown words": "note: Argo CD reports values that this version of argocd-release does not know: {words}",
        "pods not seen": "note: this job cannot see the pods yet ({error}), so it can report crash loops late",
        "streams given up": "note: the streams on which Argo CD reports changes have ended {count} times in a row, so "
        "this job polls until its end. If a proxy ends them, raise its timeout for idle connections",
        "history not consulted": "note: {why}",
        "asking the site": "-> delivered; checking {url}",
        "looking for the cause": "-> {outcome}; collecting pods, events and logs",
        "asking the doctor": "checking the connection to Argo CD",
        "cause not looked for": "note: the search for the root cause failed: {error}",
        "hook log": "{text}",
        "hook logs refused": "note: this job cannot show the logs of hooks ({error}). To see them, give its token the "
        "right logs, get",
        "pod of job failed": "-> {failure}; Kubernetes starts another pod",
        "not shown": "note: {command} failed: {error}",
        "told": "{sink}: {text}",
        "not told": "warning: could not update the {sink}: {text}",
        "result": "{text}",
        "not proven": "{text}",
        "phases": "{text}",
        "evidence": "{text}",
        "next": "{text}",
        "reports written": "reports: {paths}",
        "report not written": "warning: could not write the {kind} to {path}: {error}",
        "text": "{text}",
    }
)
#: The line of the event ``unknown setting`` if no setting has a similar name.
UNKNOWN_SETTING: Final = Message("warning: unknown setting {name}")
#: The part of the line that names the revision, directly after the sync status. It is ``SYNCED_TO`` if the application
#: is synced, otherwise ``TARGET``.
SYNCED_TO: Final = Message(" to {revision}")
TARGET: Final = Message(" (target {revision})")

#: The part of the line ``still waiting`` with a reason that is new.
STILL: Final = Message(": {reason}")

# The beginning.
TRACKING: Final = Message("Waiting for {targets}")
FEED: Final = "Changes of resources (argocd app wait)"
FEED_REST: Final = "Later changes of resources (argocd app wait)"
HOOK_LOGS: Final = "Logs of hooks"
#: The line above the lines of a hook, and the line that follows if there are more lines than the job log shows.
HOOK_LOG: Final = Message("{hook}, Pod/{pod}, container {container}:")
HOOK_LOG_OF_POD: Final = Message("{hook}, container {container}:")
HOOK_LOG_OF: Final = Message("{application}: {source}")
HOOK_LOG_LEFT_OUT: Final = Message("… {lines} left out; the JSON report contains the last lines of this log")
NOTHING_EXPECTED: Final = Message(
    "nothing specific. Success will mean that HEAD of the tracked branch is deployed and healthy"
)
EXPECTED_BY_APPLICATION: Final = Message(
    "for each application in {file}, what the file says; for all other applications, {others}"
)
EXPECTED_OF_RESOURCES: Final = Message("{expectation}; only these resources must be Synced and Healthy: {patterns}")
NOTHING: Final = Message("nothing specific")
WARNING: Final = Message("{message}; {fix}")
STARTED_BEFORE_TIMEOUT: Final = Message(
    "by the runner's clock, the job started {elapsed} s ago, but its timeout is {timeout} s"
)
STARTS_IN_FUTURE: Final = Message("by the runner's clock, the job will start in {ahead} s")

# The end.
CUT_SHORT: Final = Message("the search for evidence was cut short: {reason}")
NEXT: Final = Message("next: {hint}")
MORE_CAUSES: Final = Message("not shown here: {causes}; see the table of applications above")
PODS_PENDING: Final = Message("Argo CD's API did not respond within {seconds} s; retrying")

# The verdicts on exceptions.
OUT_OF_TIME: Final = Message(
    "cancelled or out of time: the job was stopped when it reached its timeout in GitLab, and after that GitLab "
    "uploads no reports",
    "raise the job's timeout (`timeout`, or Settings → CI/CD). The release itself goes on in Argo CD",
)
CANCELLED: Final = Message(
    "{meaning}; release status unknown",
    "retry this job if you need the status: the release goes on in Argo CD without it",
)
SIGN_IN_FAILED: Final = Message(
    "{error}", "run the doctor (`argocd-release doctor`, or its component), which checks each step of the sign-in"
)
SETTINGS_WRONG: Final = Message("{error}", "make the changes after “fix:” above, and run the pipeline again")
NO_PREVIEW: Final = Message(
    "{error}",
    "name the branch after its issue, for example PROJ-123-description. To show a job without a preview as a warning "
    "only, set allow_failure: exit_codes: [15]",
)
UNEXPECTED: Final = Message(
    "argocd-release itself went wrong: {kind}: {error}",
    "report this error to the maintainers of argocd-release, with the lines above it",
)
