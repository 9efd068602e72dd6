"""The script of a job in the form in which GitLab's runners give it to a shell."""

import shlex
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from tests.support.component import ROOT, resolved

# GitLab Runner's shells/bash.go, `writeScript`. Runners before 18.11.4, 19.0.0 and 19.0.1 use the first way. Newer
# ones use the second, which older ones use if FF_USE_NEW_BASH_EVAL_STRATEGY is set. In the first way bash turns the
# exit code of a program that fails under errexit into 1.
WRAPPERS: Final = {"eval": ": | eval {script}", "subshell": ": | (eval {script})"}
_HEAD: Final = "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\nset +o noclobber\n"
_SNIPPETS: Final = ROOT / "docs" / "snippets" / "pipelines"


def wrapped(script: Iterable[str], wrapper: str) -> str:
    """Return the program that the runner gives to the shell on its standard input."""
    lines = "".join(f"echo {shlex.quote('$ ' + line)}\n{line}\n" for line in script)
    return f"{_HEAD}{WRAPPERS[wrapper].format(script=shlex.quote(lines))}\nexit 0\n"


@cache
def scripts() -> dict[str, list[str]]:
    """Return the lines of every job's script that run argocd-release, by the file that declares the job."""
    documents = {Path(f"templates/{name}.yml"): resolved(name) for name in ("release", "doctor")}
    for file in _SNIPPETS.glob("*.yml"):
        documents[file] = yaml.safe_load(file.read_text("utf-8"))
    return {
        file.name: lines
        for file, document in documents.items()
        for name, job in document.items()
        if isinstance(job, dict) and not name.startswith(".")
        if (lines := [line for line in job.get("script", ()) if line.startswith("argocd-release")])
    }
