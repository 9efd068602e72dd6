"""The README's demo on a real Argo CD: one successful release, and one that fails with its cause."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from sandbox import manifests
from sandbox.sandbox import ROOT, Sandbox

REPORTS: Final = ROOT / "demo"
# The suffix of each report's file name.
FILES: Final = {
    "JUNIT": "xml", "DOTENV": "env", "ANNOTATIONS": "annotations.json", "JSON": "json", "METRICS": "metrics.txt",
    "PAGE": "html",
}  # fmt: skip
IMAGE: Final = "registry.example.com/frontend"


def main() -> int:
    """Run both releases. Return 0 if the first one has succeeded and the second one has failed."""
    REPORTS.mkdir(exist_ok=True)
    # The releases only use plain manifests, so do not build Helm and the other extras.
    with Sandbox.start(extras=False) as sandbox:
        repository = sandbox.repository("frontend")
        first = repository.commit({"web.yaml": manifests.deployment("frontend", f"{IMAGE}:1", replicas=2)})
        sandbox.application("sentry-frontend-dev", repository)
        say("1 of 2: a commit with a new image is pushed; the pipeline's release job runs")
        green = release(sandbox, "green", first)

        broken = manifests.deployment("frontend", f"{IMAGE}:2", replicas=-2)
        second = repository.commit({"web.yaml": broken}, "scale down, with a typo")
        say("2 of 2: a commit that the cluster rejects is pushed; the same job runs")
        red = release(sandbox, "red", second)
    say(f"green ended with exit code {green}, red with exit code {red}; their reports are in {REPORTS.name}/")
    say(f"see them as pages: {REPORTS.name}/green/argocd-release.html, {REPORTS.name}/red/argocd-release.html")
    return 0 if (green, red) == (0, 10) else 1


def release(sandbox: Sandbox, name: str, revision: str) -> int:
    """Run the release job of a pipeline, and return its exit code."""
    folder = REPORTS / name
    environ = os.environ | sandbox.environment() | {
        "ARGOCD_APP_NAME": "sentry-frontend-dev",
        "RELEASE_TIMEOUT": "60",
        **{f"RELEASE_{report}_PATH": str(relative(folder / f"argocd-release.{end}")) for report, end in FILES.items()},
        "CI_COMMIT_SHORT_SHA": revision[:8],
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("argocd-release"))]
    return subprocess.run(command, env=environ, cwd=ROOT, check=False).returncode


def relative(path: Path) -> Path:
    return path.relative_to(ROOT)


def say(text: str) -> None:
    print(f"\n##### {text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
