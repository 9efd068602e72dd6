"""The site, built once for all tests of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox
from tests.docs.installation import Installation
from tests.docs.pages import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both halves, as ``bin/dev docs`` builds them."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "bin/dev", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def installation(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Set up what the pages tell a user to set up."""
    return Installation.create(sandbox, tmp_path_factory.mktemp("person"))
