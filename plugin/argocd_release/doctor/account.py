"""Check the token: its claims, its account, its rights, and the applications that it can see.

Each check returns its problems or, if there are none, a text that says what is in order.
"""

import re
import time
from typing import Any, Final
from urllib.parse import quote

from argocd_release.argocd import auth
from argocd_release.argocd.api import Api
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Answer, Prober
from argocd_release.core.text import as_object, as_objects, first_names, nearest, one_line, parse_object
from argocd_release.doctor import pipeline
from argocd_release.messages import ProblemMessage, doctor
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind, SetupProblem
from argocd_release.model.outcome import Outcome

_OK: Final = 200
_UNAUTHENTICATED: Final = 401
_SHOWN: Final = 5
# Patterns of the messages with which Argo CD refuses a token, each with the problem that the message shows (argo-cd
# v2.13.2 util/session/sessionmanager.go:200-300, server/server.go:1379-1391).
_REFUSALS: Final = (
    (r"[Tt]oken is expired", doctor.REFUSED_EXPIRED),
    (r"does not have token with id", doctor.REVOKED),
    (r"account \S+ is disabled", doctor.ACCOUNT_DISABLED),
    (r"account '?\S+'? does not exist|account \S+ not found", doctor.ACCOUNT_MISSING),
    (r"does not have .{0,20}apiKey.{0,20}capability|not have '\w+' capability", doctor.ACCOUNT_CAPABILITY),
    (r"signature is invalid", doctor.TOKEN_FOREIGN),
    (r"role .{0,100} not found|does not exist in project", doctor.ROLE_MISSING),
    (r"SSO is not configured", doctor.SSO_MISSING),
    (r"segments|malformed", doctor.REFUSED_DAMAGED),
)


def token(connection: Connection, timeout: int) -> str | list[SetupProblem]:
    """Check the form of the token, and that it does not expire within the next ``timeout`` seconds."""
    claims = auth.read_claims(connection.auth_token)
    return pipeline.token_problems(connection.auth_token, claims, timeout=timeout, now=time.time())


def signed_in(prober: Prober, connection: Connection) -> str | SetupProblem:
    """Check that Argo CD accepts the token. Return a text with its account, or the problem with the reason."""
    claims = auth.read_claims(connection.auth_token)
    answer = _can_i(prober, "applications", "get", "*/*")
    if answer.status == _OK:
        info = parse_object(prober.get("/api/v1/session/userinfo", token=True).body)
        owner = str(info.get("username") or "") or (claims.whose if claims else "")
        return doctor.SIGNED_IN.fill(owner=one_line(owner or doctor.NAMELESS.fill(), limit=150))
    message = _message(answer)
    if answer.status != _UNAUTHENTICATED:
        status = f"{answer.status} {message}".rstrip()
        return SetupProblem.of(doctor.ACCOUNT_UNKNOWN, Outcome.UNREACHABLE, status=status)
    if "failed to verify the token" in message:
        return _unverified(prober, claims)
    for pattern, entry in _REFUSALS:
        if re.search(pattern, message):
            return SetupProblem.of(entry, Outcome.DENIED)
    return SetupProblem.of(doctor.TOKEN_REFUSED, Outcome.DENIED, reason=message)


def _unverified(prober: Prober, claims: auth.Claims | None) -> SetupProblem:
    """Return the problem of a token that Argo CD cannot verify, although an identity provider has issued it.

    Argo CD gives the same message for all reasons. To find the reason, this function compares Argo CD's settings with
    the token.
    """
    oidc = as_object(parse_object(prober.get("/api/v1/settings").body).get("oidcConfig"))
    trusted, expected = str(oidc.get("issuer") or ""), str(oidc.get("clientID") or "")
    claims = claims or auth.Claims()
    if trusted and claims.issuer != trusted:
        return _denied(doctor.ISSUER, issuer=one_line(claims.issuer), trusted=one_line(trusted))
    if expected and expected not in claims.audience:
        audience = one_line(", ".join(claims.audience)) or doctor.NO_AUDIENCE.fill()
        return _denied(doctor.AUDIENCE, audience=audience, expected=one_line(expected))
    return _denied(doctor.UNVERIFIED)


def application(api: Api, prober: Prober, name: str) -> Application | SetupProblem:
    """Return the application, or the problem if Argo CD does not return it.

    Args:
        api: Argo CD's HTTP API.
        prober: sends HTTP requests to Argo CD.
        name: the name of the application, as in the settings.
    """
    try:
        return api.application(name)
    except ArgoCDError as error:
        if error.kind not in {FailureKind.DENIED, FailureKind.MISSING}:
            return _unanswered(name, one_line(error.message, limit=200))
    listed, visible = _names(prober)
    if name in visible or not listed:
        return _unanswered(name, doctor.NO_LIST.fill())
    if not visible:
        return _denied(doctor.RIGHTS_NONE)
    if near := nearest(name, visible):
        return SetupProblem.of(doctor.APPLICATION_MISSPELT, Outcome.MISSING, name=name, near=near)
    names = first_names(visible, _SHOWN)
    return SetupProblem.of(doctor.APPLICATION_MISSING, Outcome.MISSING, name=name, names=names)


def _unanswered(name: str, reason: str) -> SetupProblem:
    return SetupProblem.of(doctor.APPLICATION_UNANSWERED, Outcome.UNREACHABLE, name=name, reason=reason)


def rights(prober: Prober, name: str, project: str, *, sync: bool, terminate: bool = False) -> str | list[SetupProblem]:
    """Check the rights of the token on the application and on its project.

    Args:
        prober: sends HTTP requests to Argo CD.
        name: the name of the application.
        project: its project.
        sync: True if the job itself syncs the application, which requires an additional right.
        terminate: True if the job ends the sync of an earlier revision, which requires the same right.
    """
    application = f"{project}/{name}"
    problems = []
    if not may(prober, "projects", "get", project):
        problems.append(SetupProblem.of(doctor.RIGHTS_PROJECT, project=project))
    if (sync or terminate) and not may(prober, "applications", "sync", application):
        words = {"application": application, "project": project}
        # A job that cannot end a sync only warns, but a job that cannot start one fails.
        missing = _denied(doctor.RIGHTS_SYNC, **words) if sync else SetupProblem.of(doctor.RIGHTS_TERMINATE, **words)
        problems.append(missing)
    if not may(prober, "logs", "get", application):
        problems.append(SetupProblem.of(doctor.RIGHTS_LOGS, project=project))
    problems += too_wide(prober, name, project)
    return problems or doctor.RIGHTS_COMPLETE.fill()


def too_wide(prober: Prober, name: str, project: str) -> list[SetupProblem]:
    """Return a warning if the token has rights that no release needs, otherwise an empty list."""
    questions = (("applications", "delete", f"{project}/{name}"), ("projects", "update", project))
    if not any(parse_object(_can_i(prober, *question).body).get("value") == "yes" for question in questions):
        return []
    return [SetupProblem.of(doctor.RIGHTS_WIDE)]


def may(prober: Prober, resource: str, action: str, thing: str) -> bool:
    """Return True if the token is allowed to perform the action.

    Args:
        prober: sends HTTP requests to Argo CD.
        resource: the type of the object in Argo CD's RBAC, such as ``applications``.
        action: the action, such as ``get``.
        thing: the name of the object, such as ``project/application``.
    """
    answer = _can_i(prober, resource, action, thing)
    # If Argo CD responds with an error, its version does not know the right. Then this version does not require it
    # either.
    return answer.status != _OK or parse_object(answer.body).get("value") == "yes"


def _can_i(prober: Prober, resource: str, action: str, thing: str) -> Answer:
    return prober.get(f"/api/v1/account/can-i/{resource}/{action}/{quote(thing)}", token=True)


def _names(prober: Prober) -> tuple[bool, list[str]]:
    """Return two values: True if Argo CD has listed the applications, and the names of those that the token can see."""
    answer = prober.get("/api/v1/applications", {"fields": "items.metadata.name,items.metadata.namespace"}, token=True)
    items = as_objects(parse_object(answer.body).get("items"))
    names = [one_line(str(as_object(item.get("metadata")).get("name") or ""), limit=100) for item in items]
    return answer.status == _OK, names


def _message(answer: Answer) -> str:
    document = parse_object(answer.body)
    return one_line(str(document.get("message") or document.get("error") or answer.error or ""), limit=200)


def _denied(entry: ProblemMessage, **fields: Any) -> SetupProblem:
    return SetupProblem.of(entry, Outcome.DENIED, **fields)
