"""Wrap the script of a job in the same way as GitLab Runner does for a shell."""

import shlex
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from tests.support.component import ROOT, resolved

# The two forms in `writeScript` of GitLab Runner's shells/bash.go. Runners before 18.11.4, 19.0.0 and 19.0.1 use the
# first form, unless FF_USE_NEW_BASH_EVAL_STRATEGY is set. Newer runners use the second form. In the first form, bash
# changes the exit code of a program that fails under errexit to 1.
WRAPPERS: Final = {"eval": ": | eval {script}", "subshell": ": | (eval {script})"}
_HEAD: Final = "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\nset +o noclobber\n"
_SNIPPETS: Final = ROOT / "docs" / "snippets" / "pipelines"


def wrapped(script: Iterable[str], wrapper: str) -> str:
    """Return the text that the runner passes to the standard input of the shell."""
    lines = "".join(f"echo {shlex.quote('$ ' + line)}\n{line}\n" for line in script)
    return f"{_HEAD}{WRAPPERS[wrapper].format(script=shlex.quote(lines))}\nexit 0\n"


@cache
def scripts() -> dict[str, list[str]]:
    """Return the lines in the scripts of all jobs that run argocd-release, by the name of the file with the job."""
    documents = {Path(f"templates/{name}.yml"): resolved(name) for name in ("release", "doctor", "diff")}
    for file in _SNIPPETS.glob("*.yml"):
        documents[file] = yaml.safe_load(file.read_text("utf-8"))
    return {
        file.name: lines
        for file, document in documents.items()
        for name, job in document.items()
        if isinstance(job, dict) and not name.startswith(".")
        if (lines := [line for line in job.get("script", ()) if line.startswith("argocd-release")])
    }
