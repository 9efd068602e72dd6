"""Run argocd-release on recorded answers of a real Argo CD.

A process that uses the network ends at once (``offline/``).
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
# CPython prints this if two measured threads start at the same time. It is no output of the tool.
_BOTH_TRACED: Final = "Cannot install a trace function while another trace function is being installed"


def run(case: Path, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Return the result of the case, run in the folder; further variables are its settings."""
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
