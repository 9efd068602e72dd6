"""Build the programs of the release pipeline's images from Go modules, because the images can be unreachable."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from sandbox import cache

# The versions of BuildKit and cosign must support the options that `.gitlab-ci.yml` uses. Each name is a Go package.
PROGRAMS: Final = (
    "github.com/docker/buildx/cmd/buildx@v0.38.2",
    "github.com/moby/buildkit/cmd/buildkitd@v0.34.2",
    "github.com/moby/buildkit/cmd/buildctl@v0.34.2",
    "github.com/zricethezav/gitleaks/v8@v8.30.1",
    "github.com/anchore/syft/cmd/syft@v1.57.1",
    "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1",
)
MINUTES: Final = 40


def build(go: str) -> Path:
    """Return the folder of the programs. The first call builds them, which takes about ten minutes on two cores."""
    digest = hashlib.sha256("\n".join(PROGRAMS).encode()).hexdigest()[:12]
    folder = cache.folder().parent / f"release-programs-{digest}"
    environ = os.environ | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-trimpath -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    for program in PROGRAMS:
        package = program.partition("@")[0]
        target = folder / package.removesuffix("/v8").rpartition("/")[2]
        if target.exists():
            continue
        # `go install` refuses modules that exclude others, as BuildKit does, so each program gets a module of its own.
        with tempfile.TemporaryDirectory() as module:
            for command in (
                [go, "mod", "init", "release"],
                [go, "get", program],
                [go, "build", "-ldflags=-s -w", "-o", str(target), package],
            ):
                subprocess.run(command, cwd=module, env=environ, check=True, timeout=60 * MINUTES)
    return folder
