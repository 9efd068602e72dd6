"""Run argocd-release with recorded responses of a real Argo CD.

A process that tries to use the network ends immediately (``offline/``).
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from tests.support import job

TESTS: Final = Path(__file__).parents[1]
CASES: Final = TESTS / "cases"
REPLAY: Final = TESTS / "replay"
OFFLINE: Final = {"PYTHONPATH": str(Path(__file__).parent / "offline")}
# With coverage, CPython can print this if two threads start at the same time. It is not an output of the tool.
_BOTH_TRACED: Final = "Cannot install a trace function while another trace function is being installed"


def run(case: Path, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a recorded case in the folder, with further variables, and return the finished process."""
    done = _run(case, folder, environ)
    while job.measured() and _BOTH_TRACED in done.stdout:
        done = _run(case, folder, environ)
    return done


def _run(case: Path, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    settings = json.loads((case / "environ.json").read_text("utf-8"))
    replay = OFFLINE | {"REPLAY": str(case / "argocd"), "PATH": f"{REPLAY}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(job.COMMAND)],
        env=job.measured() | replay | settings | environ,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
