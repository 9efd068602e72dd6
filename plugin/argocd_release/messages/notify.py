"""The texts about notifications: GitLab's deployments, the comment in the merge request, and the deployed site."""

from typing import Final

from argocd_release.messages import Message

# The result of a notification.
NO_RESPONSE_IN_TIME: Final = "GitLab did not respond in time"
JOB_CANCELLED: Final = "the job was cancelled"
NO_REVISION: Final = "no record, because the revision is unknown"
ONLY_SOME: Final = Message("only {done} of {count} environments were updated in time")
SEVERAL: Final = Message("{count} environments; the first: {text}")
NOT_ALLOWED_TO_COMMENT: Final = "<RELEASE_GITLAB_TOKEN> is not set, and a job's own token is not allowed to comment"
NO_MERGE_REQUEST: Final = "no comment, because the commit did not come from a merge request"
NO_GITLAB_JOB: Final = "CI_API_V4_URL or the token is missing: both exist only in a GitLab job"

# GitLab's responses.
NO_JSON: Final = "the response is not JSON"
NO_RESPONSE: Final = Message("GitLab did not respond: {error}")
STATUS: Final = Message("GitLab responded with HTTP {status}")
STATUS_WITH_TEXT: Final = Message("GitLab responded with HTTP {status}: {text}")
FIELD: Final = Message("{name}: {text}")

# Deployments.
RECORD: Final = Message("record {id} of {environment} is {status}")
RECORD_ALREADY: Final = Message("record {id} of {environment} was {status} already")
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
LINK_ARGO_CD: Final = "Argo CD"
LINK_SITE: Final = "Site"
LINK_JOB: Final = "Job"
SHORTENED: Final = Message("{text}\n… ({count} more characters)")

# The deployed site.
SITE_SILENT: Final = Message(
    "it runs, but {url} does not respond as expected: {error}",
    "check its Ingress or route, and the name service; <RELEASE_URL_CHECK=false> turns this check off",
)
SITE_NO_RESPONSE: Final = Message("no response: {error}")
