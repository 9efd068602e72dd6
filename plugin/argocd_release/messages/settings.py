"""The texts about settings: what is missing or wrong, and how to fix it.

``{setting}`` is the name under which the reader set the setting: an input of the component or a variable.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import Message, ProblemMessage

# The list of all problems.
WRONG: Final = Message("{settings} {verb} wrong:")
PROBLEM: Final = Message("  error: {message}\n    fix: {fix}")

# Missing settings.
TARGETS_MISSING: Final = ProblemMessage(
    "{setting} is not set",
    "set it to the application's name in Argo CD, or set <RELEASE_SELECTOR> or <RELEASE_PROJECT>",
    code="setting-missing",
)
VARIABLE_MISSING: Final = ProblemMessage(
    "{name} is not set",
    "add {name} in Settings → CI/CD → Variables of the group or project{instead}. If the variable already exists, its "
    "environment scope must {scope}",
    code="setting-missing",
)
VARIABLE_PROTECTED: Final = ProblemMessage(
    "{name} is not set: GitLab passes no protected variable to {branch}, which is not protected",
    "turn off “Protect variable” for {name} in Settings → CI/CD → Variables, or protect the branch{instead}. The "
    "variable's environment scope must {scope}",
    code="protected-variable",
)
OR_SETTING: Final = Message(", or set {setting}")
THIS_BRANCH: Final = Message("this branch")
SCOPE_OF_ENVIRONMENT: Final = Message("match {environment}")
SCOPE_OF_ALL: Final = Message("be *, because this job has no environment")
SPLIT_WITHOUT_PARALLEL: Final = ProblemMessage(
    "{setting} needs GitLab's `parallel`, which gives each job its share, but this is {given}",
    "add `parallel` to the job, or turn {setting} off",
    code="setting-invalid",
)
JOB_OF: Final = Message("job {index} of {total}")
NO_TOTAL: Final = Message("a job without CI_NODE_TOTAL")

# Values that the schema refuses.
INVALID: Final = ProblemMessage("{setting} {rule}{shown}", "{fix}")
SHOWN: Final = Message(", not {value}")
SHOWN_AFTER_LIST: Final = Message("; it is {value}")
#: The rules by their keywords in the schema. If a setting has an ``x-rule`` in the schema, that takes precedence.
RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "boolean": "must be true or false",
        "seconds": "must be a number of seconds or a duration, such as 600 or 10m",
        "integer": "must be a whole number",
        "minimum": "must be at least {limit}",
        "maximum": "must be at most {limit}",
        "maxLength": "must have at most {limit} characters",
        "other": "is not allowed",
    }
)
SET_TO: Final = Message("set {setting} to {value}")
SET_TO_BOOLEAN: Final = Message("set it to true or false")
SET_TO_NUMBER: Final = Message("set it to a whole number {range}")
SET_TO_SECONDS: Final = Message("set it to a number of seconds {range}, or to a duration such as 10m")
RANGE: Final = Message("from {minimum} to {maximum}")
RANGE_UPWARDS: Final = Message("of at least {minimum}")
SHORTEN: Final = Message("shorten it to {limit} characters")
SEE_EXPLANATION: Final = Message("correct it as `argocd-release explain {name}` describes")
SELECTOR: Final = ProblemMessage(
    "{setting} is not a valid label selector: the mistake begins at {part}",
    "separate requirements by commas, as in `team=web,tier!=db,env in (dev,test),!legacy`",
)
STABLE_TOO_LONG: Final = ProblemMessage(
    "{setting} is {given} s, which does not fit into the timeout of {timeout} s",
    "lower {setting}, or raise <RELEASE_TIMEOUT>, which must also leave time for the release itself",
)
STABLE_TOO_LONG_FOR_JOB: Final = ProblemMessage(
    "{setting} is {given} s, but the release has only {timeout} s until GitLab ends this job (CI_JOB_TIMEOUT)",
    "lower {setting}, or set a longer `timeout` for this job in .gitlab-ci.yml",
)
THRESHOLD_TOO_HIGH: Final = ProblemMessage(
    "{setting} is {given}. With this value, the job needs at least {seconds} s, but the timeout is {timeout} s",
    "lower {setting}, or raise <RELEASE_TIMEOUT>, which must also leave time for the release itself",
)
NEVER_STUCK: Final = ProblemMessage(
    "{setting} has no effect, because <RELEASE_STUCK_GRACE> is 0",
    "set <RELEASE_STUCK_GRACE> to the time in seconds after which the job must end the sync, or remove {setting}",
)
EXACT_WITHOUT_REVISION: Final = ProblemMessage(
    "{setting} is exact, but <RELEASE_REVISION> is empty, so every revision would count as delivered",
    "set <RELEASE_REVISION> to the expected commit. If its value comes from a variable, check that the variable is not "
    "empty. If the release expects no commit, leave {setting} out",
)
SOURCE_WITHOUT_REVISION: Final = ProblemMessage(
    "{setting} is set, but <RELEASE_REVISION> and <RELEASE_CHART_VERSION> are empty, so every version of this source "
    "would count as delivered",
    "set <RELEASE_REVISION> or <RELEASE_CHART_VERSION> to the version that is expected of this source. If the value "
    "comes from a variable, check that the variable is not empty. If the release expects no version, leave {setting} "
    "out",
)
REVERT_ELSEWHERE: Final = ProblemMessage(
    "{setting} is not the project of this pipeline, so <RELEASE_REVERT> can only revert the commit in "
    "<RELEASE_REVISION>, which is empty",
    "set <RELEASE_REVISION> to the commit that the pipeline has made in that project, or leave {setting} out",
)
RESOURCES: Final = ProblemMessage(
    "{setting} contains {part}, which is not GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME",
    "write {example}. For the core group, leave GROUP empty, as in `:Service:web`. `*` matches anything, and `!` in "
    "front excludes what matches",
)
PATTERN: Final = ProblemMessage(
    "{setting} must be a regular expression: {error}", "correct the expression, or leave it out to use the default"
)
URL_MISSING: Final = ProblemMessage(
    "{setting} needs <RELEASE_SITE_URL>, the address to check", "set <RELEASE_SITE_URL>, or leave {setting} out"
)
DIFF_THROUGH_PROXY: Final = ProblemMessage(
    "{setting} is set, but a diff runs argocd app diff, which cannot use an HTTP proxy",
    "give the runner of the diff a direct connection to Argo CD, and unset {setting}",
)
URL_UNCHECKED: Final = ProblemMessage(
    "{setting} has no effect without <RELEASE_URL_CHECK=true>", "set <RELEASE_URL_CHECK=true>, or leave {setting} out"
)

# Values that are accepted with a warning, because their form is not the documented one.
READ_AS_SECONDS: Final = ProblemMessage(
    "{setting} is {given}, which is read as {value} seconds", "set {setting} to {value}", code="setting-read-as"
)
SCHEME_IGNORED: Final = ProblemMessage(
    "{setting} has a scheme, which is ignored: {given}", "set {setting} to {value}", code="server-scheme"
)
SLASH_IGNORED: Final = ProblemMessage(
    "{setting} has a slash at its end, which is ignored: {given}", "set {setting} to {value}", code="server-path"
)

# The address of Argo CD.
HOST: Final = Message("set {setting} to the host of Argo CD, such as argocd.example.com")
SERVER_QUOTED: Final = ProblemMessage("{setting} has quotes around it: {given}", "{fix}", code="server-quoted")
SERVER_NOT_EXPANDED: Final = ProblemMessage(
    "{setting} is {given}: this variable does not exist, or GitLab did not expand it",
    "set {setting} to the address itself. If it must refer to another variable, check that this variable exists, and "
    "turn on “Expand variable reference” for {setting} in Settings → CI/CD → Variables",
    code="server-not-expanded",
)
SERVER_SCHEME: Final = ProblemMessage("{setting} must not contain a scheme: {given}", "{fix}", code="server-scheme")
SERVER_PATH: Final = ProblemMessage("{setting} must not contain a path: {given}", "{fix}", code="server-path")
ADD_PLAINTEXT: Final = Message("{fix}, and add --plaintext to <ARGOCD_OPTS> if Argo CD is served without TLS")
ADD_ROOT_PATH: Final = Message("{fix}, and add --grpc-web-root-path {path} to <ARGOCD_OPTS>")

# Files that settings name.
AUTHORITY_NO_FILE: Final = ProblemMessage(
    "{setting} is neither a PEM certificate nor the path of a file",
    "set it to the whole certificate, with its BEGIN and END lines, or to the path of a file that holds it",
    code="authority-file",
)
OPTION_NO_FILE: Final = ProblemMessage(
    "the value of {option} in {setting} is not the path of a file",
    "write the path of a file after {option}. For a variable of type File, write $NAME",
    code="options-file",
)
AUTHORITY_FILE: Final = ProblemMessage(
    "{setting} names a file that {reason}: {path}",
    "check the path. For a variable of type File, write $NAME: its value is the path of GitLab's file",
    code="authority-file",
)
OPTIONS_FILE: Final = ProblemMessage(
    "{option} in {setting} names a file that {reason}: {path}",
    "check the path. For a variable of type File, write $NAME: its value is the path of GitLab's file",
    code="options-file",
)
FILE_MISSING: Final = Message("does not exist")
FILE_UNREADABLE: Final = Message("cannot be read ({error})")
FILE_NAME_INVALID: Final = Message("has no valid name")
FILE_WITHOUT_PEM: Final = Message("contains nothing in PEM format")
TOKEN_FILE: Final = ProblemMessage(
    "{setting} begins with /, so it is read as the path of a file, but {reason}",
    "use a variable of type File, or the token itself as the value",
    code="token-file",
)
TOKEN_FILE_MISSING: Final = Message("there is no such file")
TOKEN_FILE_EMPTY: Final = Message("the file is empty")
TOKEN_FILE_NAME_INVALID: Final = Message("the path contains a null character")

# The environment and the ID token of the component's job.
ENVIRONMENT_GONE: Final = ProblemMessage(
    "the job has no environment: its `extends` replaced the component's own",
    "{fix}",
    code="extends-replaced",
)
STORED_TOKEN_USED: Final = ProblemMessage(
    "the job signs in with <ARGOCD_AUTH_TOKEN>, because it has no ID token: {reason}", "{fix}", code="extends-replaced"
)
IDENTITY_MISSING: Final = ProblemMessage(
    "{setting} is not set, although `oidc_audience` is set: {reason}", "{fix}", code="identity-missing"
)
CONNECTOR_WITHOUT_IDENTITY: Final = ProblemMessage(
    "{setting} is set, but there is no <RELEASE_ID_TOKEN> to exchange",
    "set the component's `oidc_audience`, or write id_tokens into the job. If the token is still missing, ask the "
    "administrator whether GitLab has a key to sign ID tokens with",
    code="identity-missing",
)
EXTENDS_REPLACED: Final = Message("the job's `extends` replaced the component's own")
NO_ID_TOKEN: Final = Message("GitLab made no token, or the job's `extends` replaced the component's own")
KEEP_EXTENDS: Final = Message(
    "remove the `extends` that your .gitlab-ci.yml adds to this job, or write: extends: [{parts}, .your-job]"
)
ASK_FOR_KEY: Final = Message(
    "{fix}. If the job has no `extends`, ask the administrator whether GitLab has a key to sign ID tokens with"
)

# Previews.
NO_TAG: Final = Message(
    "the name of the branch {branch!r} contains no tag: <RELEASE_PREVIEW_PATTERN> {pattern} does not match it"
)
NO_BRANCH: Final = Message("cannot tell the preview's tag, because GitLab names no branch for this pipeline")

# The options of argocd.
OPTION_QUOTE: Final = ProblemMessage(
    "{setting} has a quote that is not closed",
    "close the quote, and use only long argocd options, such as --grpc-web --header 'Name: value'",
)
OPTION_OWN: Final = ProblemMessage(
    "{setting} contains {option}, which has a setting of its own", "remove {option}, and set {instead}"
)
OPTION_UNUSABLE: Final = ProblemMessage(
    "{setting} contains {option}, which cannot be used here: {reason}", "remove {option} from {setting}"
)
OPTION_STRAY: Final = ProblemMessage(
    "{words} in {setting} {verb} neither an option nor the value of an option",
    "use only long argocd options, such as --grpc-web --header 'Name: value', and put a value with spaces in quotes",
)
BYPASSES_SERVER: Final = Message("it makes argocd bypass <ARGOCD_SERVER>, which this job reads too")
READS_CLUSTER: Final = Message("it makes argocd read the cluster instead of the Argo CD server")

# The file of expectations.
EXPECTATIONS_TITLE: Final = "Expectations by application"
EXPECTATIONS: Final = ProblemMessage(
    "the file that {setting} names is wrong: {rule}", "correct the file that {setting} names"
)
EXPECTATIONS_UNMATCHED: Final = ProblemMessage(
    "the file that {setting} names contains {rule}, which matches none of this release's applications: {applications}",
    "correct the name {rule} in the file, or add the application to this release",
)
EXPECTATIONS_TOO_LARGE: Final = Message("{path} is larger than {megabytes} MB")
EXPECTATIONS_UNREADABLE: Final = Message(
    "{path} cannot be read: {error}. Does an earlier job pass it on as an artifact?"
)
EXPECTATIONS_UNPARSED: Final = Message("{path} cannot be read as YAML or JSON: {error}")
EXPECTATIONS_MORE: Final = Message("and {mistakes}")
YAML_MERGE_KEY: Final = Message("the merge key << is not supported. Repeat the fields under each application")
YAML_DUPLICATE: Final = Message("{key} occurs more than once")
YAML_ALIAS: Final = Message("the alias *{name} is not allowed. Write the value in its place")
YAML_KEY: Final = Message("a key is a list or a mapping, not a name")
FIELDS_UNKNOWN: Final = Message("{place} has the unknown field {unknown}; the fields are {fields}")
FIELD_TEXT: Final = Message("{place} must be a string, not {value}. Put it in quotes")
FIELDS_NONE: Final = Message("{place} must have at least one of {fields}")
NO_MAPPING: Final = Message(
    'the content must be a mapping of application names to expectations, for example `web: {{image: "1.2"}}`'
)
NAME_INVALID: Final = Message("{name} is neither an application's name nor a pattern of names")
FIELD_WITHOUT_REVISION: Final = Message("{place} has no effect without {needed}")
FIELD_INVALID: Final = Message("{place} {rule}, not {value}")

# The job image.
PROGRAM_MISSING: Final = Message(
    "{program} is missing: no folder in PATH contains a program of that name",
    "run the job in the image of argocd-release, which contains argocd, or install argocd",
)

# Defects of a token.
TOKEN_QUOTED: Final = Message("it has quotes around it, which GitLab passes on as part of the value")
TOKEN_NOT_EXPANDED: Final = Message("it is the name of another variable, which was not expanded or does not exist")
TOKEN_BEARER: Final = Message("it begins with the word Bearer, which argocd adds itself")
TOKEN_PATH: Final = Message(
    "it is a path, such as GitLab sets for a variable of type File, but there is no file at that path"
)
TOKEN_OF_GITLAB: Final = Message("it is a GitLab token, not an Argo CD token")
TOKEN_WHITE_SPACE: Final = Message("it contains white space or a line break, for example after a copy from a terminal")
TOKEN_NO_JWT: Final = Message(
    "it is not a JSON Web Token, because it does not begin with eyJ. Was its beginning cut off?"
)
TOKEN_PARTS_MISSING: Final = Message("it is cut off: it has {parts} of the 3 parts of a JSON Web Token")
TOKEN_DAMAGED: Final = Message("it is damaged: its parts are not those of a JSON Web Token")
TOKEN_CUT_OFF: Final = Message("it is cut off: {characters} missing at its end")
TOKEN_TOO_LONG: Final = Message("there is extra text after its end")
