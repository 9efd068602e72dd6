"""Who the token is for Argo CD, what it may, and whether the application is there."""

import re
import time
from typing import Any, Final
from urllib.parse import quote

from argocd_release.argocd import jwt
from argocd_release.argocd.api import Api
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Answer, Prober
from argocd_release.core.text import one_line
from argocd_release.core.untrusted_json import as_object, as_objects, parse_json
from argocd_release.doctor import settings
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind, SetupProblem
from argocd_release.model.outcome import Outcome

_OK: Final = 200
_UNAUTHENTICATED: Final = 401
_FORBIDDEN: Final = 403
_SHOWN: Final = 5
# Argo CD's words (argo-cd v2.13.2 util/session/sessionmanager.go:200-300, server/server.go:1379-1391); each with what
# they mean and what to do.
_REFUSALS: Final = (
    (
        r"[Tt]oken is expired",
        "token-expired",
        "the token has expired, says Argo CD",
        "generate a new one and change the variable",
    ),
    (
        r"does not have token with id",
        "token-revoked",
        "the token was revoked: Argo CD has the account, but no longer accepts this token",
        "generate a new one and change the variable",
    ),
    (
        r"account \S+ is disabled",
        "account-disabled",
        "the account is disabled",
        "set accounts.NAME.enabled to true in argocd-cm",
    ),
    (
        r"account '?\S+'? does not exist|account \S+ not found",
        "account-missing",
        "the account no longer exists",
        "declare it in argocd-cm, then generate a new token",
    ),
    (
        r"does not have .{0,20}apiKey.{0,20}capability|not have '\w+' capability",
        "account-capability",
        "this account is not allowed to have tokens: it lacks the `apiKey` capability",
        "add apiKey to accounts.NAME in argocd-cm, for example `accounts.ci: apiKey`",
    ),
    (
        r"signature is invalid",
        "token-foreign",
        "the token was signed by another Argo CD, or this one has a new signing key",
        "generate a new token on this server",
    ),
    (
        r"role .{0,100} not found|does not exist in project",
        "role-missing",
        "the role of the project no longer exists",
        "create it, then a token of it",
    ),
    (
        r"SSO is not configured",
        "sso-missing",
        "the token does not come from Argo CD, and this Argo CD has neither oidc.config nor Dex to verify it",
        "configure oidc.config in argocd-cm, or use an Argo CD token",
    ),
    (
        r"segments|malformed",
        "token-damaged",
        "the token is damaged",
        "copy it again, whole and without anything around it",
    ),
)


def token(connection: Connection, timeout: int) -> str | list[SetupProblem]:
    """What the token says of itself."""
    claims = jwt.read(connection.auth_token)
    return settings.token_problems(connection.auth_token, claims, timeout=timeout, now=time.time())


def signed_in(prober: Prober, connection: Connection) -> str | SetupProblem:
    """Whose the token is for Argo CD, or why it is nobody's."""
    claims = jwt.read(connection.auth_token)
    answer = _can_i(prober, "applications", "get", "*/*")
    if answer.status == _OK:
        info = _object(prober.get("/api/v1/session/userinfo", token=True))
        known = str(info.get("username") or "") or (claims.whose if claims else "")
        return f"signed in as {one_line(known or 'an account without a name', limit=150)}"
    said = _said(answer)
    if answer.status != _UNAUTHENTICATED:
        return SetupProblem(
            code="account-unknown",
            message=f"Argo CD does not say whose the token is: HTTP {answer.status} {said}".rstrip(),
            fix="look at the log of argocd-server",
            outcome=Outcome.UNREACHABLE,
        )
    if "failed to verify the token" in said:
        return _unverified(prober, claims)
    for pattern, code, message, fix in _REFUSALS:
        if re.search(pattern, said):
            return SetupProblem(code=code, message=message, fix=fix, outcome=Outcome.DENIED)
    return SetupProblem(
        code="token-refused",
        message=f"Argo CD refuses the token: {said}",
        fix="generate a new one",
        outcome=Outcome.DENIED,
    )


def _unverified(prober: Prober, claims: jwt.Claims | None) -> SetupProblem:
    """Why a provider's token is refused: Argo CD says the same of each reason, so its settings are compared with it."""
    settings = _object(prober.get("/api/v1/settings"))
    oidc = as_object(settings.get("oidcConfig"))
    issuer, client = str(oidc.get("issuer") or ""), str(oidc.get("clientID") or "")
    ours = claims or jwt.Claims()
    audience = ", ".join(ours.audience)
    if issuer and ours.issuer != issuer:
        return _denied(
            "issuer",
            f"the token's issuer {one_line(ours.issuer)} is not the one that Argo CD trusts, {one_line(issuer)}",
            "make oidc.config's issuer that of the token, without a slash at the end, and restart argocd-server",
        )
    if client and client not in ours.audience:
        return _denied(
            "audience",
            f"the token is for {one_line(audience or 'no audience')}, and Argo CD expects {one_line(client)}",
            f"set the audience of the ID token (`oidc_audience` in the component) to {one_line(client)}, or "
            "allow it in oidc.config's allowedAudiences",
        )
    return _denied(
        "token-unverified",
        "Argo CD cannot verify the token: only its log says why",
        "look for “Failed to verify token” in the log of argocd-server; after a change of oidc.config restart it",
    )


def application(api: Api, prober: Prober, name: str) -> Application | SetupProblem:
    """The application as Argo CD shows it, or why it does not."""
    try:
        return api.application(name)
    except ArgoCDError as error:
        if error.kind not in {FailureKind.DENIED, FailureKind.MISSING}:
            return _unanswered(name, one_line(error.message, limit=200))
    listed, seen = _names(prober)
    if name in seen or not listed:
        return _unanswered(name, "it did not say whether there is one")
    if not seen:
        return _denied(
            "rights-none",
            "the token is not allowed to see any application",
            "grant it `applications, get, PROJECT/*` in argocd-rbac-cm or in a role of the project",
        )
    import difflib  # noqa: PLC0415 - most jobs have no such mistake

    near = difflib.get_close_matches(name, seen, 1)
    if near:
        message, fix = f"there is no application {name} that this token can see", f"did you mean {near[0]}?"
    else:
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        message = (
            f"there is no application {name} among those that this token can see: {', '.join(seen[:_SHOWN])}{more}"
        )
        fix = "set <ARGOCD_APP_NAME> to the name in Argo CD, or grant the token `applications, get` on it"
    return SetupProblem(code="application-missing", message=message, fix=fix, outcome=Outcome.MISSING)


def _unanswered(name: str, why: str) -> SetupProblem:
    return SetupProblem(
        code="application-unanswered",
        message=f"Argo CD did not answer with application {name}: {why}",
        fix="look at the load and the log of argocd-server, and run the doctor again",
        outcome=Outcome.UNREACHABLE,
    )


def rights(prober: Prober, name: str, project: str, *, sync: bool) -> str | list[SetupProblem]:
    """What the token may do with the application, and what it should be able to do."""
    thing = f"{project}/{name}"
    problems = []
    if not may(prober, "projects", "get", project):
        problems.append(
            SetupProblem(
                code="rights-project",
                message=f"the token is not allowed to read the project {project}: if only gRPC reaches Argo CD, a "
                "release cannot read the application",
                fix=f"grant it `projects, get, {project}`",
            )
        )
    if sync and not may(prober, "applications", "sync", thing):
        problems.append(
            _denied(
                "rights-sync",
                f"<RELEASE_SYNC> is set, but the token is not allowed to sync {thing}",
                f"grant it `applications, sync, {project}/*`, or let Argo CD sync by itself",
            )
        )
    if not may(prober, "logs", "get", thing):
        problems.append(
            SetupProblem(
                code="rights-logs",
                message="the token is not allowed to read logs: reports will lack the last lines of broken pods",
                fix=f"grant it `logs, get, {project}/*`",
            )
        )
    problems += too_wide(prober, name, project)
    return problems or "the token has every right it needs"


def too_wide(prober: Prober, name: str, project: str) -> list[SetupProblem]:
    """What the token may do that no release needs; only where Argo CD says so."""
    questions = (("applications", "delete", f"{project}/{name}"), ("projects", "update", project))
    if not any(_object(_can_i(prober, *question)).get("value") == "yes" for question in questions):
        return []
    return [
        SetupProblem(
            code="rights-wide",
            message="the token is allowed to do more than a release needs: delete applications or change the project",
            fix="give the pipeline its own account, with the rights that the guide lists",
        )
    ]


def may(prober: Prober, resource: str, action: str, thing: str) -> bool:
    """Return whether the token has the right; a right that this server does not know is not guarded."""
    answer = _can_i(prober, resource, action, thing)
    # What this server does not know it does not guard either.
    return answer.status != _OK or _object(answer).get("value") == "yes"


def _can_i(prober: Prober, resource: str, action: str, thing: str) -> Answer:
    return prober.get(f"/api/v1/account/can-i/{resource}/{action}/{quote(thing)}", token=True)


def _names(prober: Prober) -> tuple[bool, list[str]]:
    """Return whether Argo CD listed the applications, and their names."""
    answer = prober.get("/api/v1/applications", {"fields": "items.metadata.name,items.metadata.namespace"}, token=True)
    items = as_objects(_object(answer).get("items"))
    names = [one_line(str(as_object(item.get("metadata")).get("name") or ""), limit=100) for item in items]
    return answer.status == _OK, names


def _said(answer: Answer) -> str:
    found = _object(answer)
    return one_line(str(found.get("message") or found.get("error") or answer.error or ""), limit=200)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return as_object(parse_json(answer.body))
    except ValueError:
        return {}


def _denied(code: str, message: str, fix: str) -> SetupProblem:
    return SetupProblem(code=code, message=message, fix=fix, outcome=Outcome.DENIED)
