"""README's pipelines for usual situations, with the real job on a real Argo CD."""

import re
from collections.abc import Callable
from pathlib import Path

from sandbox import manifests
from sandbox.application import Application
from sandbox.sandbox import Sandbox
from tests.docs.pages import ROOT
from tests.support import component, job
from tests.support.gitlab_pipeline import read
from tests.support.job import Release

README = (ROOT / "README.md").read_text("utf-8")
IMAGE = "registry.example.com/shop"
Run = Callable[..., Release]


def variables(job_name: str, **changed: str) -> dict[str, str]:
    """Return the inputs that the job of README's pipeline passes to argocd-release.

    Args:
        job_name: the name of the job.
        changed: values of GitLab's and the project's variables, and of the example's application, by their names.
    """
    blocks = re.findall(r"```yaml\n(include:.*?)```", README, re.DOTALL)
    pipelines = [read(text, component.TEMPLATES) for text in blocks]
    (found,) = [pipeline.jobs[job_name] for pipeline in pipelines if job_name in pipeline.jobs]
    values = found["variables"] | changed
    # The names of the reports contain the number of the job. Leave them out, so that the tests find the files.
    inputs = {
        name: re.sub(r"\$(\w+)", lambda match: str(values.get(match[1], "")), str(value))
        for name, value in found["variables"].items()
        if name.startswith("INPUT_") and not name.endswith("_PATH")
    }
    return inputs | {"CI_ENVIRONMENT_NAME": found["environment"]["name"]}


def web(tag: str) -> dict[str, str | None]:
    return {"web.yaml": manifests.deployment("web", f"{IMAGE}:{tag}")}


def production(sandbox: Sandbox, name: str, tag: str) -> dict[str, str]:
    """Return the environment of README's job for production, with a token that has only the rights that README names."""
    policy = re.findall(r"p, role:ci-prod, (.*), gitops/shop-prod, allow", README)
    token = sandbox.token(name, tuple(f"{right}, default/{name}, allow" for right in policy))
    inputs = variables("release:production", CI_COMMIT_TAG=tag) | {"INPUT_ARGOCD_APP_NAME": name}
    assert inputs["INPUT_RELEASE_SYNC"].strip() == "true"
    assert inputs["INPUT_RELEASE_IMAGE"] == tag
    return inputs | {"ARGOCD_AUTH_TOKEN": token, "INPUT_RELEASE_TIMEOUT": "20"}


def started_at(application: Application) -> str:
    return str(application.get()["status"]["operationState"]["startedAt"])


def test_production_syncs_once_and_a_retried_job_does_not_sync_again(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("v1.0"))
    application = sandbox.application(name, repository, automated=False)
    environ = production(sandbox, name, "v1.0")

    first = release(name, **environ)
    assert first.exit_code == 0, first.log
    assert f"$ argocd app sync {name} --async" in first.log
    synced = started_at(application)

    again = release(name, **environ)
    assert again.exit_code == 0, again.log
    assert "argocd app sync" not in again.log
    assert started_at(application) == synced


def test_the_sync_of_production_does_not_prune(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("v1.0") | {"old.yaml": manifests.config_map("old", colour="blue")})
    sandbox.application(name, repository, automated=False)
    environ = production(sandbox, name, "v1.0")
    assert release(name, **environ).exit_code == 0
    repository.commit(web("v1.1") | {"old.yaml": None})

    ended = release(name, **environ | {"INPUT_RELEASE_IMAGE": "v1.1"})

    assert ended.exit_code == 12, ended.log
    assert "prun" in ended.cause
    assert sandbox.kubectl("get", "configmap", "old", "-n", name)


def test_an_older_tag_is_not_synced_while_git_has_a_newer_one(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("v1.1"))
    application = sandbox.application(name, repository, automated=False)

    ended = release(name, **production(sandbox, name, "v1.0"))

    assert ended.exit_code == 12, ended.log
    assert "the manifests in git do not name the expected image v1.0" in ended.cause
    assert f"$ argocd app sync {name}" not in ended.log
    assert "operationState" not in application.get()["status"]


def test_the_doctor_of_production_finds_it_ready(sandbox: Sandbox, name: str, tmp_path: Path) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("v1.0"))
    sandbox.application(name, repository, automated=False)
    own = production(sandbox, name, "v1.0")
    inputs = variables("argocd-doctor") | {"INPUT_ARGOCD_APP_NAME": name}
    assert inputs["INPUT_RELEASE_SYNC"].strip() == "true"

    checked = job.doctor(sandbox.environment() | inputs | {"ARGOCD_AUTH_TOKEN": own["ARGOCD_AUTH_TOKEN"]}, tmp_path)

    assert checked.exit_code == 0, checked.text
    assert "Ready to track releases" in checked.text


def test_a_newer_image_took_the_place_of_the_expected_one(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("0badcafe"))
    sandbox.application(name, repository)
    inputs = variables("release:frontend", CI_COMMIT_SHORT_SHA="3f2c1ab0") | {"INPUT_ARGOCD_APP_NAME": name}

    ended = release(name, **inputs | {"INPUT_RELEASE_TIMEOUT": "10"})

    assert ended.exit_code == 12, ended.log
    assert "no pod runs the image frontend:3f2c1ab0" in ended.cause
