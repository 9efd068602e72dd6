"""The texts of the command line: its help, and its messages about wrong arguments."""

from typing import Final

from argocd_release.messages import Message

# The commands.
WAIT: Final = "wait until the application runs the pushed revision; the default"
DIFF: Final = "show what a merge request would change in the cluster"
DOCTOR: Final = "check everything that a release needs, and print the fixes"
EXPLAIN: Final = "explain a setting, an exit code or a cause: explain NAME"
PAGE: Final = "draw the page of a JSON report again"
COMMAND: Final = Message("  {name:10}  {summary}")
COMMANDS: Final = "commands:"
NO_COMMAND: Final = Message("argocd-release: there is no command {word!r}{suggestion}\n")
DID_YOU_MEAN: Final = Message("; did you mean {name}?")
THERE_ARE: Final = Message("; the commands are {names}")

# argocd-release
DESCRIPTION: Final = (
    "Waits until the application runs the pushed revision, Synced and Healthy, and names the cause if it does not."
)
SETTINGS: Final = "settings (environment variables); argocd-release explain NAME explains one of them:"
SET_BY_GITLAB: Final = Message("set by GitLab: {count} variables, such as CI_JOB_TIMEOUT")

# argocd-release diff
DIFF_DESCRIPTION: Final = (
    "Shows what a merge request would change in the cluster. Argo CD renders its commit and compares it with the live "
    "state. Nothing is changed. All settings come from the environment."
)

# argocd-release doctor
DOCTOR_DESCRIPTION: Final = (
    "Checks everything that a release needs, with the settings of a release job, and prints how to fix each problem."
)
JSON: Final = "print the checklist as JSON"

# argocd-release explain
EXPLAIN_DESCRIPTION: Final = "Explains a setting, an exit code or a cause."
EXPLAIN_EXAMPLES: Final = "examples: explain timeout, explain 30, explain image-pull"
NAME: Final = "a variable, an input of the component, an exit code, or the code of a cause"
UNKNOWN_NAME: Final = Message("there is no setting, exit code or cause {name!r}{suggestion}\n")
EXIT_CODE: Final = Message("exit code {exit_code} ({word}): {headline}\n  {meaning}\n")
CAUSE: Final = Message("cause {code}\n  {meaning}{next}{link}\n")
NEXT: Final = Message("\n  next: {hint}")
LINK: Final = Message("\n  see: {url}")
#: The placeholder for the name of the application in an explanation that is not about a certain application.
ANY_APPLICATION: Final = "NAME"
IN_SECONDS: Final = Message("{type}, in seconds")
REQUIRED: Final = "required"
NEVER_SHOWN: Final = "  Never shown: the setting is secret.\n"

# argocd-release page
PAGE_DESCRIPTION: Final = "Draws the page of a JSON report: one file that loads and runs nothing."
REPORT: Final = "the JSON report, such as argocd-release.json"
TARGET: Final = "the path of the page; by default the report's name with .html"
NO_PAGE: Final = Message("cannot draw the page of {report}: {error}\n")
NO_JSON: Final = Message("the file is not JSON: {error}")
OTHER_VERSION: Final = Message(
    "this report was written by another version of argocd-release ({path}: {error}); draw it with that version"
)
