"""Provide the fixtures that unit tests share."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the certificate of a private authority, and with a key and certificate for localhost.

    The files are ca.pem and server.pem.
    """
    folder = tmp_path_factory.mktemp("authority")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    sign = ["openssl", "x509", "-req", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"]
    for command in (
        [*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=a private authority"],
        [*new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"],
        [*sign, "-in", "server.csr", "-out", "server.crt"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "server.pem").write_bytes((folder / "server.crt").read_bytes() + (folder / "server.key").read_bytes())
    return folder
