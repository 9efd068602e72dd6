"""Check that the job has the environment and the ID token that the component gives it.

An ``extends`` next to the include replaces the component's own ``extends``, without which the job has neither.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem

JOB_NAME: Final = "INPUT_JOB_NAME"
WITH_ENVIRONMENT: Final = "INPUT_WITH_ENVIRONMENT"
OIDC_AUDIENCE: Final = "INPUT_OIDC_AUDIENCE"


def asks_identity(environ: Mapping[str, str]) -> bool:
    """Return True if the job must sign in with an ID token."""
    return bool(environ.get(OIDC_AUDIENCE, "").strip())


def missing_identity(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[SetupProblem]:
    """Yield a problem if the job must sign in with an ID token, but has neither that nor another token."""
    connector = values.get("RELEASE_DEX_CONNECTOR")
    if values.get("RELEASE_ID_TOKEN"):
        return
    if asks_identity(environ) and (connector or not values.get("ARGOCD_AUTH_TOKEN")):
        reason, fix = _no_identity(environ)
        yield SetupProblem.of_setting(settings.IDENTITY_MISSING, "RELEASE_ID_TOKEN", reason=reason, fix=fix)
    elif connector:
        yield SetupProblem.of_setting(settings.CONNECTOR_WITHOUT_IDENTITY, "RELEASE_DEX_CONNECTOR")


def warnings(environ: Mapping[str, str]) -> Iterator[SetupProblem]:
    """Yield a warning for each thing that the component promises and the job can do without."""
    if lacks_environment(environ):
        yield SetupProblem.of(settings.ENVIRONMENT_GONE, fix=how_to_extend(environ))
    if asks_identity(environ) and not environ.get("RELEASE_ID_TOKEN") and environ.get("ARGOCD_AUTH_TOKEN"):
        reason, fix = _no_identity(environ)
        yield SetupProblem.of(settings.STORED_TOKEN_USED, reason=reason, fix=fix)


def lacks_environment(environ: Mapping[str, str]) -> bool:
    """Return True if the component gave the job an environment, and GitLab did not start it with one."""
    return environ.get(WITH_ENVIRONMENT, "").strip() == "true" and not environ.get("CI_ENVIRONMENT_NAME")


def how_to_extend(environ: Mapping[str, str]) -> str:
    """Return the ``extends`` that keeps what the component gives the job."""
    job = environ.get(JOB_NAME, "").strip() or "argocd-release"
    token = "https" if asks_identity(environ) else ""
    parts = [f".{job}:environment:{environ.get(WITH_ENVIRONMENT, 'true').strip()}", f'".{job}:id-token:{token}"']
    return settings.KEEP_EXTENDS.fill(parts=", ".join(parts))


def _no_identity(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the reason why the job has no ID token, and the fix."""
    if lacks_environment(environ):
        # The environment is missing too, so the job does not extend the component's part.
        return settings.EXTENDS_REPLACED.fill(), how_to_extend(environ)
    return settings.NO_ID_TOKEN.fill(), settings.ASK_FOR_KEY.fill(fix=how_to_extend(environ))
