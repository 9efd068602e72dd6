"""The environment and the ID token that the component promises its job, and that GitLab did not give it.

``extends`` beside the include replaces the component's own ``extends``, without which the job has neither.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from argocd_release.model.errors import SettingProblem

JOB_NAME: Final = "INPUT_JOB_NAME"
WITH_ENVIRONMENT: Final = "INPUT_WITH_ENVIRONMENT"
OIDC_AUDIENCE: Final = "INPUT_OIDC_AUDIENCE"
_REPLACED: Final = "the job's `extends` replaced the component's"


def asks_identity(environ: Mapping[str, str]) -> bool:
    """Return True if the job is to sign in with an ID token."""
    return bool(environ.get(OIDC_AUDIENCE, "").strip())


def missing_identity(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[SettingProblem]:
    """Return the problem of a job that is to sign in with an ID token, has none, and has no other token."""
    connector = values.get("RELEASE_DEX_CONNECTOR")
    if values.get("RELEASE_ID_TOKEN"):
        return
    if asks_identity(environ) and (connector or not values.get("ARGOCD_AUTH_TOKEN")):
        message, fix = _no_identity(environ)
        yield SettingProblem(name="RELEASE_ID_TOKEN", code="identity-missing", message=message, fix=fix)
    elif connector:
        yield SettingProblem(
            name="RELEASE_DEX_CONNECTOR",
            code="identity-missing",
            message="is set, but there is no <RELEASE_ID_TOKEN> to exchange",
            fix="set the component's `oidc_audience`, or write id_tokens into the job; GitLab leaves the token out if "
            "it has no key to sign it with",
        )


def warnings(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return what the job lacks although it can go on, each with its fix."""
    if lacks_environment(environ):
        yield f"the job has no environment: {_REPLACED}", how_to_extend(environ)
    if asks_identity(environ) and not environ.get("RELEASE_ID_TOKEN") and environ.get("ARGOCD_AUTH_TOKEN"):
        message, fix = _no_identity(environ)
        yield f"<ARGOCD_AUTH_TOKEN> is used, because <RELEASE_ID_TOKEN> {message}", fix


def lacks_environment(environ: Mapping[str, str]) -> bool:
    """Return True if the component gave the job an environment, and GitLab did not start it with one."""
    return environ.get(WITH_ENVIRONMENT, "").strip() == "true" and not environ.get("CI_ENVIRONMENT_NAME")


def how_to_extend(environ: Mapping[str, str]) -> str:
    """Return the ``extends`` that keeps what the component gives the job."""
    job = environ.get(JOB_NAME, "").strip() or "argocd-release"
    token = "https" if asks_identity(environ) else ""
    parts = [f".{job}:environment:{environ.get(WITH_ENVIRONMENT, 'true').strip()}", f'".{job}:id-token:{token}"']
    return f"remove `extends` beside the include, or write: extends: [{', '.join(parts)}, .your-job]"


def _no_identity(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return why the job has no ID token, and what to do."""
    unset = "is not set, although `oidc_audience` is"
    if lacks_environment(environ):
        # The environment is gone too, so the component's `extends` is.
        return f"{unset}: {_REPLACED}", how_to_extend(environ)
    return (
        f"{unset}: GitLab made no token, or {_REPLACED}",
        f"{how_to_extend(environ)}; if the job has none, ask whether GitLab has a key to sign ID tokens with",
    )
