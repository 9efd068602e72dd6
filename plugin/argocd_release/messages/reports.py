"""The texts of the reports and of the notifications in GitLab: facts, evidence, the proof of a success, the page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import Message

# The cause and the next step.
CAUSE: Final = Message("cause: {message}")
CAUSE_OF: Final = Message("cause {number} of {count}: {message}")
NEXT: Final = Message("next: {hint}")
HELP: Final = Message("help: {url}")
NOTE: Final = Message("note: {caveat}")
NOT_PROVEN_NOTE: Final = Message(
    "note: this success only means that HEAD of the tracked branch is deployed; to prove this commit ({image_tag}), "
    "set <RELEASE_IMAGE> to the image that was built, or <RELEASE_REVISION>"
)

NO_SERVING_POD_NOTE: Final = Message(
    "note: an image of this commit exists ({image_tag}), but the job saw no serving pod with it; to prove this commit, "
    "set <RELEASE_IMAGE> to the image that was built, or <RELEASE_REVISION>"
)
NOTE_OF_APPLICATIONS: Final = Message("note: {applications}: {caveat}")

# The facts.
IMAGE_TAG: Final = "Image Tag:"
COMMIT_UNCHECKED: Final = Message("{commit} (this pipeline's commit; the job did not check if Argo CD has it)")
DURATION: Final = Message("{seconds} s ({phases})")
EXIT_CODE: Final = Message("{exit_code} ({meaning})")
EXIT_CODE_OF_GROUP: Final = Message("{exit_code} (of the worst application: {meaning})")
EXCLUDED: Final = "Excluded:"
LISTED: Final = Message("{count}, of which the reports list {listed}")
LISTED_DEVIATING: Final = Message("{listed}; not Synced and Healthy: {deviating} of the others")

# The state in which a release ended that was not delivered.
EXPECTED: Final = "Expected:"
ARGO_CD_HAS: Final = "Argo CD has:"
LAST_SEEN: Final = "Last seen:"
RUNS_NOW: Final = "Runs now:"
OLD_VERSION: Final = "Old version:"
HOOKS: Final = "Hooks:"
STATUS: Final = "Status:"
EXPECTED_WITHOUT: Final = Message("{expected}; excluded from the verdict: {excluded}")
HEAD_OF_BRANCH: Final = "HEAD of the tracked branch"
NEVER_SHOWN: Final = "unknown: Argo CD has not shown the application to this job"
REVISION: Final = Message("revision {revision}")
OTHER_REVISION: Final = Message("revision {revision}, which is not the expected one")
COMPARED: Final = Message("{revision}: {applied}; the application's health is {health}")
NOT_COMPARED: Final = Message("unknown: Argo CD could not compare with git; the application's health is {health}")
HEALTH_OF: Final = Message("{health} ({resources})")
APPLIED: Final = "applied (Synced)"
NOT_APPLIED: Final = "not applied (OutOfSync)"
PARTLY_APPLIED: Final = Message("partly applied, {applied} of {resources} (OutOfSync)")
DRIFTED: Final = "applied, but the cluster differs from git (OutOfSync)"
UNKNOWN: Final = "unknown"
PODS_UNKNOWN: Final = "unknown: Argo CD did not show the pods to this job"
NO_PODS: Final = "the application has no pods"
NO_POD_READY: Final = "nothing: no pod is ready"
READY_OF: Final = Message("{ready} of {pods} ready")
RUNS: Final = Message("{images} ({ready})")
RUNS_SINCE: Final = Message("{images}, since {since} ({age} ago, {ready})")
OLD_SERVES: Final = "still serves"
OLD_SERVES_TOO: Final = "still serves, beside pods of the new version"
NOT_EXPECTED_RUNS: Final = "what runs now is not the expected version"
OLD_GONE: Final = "does not serve any more"
NO_OLD_VERSION: Final = "none: this is the first release"
REPLACED: Final = Message("replaced by the new version: {ready} of {pods} ready")
NOT_CHANGED: Final = "still serves, because this release has not changed the pods"
NO_HOOKS: Final = "none ran"
NO_HOOKS_NO_SYNC: Final = "none ran, because no sync of this revision has started"
HOOK: Final = Message("{hook_type} {hook} {phase}")
HOOK_SUCCEEDED: Final = "succeeded"
HOOK_FAILED: Final = "failed"
HOOK_RUNS: Final = "has not ended"
HOOK_WAITS: Final = "has not begun, because its pod has not started"
HOOK_REJECTED: Final = "was not created"

# These texts say what Argo CD does now, so that the reader can decide whether to wait.
ARGO_CD_NOW: Final = "Argo CD now:"
NOW_DELETES: Final = "deletes the application, and waits until all of its resources are gone"
NOW_SKIPS: Final = "does nothing for this application as long as the annotation skip-reconcile is set"
NOW_STARTS: Final = "is about to start a sync"
NOW_ENDS_SYNC: Final = "is ending the sync, because a user or a job has terminated it"
NOW_SYNCS_OTHER: Final = Message("is still syncing {revision} ({attempt}), and syncs this revision only after that")
NOW_SYNCS: Final = Message("is syncing this revision: {attempt}, since {time}")
NOW_RETRIES: Final = Message("retries the sync by itself: {attempt} begins at {time}, {effect}")
NOW_RETRIES_SOON: Final = Message("retries the sync by itself: {attempt} begins soon, {effect}")
NOW_CAN_HEAL: Final = "and can succeed without a change in git"
NOW_FAILS_AGAIN: Final = "and fails in the same way until the cause is removed"
NOW_TAKES_LATEST: Final = "and takes the latest commit of the branch"
NOW_RUNS_HOOK_AGAIN: Final = "and runs the hook again"
NOW_ATTEMPT_OF: Final = Message("attempt {number} of {most}")
NOW_ATTEMPT_UNLIMITED: Final = Message("attempt {number} (without a limit)")
NOW_COMPARES_AGAIN: Final = "compares again every few minutes, and applies nothing until the comparison succeeds"
NOW_GAVE_UP: Final = Message("has given up: {attempts} failed, and it does not sync this revision again by itself")
NOW_ALL_ATTEMPTS: Final = Message("all {count} attempts")
NOW_THE_ATTEMPT: Final = "the only attempt"
NOW_SYNCED: Final = "has applied the revision, and does nothing more"
NOW_WATCHES: Final = "has applied the revision, and only watches the health of the resources"
NOW_KUBERNETES_RETRIES: Final = (
    "has applied the revision, and does nothing more, but Kubernetes keeps trying to create or start the pods"
)
NOW_WAITS_FOR_USER: Final = "waits until a user or a job syncs the application"
NOW_WAITS_FOR_WINDOW: Final = "waits until the sync window allows the sync, and then syncs by itself"
NOW_SYNCS_AT: Final = Message("waits for the sync window, and syncs by itself at {time} or a few minutes later")
NOW_WINDOW_STAYS_CLOSED: Final = Message("does nothing: the sync window allows no sync within the next {days} days")
NOW_DOES_NOT_SYNC: Final = "has not begun to sync this revision, although it usually begins within seconds"
NOW_SYNCS_SOON: Final = "has not begun to sync this revision yet, but usually begins within seconds"
NOW_TERMINATED: Final = (
    "does nothing: a user or a job has terminated the sync, and Argo CD does not repeat it by itself"
)
NOW_HEALS: Final = "repeats the sync whenever it finds a difference (selfHeal)"
NOW_SYNCED_ALREADY: Final = "does nothing: it has synced this revision once, and does not repeat that by itself"

# The texts about a job that has ended before its timeout.
ENDED_EARLY: Final = "Ended early:"
ENDED_BECAUSE: Final = Message("the timeout is {timeout} s, but {reason}")
#: The reasons why the job ends before its timeout, by the names of the symptoms. They continue the words ``the timeout
#: is 300 s, but``.
ENDED_BECAUSE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "REFUSED": "Argo CD has refused the request for {seconds} s (setting <RELEASE_CONDITION_GRACE>)",
        "DELETED": "the application has been gone, or marked for deletion, for {seconds} s (setting "
        "<RELEASE_DELETED_GRACE>)",
        "UNREACHABLE": "Argo CD has not responded for {seconds} s (setting <RELEASE_UNREACHABLE_GRACE>)",
        "UNREACHABLE_AT_START": "Argo CD has not responded for {seconds} s since the start (setting "
        "<RELEASE_CONNECT_GRACE>)",
        "CANNOT_COMPARE": "this error has lasted for {seconds} s (setting <RELEASE_UNREACHABLE_GRACE>)",
        "CANNOT_HYDRATE": "this error has lasted for {seconds} s (setting <RELEASE_UNREACHABLE_GRACE>)",
        "HYDRATION_FAILED": "this error has lasted for {seconds} s (setting <RELEASE_CONDITION_GRACE>)",
        "OPERATION_FAILED": "Argo CD does not repeat a failed sync by itself, so waiting cannot help",
        "ATTEMPTS_FAILED": "further attempts fail in the same way until the cause is removed "
        "(setting <RELEASE_FAILED_ATTEMPTS>)",
        "HOOK_FAILED": "a hook that has failed can have changed data, so you must look at it first "
        "(setting <RELEASE_FAILED_ATTEMPTS>)",
        "ATTEMPTS_WAIT": "no attempt has succeeded within {seconds} s (setting <RELEASE_HEALING_GRACE>)",
        "CONDITION": "a second comparison has confirmed this error, and it does not end by itself "
        "(setting <RELEASE_CONDITION_GRACE>)",
        "SYNC_REFUSED": "Argo CD has refused the sync for {seconds} s (setting <RELEASE_CONDITION_GRACE>)",
        "OUT_OF_REACH": "the expectation cannot be met any more, so waiting cannot help (setting "
        "<RELEASE_EXPECTATION_GRACE>)",
        "STUCK": "this state has lasted for {seconds} s, and Argo CD does not change it by itself "
        "(setting <RELEASE_STUCK_GRACE>)",
        "OLD_SYNC": "the earlier sync has made no progress for {seconds} s (setting <RELEASE_STUCK_GRACE>)",
        "PODS": "this state has lasted for {seconds} s, and seldom ends by itself (setting <RELEASE_POD_GRACE>)",
        "DEGRADED": "this state has lasted for {seconds} s, and seldom ends by itself (setting "
        "<RELEASE_DEGRADED_GRACE>)",
        "HEALTH_UNREADABLE": "this error has lasted for {seconds} s (setting <RELEASE_DEGRADED_GRACE>)",
        "EMPTY": "this state has lasted for {seconds} s, and does not end without a change",
    }
)

# The evidence.
STATE: Final = "State"
COMMAND: Final = Message("$ argocd app get {application}")
CHANGED: Final = "What changed"
EVENTS: Final = "Recent events"
NOT_SHOWN: Final = "Not shown"
SAME_LOG: Final = Message("the same log: {pods}")
RESOURCES_FINE: Final = Message("{resources} without problems")
MORE_CHANGES: Final = Message("and {count} more: {actions}")
UNCHANGED: Final = Message("+ {count} unchanged")
PODS_FINE: Final = Message("{pods} ready or completed")
PODS_UNLISTED: Final = Message("and {pods} not listed")
MORE_NORMAL_EVENTS: Final = Message("and {count} more of type Normal")
LAST_WORDS: Final = Message("last log lines of {pod}:")
LOG: Final = Message("Log of Pod/{pod}, container {container}, last {lines}")
LOG_BEFORE_RESTART: Final = Message("Log of Pod/{pod}, container {container} before its last restart, last {lines}")
LEFT_OUT: Final = Message("… and {lines} left out")

# How long the phases took, and what the release proves.
PHASE: Final = Message("{name} {seconds} s")
SLOWEST: Final = Message("{phases} ({subject} {seconds} s)")
AT_THE_END: Final = Message("{status} at the end")
NOT_DELIVERED: Final = "Not proven: the release was not delivered."
STATUS_UNKNOWN: Final = "Not proven: the release status is unknown."
CAVEAT: Final = Message("{caveat}.")
PROVEN: Final = Message("Proven: the expected version runs, {expected}.")
PROVEN_BY_LATER: Final = Message("Proven: the expected version runs, {expected}: {delivered_by}.")
HEAD: Final = "HEAD of the tracked branch runs, as Argo CD read it during this job"
HEAD_AT: Final = Message("HEAD of the tracked branch runs, as Argo CD read it during this job ({revision})")
PROVEN_IMAGE: Final = Message("Proven: an image of this pipeline's commit runs ({image_tag}), and {head}.")
PROVEN_HEAD_WITH_IMAGE: Final = Message(
    "Proven: {head}. An image of this pipeline's commit exists, {image_tag}, but the job did not see a serving pod "
    "with it."
)
PROVEN_HEAD: Final = Message("Proven: {head}. This does not prove that this pipeline's commit runs.")
PROVEN_COMMIT: Final = Message("Proven: {head}, and that is this pipeline's commit.")

# JUnit.
ALL_RELEASED: Final = "all applications are released"
RELEASED: Final = Message("{application} is released")
THE_APPLICATION: Final = "the application"
CASE_UNKNOWN: Final = "status unknown"
CASE_STATUS_UNKNOWN: Final = Message("status unknown: {text}")
NO_RESPONSE: Final = "Argo CD did not respond"
NO_SYNC: Final = "there was no sync"
#: The test case that stands for those resources of a large application that the report does not list.
UNLISTED: Final = "other resources"
UNLISTED_DEVIATING: Final = Message("not Synced and Healthy: {deviating} of {count}")

# Annotations.
PAGE_LINK: Final = "the release as a page"
IN_ARGO_CD: Final = Message("{application} in Argo CD")
LOG_OF_POD: Final = Message("log of Pod/{pod}")
COMMIT: Final = Message("commit {revision}")
HELP_LINK: Final = Message("help: {code}")

# Metrics.
DURATION_SECONDS: Final = "The seconds from the start of the job to its verdict."
COMPARED_SECONDS: Final = "The seconds until Argo CD had compared with git."
SYNCED_SECONDS: Final = "The seconds until the application was synced."
HEALTHY_SECONDS: Final = "The seconds until the application was healthy."
SYNC_ATTEMPTS: Final = "The number of Argo CD's attempts to sync during the job."
RESOURCES: Final = "The number of the application's resources."
RESOURCES_CHANGED: Final = "The number of resources that the sync of this revision changed."
POD_RESTARTS: Final = "The number of restarts of the pods that the job has looked at."

# The page. bin/reference.yml has the same names with the Russian words.
PAGE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cause": "Cause",
        "next": "Next",
        "show_in_argo_cd": "Show in Argo CD",
        "what_it_means": "What this means",
        "last_lines": "Last lines of Pod/{pod}, container {container}",
        "last_lines_before_restart": "Last lines of Pod/{pod}, container {container}, before its last restart",
        "earlier_lines": "Earlier lines: {count}",
        "log": "Log of Pod/{pod}, container {container}",
        "hook_log": "Log of {hook}: Pod/{pod}, container {container}",
        "hook_log_end": "Last lines of the log of {hook}: Pod/{pod}, container {container}",
        "log_before_restart": "Log of Pod/{pod}, container {container}, before its last restart",
        "expected": "Expected",
        "actual": "Actual",
        "revision": "revision",
        "images": "images",
        "image": "image",
        "chart_version": "chart version",
        "sync_status": "sync status",
        "last_sync": "last sync",
        "health": "health",
        "runs_now": "runs now",
        "old_version": "old version",
        "hooks": "hooks",
        "argo_cd_now": "Argo CD now",
        "ended_early": "ended early",
        "any_revision": "HEAD of the tracked branch",
        "unknown": "unknown",
        "attempt": "{phase}, attempt {number}",
        "resources": "resources",
        "commit": "commit",
        "merge_request": "merge request",
        "pipeline": "pipeline",
        "job": "job",
        "took": "took",
        "ended": "ended",
        "exit_code": "exit code",
        "address": "address",
        "the_site": "the site",
        "no_application": "No application",
        "applications": "Applications",
        "application": "Application",
        "count_of_applications": "{count} applications",
        "outcome": "Outcome",
        "after": "After",
        "timeline": "Timeline",
        "this_job": "this job",
        "problem": "problem",
        "wave": "wave {number}",
        "until_the_end": "until the end",
        "went_away": "went away",
        "not_ended": "not ended",
        "more": "and {count} more",
        "compared": "comparing with git",
        "synced": "syncing",
        "healthy": "becoming Healthy",
        "confirmed": "confirming",
        "not_compared": "comparing with git, not finished",
        "not_synced": "syncing, not finished",
        "not_healthy": "becoming Healthy, not reached",
        "judged": "verdict",
        "reports": "writing reports",
        "cause_found": "looking for the cause",
        "what_changed": "What changed",
        "first_release": "first release",
        "no_change": "unchanged",
        "commits_between": "commits between",
        "unchanged": "{count} unchanged",
        "hook_count": "hooks: {count}",
        "changes_unknown": "The changes are unknown.",
        "evidence": "Evidence",
        "not_shown": "Not shown",
        "unhealthy_resources": "Resources that are not Synced and Healthy",
        "excluded_resources": "Resources that do not count",
        "conditions": "Conditions",
        "pods": "Pods",
        "events": "Events",
        "in_namespace": "{title} in {namespace}",
        "made_by": "Made by argocd-release {version} from its JSON report, which has all details.",
        "input": "input",
    }
)

# The result of a notification.
NO_RESPONSE_IN_TIME: Final = "GitLab did not respond in time"
JOB_CANCELLED: Final = "the job was cancelled"
NO_REVISION: Final = "no record, because the revision is unknown"
ONLY_SOME: Final = Message("only {done} of {environments} updated in time")
SEVERAL: Final = Message("{count} environments; the first: {text}")
NOT_ALLOWED_TO_COMMENT: Final = "<RELEASE_GITLAB_TOKEN> is not set, and a job's own token is not allowed to comment"
NO_MERGE_REQUEST: Final = "no comment, because the commit did not come from a merge request"
NO_GITLAB_JOB: Final = "CI_API_V4_URL or the token is missing: both exist only in a GitLab job"

# The texts about GitLab's responses to requests.
NO_JSON: Final = "the response is not JSON"
GITLAB_SILENT: Final = Message("GitLab did not respond: {error}")
GITLAB_STATUS: Final = Message("GitLab responded with HTTP {status}")
GITLAB_STATUS_WITH_TEXT: Final = Message("GitLab responded with HTTP {status}: {text}")
GITLAB_FIELD: Final = Message("{name}: {text}")

# The next step after an error of GitLab.
WITH_NEXT: Final = Message("{error}; next: {step}")
NEXT_TOKEN: Final = Message("set <RELEASE_GITLAB_TOKEN> to a valid token with the scope api for {project} ({setting})")
NEXT_RIGHTS: Final = Message(
    "set <RELEASE_GITLAB_TOKEN> to a token with the scope api and the role Developer in {project} ({setting}), or "
    "with the role Maintainer if the branch is protected"
)
NEXT_PROJECT: Final = Message(
    "check that {project} ({setting}) is the project of the repository, and that <RELEASE_GITLAB_TOKEN> can read it"
)

# Commit statuses.
STATUS_SET: Final = Message("{name} is {state} on commit {revision}")
STATUSES_SET: Final = Message("{count} statuses; the first: {text}")
STATUS_ONLY_SOME: Final = Message("only {done} of {count} statuses were set in time")
STATUS_UNKNOWN_REVISION: Final = "no status, because Argo CD has not compared the application with a commit"
STATUS_NOT_BEGUN: Final = "no status, because the release status is unknown"
STATUS_NOT_ALLOWED: Final = (
    "<RELEASE_GITLAB_TOKEN> is not set, and a job's own token is not allowed to set a commit status; next: set it to a "
    "token with the scope api for the project of <RELEASE_COMMIT_STATUS>"
)
STATUS_NO_SOURCE: Final = Message(
    "no application has a source in {project}; next: set <RELEASE_COMMIT_STATUS> to the project of the repository that "
    "Argo CD deploys"
)
STATUS_PENDING: Final = "Argo CD deploys this commit"
STATUS_DELIVERED: Final = Message("Synced and Healthy after {seconds} s")
STATUS_SUPERSEDED: Final = Message("Argo CD now deploys commit {revision} instead of this one")

# Deployments.
RECORD: Final = Message("record {id} of {environment} is {status}")
RECORD_ALREADY: Final = Message("record {id} of {environment} was already {status}")
NO_RECORD: Final = "no record was created"

# The comment in the merge request.
COMMENT_REPLACED: Final = Message("replaced the comment {id} in !{merge_request}")
COMMENT_WRITTEN: Final = Message("wrote a comment in !{merge_request}")
COMMENT_CAUSE: Final = Message("Cause: {cause}")
COMMENT_NEXT: Final = Message("Next: {hint}")
COMMENT_EVIDENCE: Final = "Evidence"
COMMENT_TIME: Final = Message("- Time: {seconds} s")
COMMENT_APPLICATIONS: Final = Message("- Applications: {count}, {outcomes}")
COMMENT_APPLICATION: Final = Message("- {application}: {outcome}")
COMMENT_APPLICATION_CAUSE: Final = Message("- {application}: {outcome}, {cause}")
COMMENT_MORE: Final = Message("- and {count} more")
COMMENT_REVISION: Final = Message("- Revision: {revision}")
COMMENT_STATE: Final = Message("- State: {state}")
COMMENT_IMAGE: Final = Message("- Image: {image}")
LINK_HELP: Final = "What it means"
LINK_PAGE: Final = "The release as a page"
LINK_COMMIT: Final = "Commit"
LINK_ARGO_CD: Final = "Argo CD"
LINK_SITE: Final = "Site"
LINK_JOB: Final = "Job"
SHORTENED: Final = Message("{text}\n… ({count} more characters)")

# The deployed site.
SITE_SILENT: Final = Message(
    "the application runs, but {url} does not respond as expected: {error}",
    "check its Ingress or route, its DNS name, and each cache on the way; <RELEASE_URL_CHECK=false> turns this check "
    "off",
)
SITE_STATUS: Final = Message("expected HTTP status {expected}, received {status}{excerpt}")
SITE_BODY: Final = Message("expected the text “{expected}”{within}, received HTTP status {status}{excerpt}")
SITE_BODY_START: Final = Message(" in the first {kilobytes} kB")
SITE_EXCERPT: Final = Message(" with “{text}”")
SITE_OTHER_HOST: Final = Message("it redirects to another host: {host}")
SITE_TOO_FEW: Final = Message("only {successes} of {required} required responses in a row were as expected in time")
SITE_NO_RESPONSE: Final = Message("no response: {error}")
