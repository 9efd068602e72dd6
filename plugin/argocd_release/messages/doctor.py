"""The texts of the doctor: the result of each check, and each problem with its fix."""

from typing import Final

from argocd_release.messages import Message, ProblemMessage

# The checklist.
NO_TIME: Final = ProblemMessage(
    "not checked: the doctor's time ran out before this check had a result",
    "find the check above that got no response, fix its problem, and run the doctor again",
    code="no-time",
)
NEEDS: Final = Message("not checked: the check {check} must succeed first")
REPEATS: Final = Message("not checked: the problem {code} above must be solved first")
CHECK_FAILED: Final = Message("this check itself failed: {error}")
NOT_CHECKED: Final = Message("{checks}. Fix the errors above first, then run the doctor again")
READY: Final = Message("Ready to track releases")
READY_WITH_WARNINGS: Final = Message("Ready to track releases ({warnings})")
ENDING: Final = Message("exit code {exit_code} ({meaning})")
WOULD_END: Final = Message("A release would end with {ending}.")
NOT_READY: Final = Message("Not ready: {counts}")
INCOMPLETE: Final = Message("Not ready: the checks are incomplete; {ending}")
HINT: Final = Message(
    "{fix}. Reason: {message}. The doctor (`argocd-release doctor`, or its component) checks every step of the "
    "connection"
)
HINT_OF_VERDICT: Final = Message(
    "{hint}. The doctor (`argocd-release doctor`, or its component) checks every step of the connection"
)
HINT_ALONE: Final = Message(
    "run the doctor (`argocd-release doctor`, or its component), which checks every step of the connection"
)

# Settings.
SETTINGS_SET: Final = Message("all required settings are set")
NO_PREVIEW: Final = ProblemMessage(
    "{error}",
    "name the branch after its issue, for example PROJ-123-description, or correct <RELEASE_PREVIEW_PATTERN>",
    code="no-preview",
)
INSECURE: Final = ProblemMessage(
    "--insecure turns off the check of the certificate: any server that answers gets the token",
    "remove --insecure, and set <RELEASE_ARGOCD_CA> to the CA certificate",
    code="insecure",
)
PROXY_SET: Final = Message("the job reaches Argo CD through the proxy {proxy}")
PROXIES_USED: Final = Message("argocd ignores none of the proxy variables that are set")
PROXY_IGNORED: Final = ProblemMessage(
    "argocd ignores {variables} when it connects to Argo CD",
    "set <RELEASE_PROXY> to the proxy, or give the runner a direct connection to Argo CD",
    code="proxy-ignored",
)

# The token.
TOKEN_VALID: Final = Message("the token of {owner} is valid until {day} (for another {span})")
NO_DATE: Final = Message("a date beyond the calendar")
TOKEN_DAMAGED: Final = ProblemMessage(
    "the token is unusable: {defect}",
    "set the variable to the whole output of `argocd account generate-token`, and nothing else",
    code="token-damaged",
)
NO_JSON_WEB_TOKEN: Final = Message("it is not a JSON Web Token")
TOKEN_ENDLESS: Final = ProblemMessage(
    "the token of {owner} has no expiry date",
    "generate a token with --expires-in, and note its expiry date",
    code="token-endless",
)
TOKEN_EXPIRED: Final = ProblemMessage(
    "the token of {owner} expired {span} ago, on {day}",
    "generate a new token, put it into the CI/CD variable <ARGOCD_AUTH_TOKEN>, and run this job again",
    code="token-expired",
)
ID_TOKEN_EXPIRED: Final = ProblemMessage(
    "the token of {owner} expired {span} ago, on {day}",
    "run the job again: GitLab makes a new ID token for each job",
    code="token-expired",
)
TOKEN_ENDS_EARLY: Final = ProblemMessage(
    "the token of {owner} expires in {span}, which is before the end of the timeout ({timeout})",
    "replace the token, or shorten <RELEASE_TIMEOUT>",
    code="token-ends-early",
)
SIGN_IN: Final = ProblemMessage("{error}", "follow the guide to keyless sign-in", code="sign-in")

# The account.
SIGNED_IN: Final = Message("signed in as {owner}")
NAMELESS: Final = Message("an account without a name")
ACCOUNT_UNKNOWN: Final = ProblemMessage(
    "cannot tell whose token this is: Argo CD responds with HTTP {status}",
    "read the log of argocd-server",
    code="account-unknown",
)
TOKEN_REFUSED: Final = ProblemMessage(
    "Argo CD refuses the token: {reason}",
    "generate a new token, put it into the CI/CD variable <ARGOCD_AUTH_TOKEN>, and run this job again",
    code="token-refused",
)
REFUSED_EXPIRED: Final = ProblemMessage(
    "Argo CD reports that the token has expired",
    "generate a new token, put it into the CI/CD variable <ARGOCD_AUTH_TOKEN>, and run this job again",
    code="token-expired",
)
REVOKED: Final = ProblemMessage(
    "the token was revoked: Argo CD knows its account, but does not accept this token any more",
    "generate a new token, put it into the CI/CD variable <ARGOCD_AUTH_TOKEN>, and run this job again",
    code="token-revoked",
)
ACCOUNT_DISABLED: Final = ProblemMessage(
    "the account is disabled", "set accounts.NAME.enabled to true in argocd-cm", code="account-disabled"
)
ACCOUNT_MISSING: Final = ProblemMessage(
    "the account no longer exists",
    "declare the account in argocd-cm, then generate a new token",
    code="account-missing",
)
ACCOUNT_CAPABILITY: Final = ProblemMessage(
    "this account is not allowed to have tokens: it lacks the `apiKey` capability",
    "add apiKey to accounts.NAME in argocd-cm, for example `accounts.ci: apiKey`",
    code="account-capability",
)
TOKEN_FOREIGN: Final = ProblemMessage(
    "the token was signed by another Argo CD, or this Argo CD has a new signing key",
    "generate a new token on this server",
    code="token-foreign",
)
ROLE_MISSING: Final = ProblemMessage(
    "the role of the project no longer exists", "create the role, then generate a token for it", code="role-missing"
)
SSO_MISSING: Final = ProblemMessage(
    "the token does not come from Argo CD, and this Argo CD has neither oidc.config nor Dex to verify it",
    "configure oidc.config in argocd-cm, or use a token of Argo CD",
    code="sso-missing",
)
REFUSED_DAMAGED: Final = ProblemMessage(
    "the token is damaged", "copy the token again, whole and without other characters", code="token-damaged"
)
ISSUER: Final = ProblemMessage(
    "the token's issuer is {issuer}, but Argo CD trusts {trusted}",
    "set the issuer in oidc.config to that of the token, without a slash at the end, and restart argocd-server",
    code="issuer",
)
AUDIENCE: Final = ProblemMessage(
    "the token's audience is {audience}, but Argo CD expects {expected}",
    "set the audience of the ID token (`oidc_audience` in the component) to {expected}, or allow it in oidc.config's "
    "allowedAudiences",
    code="audience",
)
NO_AUDIENCE: Final = Message("empty")
UNVERIFIED: Final = ProblemMessage(
    "Argo CD cannot verify the token, and shows the reason only in its log",
    "search the log of argocd-server for “Failed to verify token”. After a change of oidc.config, restart "
    "argocd-server",
    code="token-unverified",
)

# The applications.
APPLICATION_EXISTS: Final = Message("{name} exists in project {project}")
APPLICATIONS_EXIST: Final = Message("{applications} exist: {names}")
APPLICATIONS_IN_PART: Final = Message("{count} applications exist. The next checks cover the first {checked}: {names}")
APPLICATION_UNANSWERED: Final = ProblemMessage(
    "Argo CD did not show the application {name}: {reason}",
    "check the load and the log of argocd-server, and run the doctor again",
    code="application-unanswered",
)
NO_LIST: Final = Message("it did not list the applications either")
RIGHTS_NONE: Final = ProblemMessage(
    "the token is not allowed to see any application",
    "grant it `applications, get, PROJECT/*` in argocd-rbac-cm or in a role of the project",
    code="rights-none",
)
APPLICATION_MISSPELT: Final = ProblemMessage(
    "there is no application {name} that this token can see", "did you mean {near}?", code="application-missing"
)
APPLICATION_MISSING: Final = ProblemMessage(
    "there is no application {name} among those that this token can see: {names}",
    "set <ARGOCD_APP_NAME> to the application's name in Argo CD, or grant the token `applications, get` on the "
    "application",
    code="application-missing",
)
UNLISTED: Final = ProblemMessage(
    "Argo CD does not list the applications for {choice}: {error}",
    "read the log of argocd-server, and run the doctor again",
    code="applications-unlisted",
)
UNLISTED_DENIED: Final = ProblemMessage(
    "Argo CD does not list the applications for {choice}: {error}",
    "grant the token `applications, get, PROJECT/*`",
    code="applications-unlisted",
)
NO_MATCH: Final = ProblemMessage(
    "no application that this token can see matches {choice}",
    "compare {choice} with the output of `argocd app list`, and grant the token `applications, get` in the project if "
    "the token lacks that right",
    code="no-application-matches",
)
OF_APPLICATIONS: Final = Message("{names}: {message}")

# The rights of the token.
RIGHTS_COMPLETE: Final = Message("the token has every right it needs")
RIGHTS_PROJECT: Final = ProblemMessage(
    'the token is not allowed to read the project "{project}": without this right, a diff always fails, and a release '
    "fails if the job reaches Argo CD only over gRPC, without its HTTP API",
    "grant it `projects, get, {project}`",
    code="rights-project",
)
RIGHTS_SYNC: Final = ProblemMessage(
    "<RELEASE_SYNC> is set, but the token is not allowed to sync {application}",
    "grant it `applications, sync, {project}/*`, or turn on automated sync in Argo CD",
    code="rights-sync",
)
RIGHTS_TERMINATE: Final = ProblemMessage(
    "<RELEASE_TERMINATE_OLD_SYNC> is set, but the token is not allowed to end a sync of {application}",
    "grant it `applications, sync, {project}/*`, or unset <RELEASE_TERMINATE_OLD_SYNC>",
    code="rights-terminate",
)
RIGHTS_LOGS: Final = ProblemMessage(
    "the token is not allowed to read logs: reports will lack the last log lines of failed pods",
    "grant it `logs, get, {project}/*`",
    code="rights-logs",
)
RIGHTS_WIDE: Final = ProblemMessage(
    "the token has more rights than a release needs: it can delete applications or change the project",
    "give the pipeline its own account, with only the rights that the guide lists",
    code="rights-wide",
)

# The owner of an application.
NO_OWNER: Final = Message("the application does not come from a parent application or an ApplicationSet")
OWNER_VISIBLE: Final = Message("the application comes from {owner}, which the token can see")
OWNER_UNANSWERED: Final = Message("the application comes from {owner}, which Argo CD did not show: {error}")
OWNER_HIDDEN: Final = ProblemMessage(
    "the application comes from {owner}, which this token cannot see: a release can only be proven for the "
    "application's own source",
    "if a commit can change the manifest of {owner}, grant the token `{right}`",
    code="owner-hidden",
)
OWNER_HIDDEN_STRICT: Final = ProblemMessage(
    "the application comes from {owner}, which this token cannot see, and <RELEASE_OWNER> is strict: a release would "
    "wait until its timeout",
    "grant the token `{right}`, or set <RELEASE_OWNER> to caveat",
    code="owner-hidden",
)
OWNER_UNPROVEN_STRICT: Final = ProblemMessage(
    "the application comes from {owner}, and Argo CD does not report which commit the git generator there has read. "
    "<RELEASE_OWNER> is strict, so a release would wait until its timeout",
    "set <RELEASE_OWNER> to caveat",
    code="owner-unproven",
)
MAKER_HIDDEN: Final = ProblemMessage(
    "the application manages {owner}, which this token cannot see, so a release cannot tell whether Argo CD has "
    "created all applications of that ApplicationSet",
    "grant the token `{right}`",
    code="owner-hidden",
)

# The pipeline.
DEPLOYS: Final = Message("the application deploys {sources}")
DEPLOYS_OTHER: Final = Message("the application deploys another repository, not this one: {sources}")
DEPLOYS_THIS: Final = Message("the application deploys this repository: {sources}")
SOURCE: Final = Message("{repository} at {revision}")
REVISION_ELSEWHERE: Final = ProblemMessage(
    "<RELEASE_REVISION> is a commit of this repository, but the application deploys another one: {sources}",
    "let the job expect an image (<RELEASE_IMAGE>), or a commit of that repository",
    code="revision-elsewhere",
)
BRANCH: Final = ProblemMessage(
    "the application follows {target}, but this pipeline is for {branch}: its commit will not be deployed",
    "run the release job only on {target} (with `rules`), or change the application's targetRevision",
    code="branch",
)
PROVES_REVISION: Final = Message("success will mean that the expected revision or chart version is delivered")
PROVES_IMAGE: Final = Message("success will mean that the expected image is delivered")
IMAGE: Final = ProblemMessage(
    "the application has no image {image}; its images are {images}",
    "set <RELEASE_IMAGE> to the image exactly as it is written in the manifests, or to its tag alone",
    code="image",
)
RESOURCES: Final = ProblemMessage(
    "with the resources that the application has now, no release can succeed: {reason}",
    "correct <RELEASE_RESOURCES>, unless the next commit adds such a resource",
    code="resources",
)
NOTHING_EXPECTED: Final = ProblemMessage(
    "no revision or image is expected: success will mean that HEAD of the tracked branch is deployed and healthy, "
    "whichever commit or image that is",
    "set <RELEASE_IMAGE> to the tag that this pipeline builds, or set <RELEASE_REVISION>",
    code="nothing-expected",
)
SYNCS_AUTOMATICALLY: Final = Message("Argo CD syncs automatically")
JOB_SYNCS: Final = Message("this job starts the sync in Argo CD")
SYNC_MANUAL: Final = ProblemMessage(
    "neither Argo CD nor this job syncs: the application has no automated sync policy, and <RELEASE_SYNC> is not set",
    "turn on automated sync, or set <RELEASE_SYNC=true> (the token then needs `applications, sync`)",
    code="sync-manual",
)
CONDITION: Final = ProblemMessage(
    "Argo CD reports an error of the application: {condition}",
    "fix this error, and run the doctor again",
    code="condition",
)
SYNC_WINDOW: Final = ProblemMessage(
    "a sync window forbids syncing now: {window}", "release later, or change the window", code="sync-window"
)
TIMEOUT: Final = Message("the job waits for at most {timeout}")
JOB_TIMEOUT: Final = ProblemMessage(
    "the timeout is {timeout}, but GitLab ends the job after {job_timeout}: the job will wait for at most {left}",
    "raise the job's timeout, or lower <RELEASE_TIMEOUT>",
    code="job-timeout",
)
HISTORY_UNNEEDED: Final = Message("not needed: the job does not look up any revision in the git history")
HISTORY_READABLE: Final = Message("{repository} can be read")
HISTORY_MISSING: Final = ProblemMessage(
    "CI_REPOSITORY_URL is not an HTTP address", "leave CI_REPOSITORY_URL as GitLab sets it", code="history-missing"
)
HISTORY_UNREACHABLE: Final = ProblemMessage(
    "{repository} cannot be read: {reason}",
    "let the runner reach GitLab. If a private authority signed GitLab's certificate, set tls-ca-file in the "
    "runner's settings",
    code="history-unreachable",
)
GITLAB_READABLE: Final = Message("the token can read {projects}")
GITLAB_OUTSIDE: Final = Message("not checked, because CI_API_V4_URL only exists in a GitLab job")
GITLAB_TOKEN_MISSING: Final = ProblemMessage(
    "<RELEASE_GITLAB_TOKEN> is not set, but {settings} needs it",
    "set <RELEASE_GITLAB_TOKEN> to a token of the project with the scope api and the role Developer",
    code="gitlab-token-missing",
)
GITLAB_UNREADABLE: Final = ProblemMessage(
    "{project} cannot be read: {error}",
    "set <RELEASE_GITLAB_TOKEN> to a token of that project with the scope api and the role Developer",
    code="gitlab-unreadable",
)
GITLAB_SCOPE: Final = ProblemMessage(
    "<RELEASE_GITLAB_TOKEN> has the scopes {scopes}, but not api",
    "set <RELEASE_GITLAB_TOKEN> to a token of the project with the scope api and the role Developer",
    code="gitlab-scope",
)
REPORTS_WRITABLE: Final = Message("all reports can be written")
REPORT_PATH: Final = ProblemMessage(
    "the report {path} cannot be written", "choose a path in the project's folder", code="report-path"
)
