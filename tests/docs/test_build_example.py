"""The build job that the pages show, run against a real git server: again, and beside another service's job."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from sandbox.git import Repository
from sandbox.git_server import GitServer, serving
from tests.docs.installation import snippet

ACCOUNT = "ci:glpat-0123456789"
MANIFEST = "spec:\n  image: registry.example.com/team/{0}:old\n"
# `git push` of each job waits once until both have committed, so that the second is always refused.
MEETING = """#!/bin/sh
if [ "$1" = push ] && [ ! -e "$MEETING/$SERVICE" ]; then
  touch "$MEETING/$SERVICE"
  for _ in $(seq 200); do [ "$(ls "$MEETING" | wc -l)" -ge "$JOBS" ] && break; sleep 0.1; done
fi
exec {git} "$@"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path, account=ACCOUNT) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "team" / "shop.git")
    made.commit({f"{service}/.cicd/deployment.yaml": MANIFEST.format(service) for service in ("frontend", "payment")})
    made.git("config", "http.receivepack", "true")
    # The repository of the sandbox has a work tree, which a repository of GitLab has not.
    made.git("config", "receive.denyCurrentBranch", "ignore")
    return made


def run_job(
    name: str, job: str, server: GitServer, folder: Path, *, sha: str, service: str = "frontend", jobs: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run the script of the example's job as a runner does, with docker and apk doing nothing."""
    tools = folder / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    git = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    stubs = {"docker": "#!/bin/sh\nexit 0\n", "apk": "#!/bin/sh\nexit 0\n", "git": MEETING.replace("{git}", git)}
    for tool, text in stubs.items():
        (tools / tool).write_text(text)
        (tools / tool).chmod(0o755)
    meeting = folder.parent / "meeting"
    meeting.mkdir(exist_ok=True)
    script = yaml.safe_load(snippet(f"pipelines/{name}").replace("frontend", service))[job.replace("frontend", service)]
    work = folder / "work"
    subprocess.run(["rm", "-rf", str(work)], check=True)
    work.mkdir()
    environ = {
        "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder), "SERVICE": service, "MEETING": str(meeting),
        "JOBS": str(jobs), "IMAGE": f"registry.example.com/team/{service}", "CI_COMMIT_SHORT_SHA": sha,
        "CI_REGISTRY_IMAGE": "registry.example.com/team", "CI_SERVER_PROTOCOL": server.scheme,
        "CI_SERVER_FQDN": f"localhost:{server.port}", "CI_PROJECT_PATH": "team/shop", "DEPLOY_TOKEN": "glpat-0123456789",
        "CI_DEFAULT_BRANCH": "main", "CI_PROJECT_DIR": str(work), "CI_REGISTRY_PASSWORD": "x", "CI_REGISTRY_USER": "x",
        "CI_REGISTRY": "registry.example.com",
    }  # fmt: skip
    text = "\n".join(["set -e", *script["script"]])
    return subprocess.run(
        ["sh", "-c", text], cwd=work, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def images(repository: Repository) -> str:
    return "".join(
        repository.git("show", f"main:{service}/.cicd/deployment.yaml") for service in ("frontend", "payment")
    )


def test_two_services_that_push_at_once_both_arrive(server: GitServer, repository: Repository, tmp_path: Path) -> None:
    before = int(repository.git("rev-list", "--count", "main"))
    with ThreadPoolExecutor() as pool:
        ended = list(
            pool.map(
                lambda service: run_job(
                    "build.yml", "build:frontend", server, tmp_path / service, sha="0badcafe", service=service, jobs=2
                ),
                ("frontend", "payment"),
            )
        )
    assert [job.returncode for job in ended] == [0, 0], [job.stderr for job in ended]
    assert "rejected" in "".join(job.stderr for job in ended), "the jobs met no one, and the test says nothing"
    assert images(repository).count(":0badcafe") == 2
    assert int(repository.git("rev-list", "--count", "main")) == before + 2


def test_a_job_that_is_run_again_has_nothing_to_commit_and_succeeds(
    server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    for _ in range(2):
        ended = run_job("build.yml", "build:frontend", server, tmp_path / "frontend", sha="0badcafe")
        assert ended.returncode == 0, ended.stderr
    assert ":0badcafe" in images(repository)
    assert repository.git("log", "--format=%s", "main").count("0badcafe") == 1


def test_a_token_without_the_right_to_push_ends_the_job(
    server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    repository.git("config", "http.receivepack", "false")
    ended = run_job("build.yml", "build:frontend", server, tmp_path / "frontend", sha="0badcafe")
    assert ended.returncode != 0
    assert ":0badcafe" not in images(repository)
