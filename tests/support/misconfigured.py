"""Mistakes in the configuration of a pipeline, each with the settings that cause it and the doctor's name for it.

Each mistake has a function that receives the ``Place`` and returns variables to change. An empty value removes a
variable.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from sandbox import objects
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.entrances import Entrances, free_port
from tests.support.identity import GitLab
from tests.support.waiting import eventually

IMAGE: Final = "registry.example.com/web:1"
PROJECT: Final = "doctor"
RIGHTS: Final = (
    f"applications, get, {PROJECT}/*, allow",
    f"projects, get, {PROJECT}, allow",
    f"logs, get, {PROJECT}/*, allow",
)
Environ = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A sandbox in which all mistakes can be made: it has entrances, applications, and ports that do not respond."""

    sandbox: Sandbox
    ways: Entrances
    hole: str
    silence: str
    insecure: str
    token: str

    @classmethod
    def prepared(cls, sandbox: Sandbox, ways: Entrances, hole: str, silence: str, insecure: str) -> "Place":
        """Create the applications, accounts and tokens that the mistakes need."""
        sandbox.project(PROJECT)
        sandbox.project("doctor-window", syncWindows=[objects.deny_window()])
        for name, project, options in (
            ("shop", PROJECT, {}),
            ("shop-manual", PROJECT, {"automated": False}),
            ("shop-window", "doctor-window", {}),
            ("shop-broken", PROJECT, {"path": "nowhere"}),
        ):
            repository = sandbox.repository(f"doctor-{name}")
            repository.commit(web("1"))
            sandbox.application(name, repository, project=project, **options)
        sandbox.token("doctor", (*RIGHTS, "applications, get, doctor-window/*, allow", "projects, get, *, allow"))
        return cls(
            sandbox=sandbox,
            ways=ways,
            hole=hole,
            silence=silence,
            insecure=insecure,
            token=issued(sandbox, "doctor", "30d"),
        )

    def by(self, entrance: str, options: str = "--grpc-web --server-crt {authority}", **more: str) -> Environ:
        """Return the variables with which a job connects through the entrance, and further variables."""
        filled = options.format(authority=self.ways.authority)
        return {"ARGOCD_SERVER": self.ways.server(entrance), "ARGOCD_OPTS": filled, **more}

    def account(self, name: str, *rights: str, lives: str = "30d") -> str:
        """Create an account that has only these rights, and return a token of it."""
        self.sandbox.token(name, rights)
        token = issued(self.sandbox, name, lives)
        if rights:
            eventually(lambda: self.may(token, "get", "applications", f"{PROJECT}/shop"))
        return token

    def may(self, token: str, *question: str) -> bool:
        """Return True if the token has a right, given as arguments of ``argocd account can-i``."""
        try:
            return self.sandbox.argocd("account", "can-i", *question, token=token).strip() == "yes"
        except CommandError:
            return False


def issued(sandbox: Sandbox, account: str, lives: str) -> str:
    """Issue a token for the account with a lifetime such as ``30d``."""
    return sandbox.argocd("account", "generate-token", "--account", account, "--expires-in", lives).strip()


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A mistake in the configuration.

    Attributes:
        code: the doctor's name for the mistake.
        exit_code: the exit code of a release with this mistake, or 0 if the release can still be tracked.
        environ: returns the variables that cause the mistake.
    """

    code: str
    exit_code: int
    environ: Callable[[Place], Environ]


def _settings(code: str, **environ: str) -> Mistake:
    return Mistake(code=code, exit_code=2, environ=lambda _: environ)


def _way(code: str, entrance: str, options: str = "--grpc-web --server-crt {authority}") -> Mistake:
    return Mistake(code=code, exit_code=30, environ=lambda place: place.by(entrance, options))


def _token(code: str, change: Callable[[str], str]) -> Mistake:
    return Mistake(code=code, exit_code=31, environ=lambda place: {"ARGOCD_AUTH_TOKEN": change(place.token)})


def _denied(code: str, environ: Callable[[Place], Environ]) -> Mistake:
    return Mistake(code=code, exit_code=31, environ=environ)


def _note(code: str, environ: Callable[[Place], Environ]) -> Mistake:
    return Mistake(code=code, exit_code=0, environ=environ)


def _own(subject: str, *, lives: float, key: str = "another server's key, of 32 bytes or more") -> str:
    born = time.time() - 4 * 86400
    claims = {"iss": "argocd", "sub": subject, "iat": int(born), "exp": int(born + lives)}
    return jwt.encode(claims, key, algorithm="HS256")


def _revoked(place: Place) -> Environ:
    token = place.account("doctor-revoked", *RIGHTS)
    place.sandbox.revoke("doctor-revoked")
    return {"ARGOCD_AUTH_TOKEN": token}


def _configured(place: Place, account: str, key: str, value: str) -> Environ:
    token = place.account(account, *RIGHTS)
    data: dict[str, Any] = {"data": {key: value}}
    place.sandbox.kubectl("patch", "cm", "argocd-cm", "-n", "argocd", "--type=merge", "-p", json.dumps(data))
    # Argo CD applies the change after a moment.
    eventually(lambda: not place.may(token, "get", "applications", f"{PROJECT}/shop"))
    return {"ARGOCD_AUTH_TOKEN": token}


def _id_token(_: Place) -> Environ:
    return {"RELEASE_ID_TOKEN": GitLab("https://gitlab.example.com").id_token("https://argocd.example.com")}


def _server(place: Place, form: str) -> Environ:
    return {"ARGOCD_SERVER": form.format(place.sandbox.server)}


_UNPROTECTED: Final = {"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_REF_NAME": "feature"}

MISTAKES: Final[Mapping[str, Mistake]] = {
    # Mistakes in settings.
    "server-scheme": Mistake(code="server-scheme", exit_code=2, environ=lambda place: _server(place, "http://{}/")),
    "server-path": Mistake(
        code="server-path",
        exit_code=2,
        environ=lambda place: place.by("under-a-path", ARGOCD_SERVER=f"{place.ways.server('under-a-path')}/argocd"),
    ),
    "server-quoted": Mistake(code="server-quoted", exit_code=2, environ=lambda place: _server(place, '"{}"')),
    "server-not-expanded": _settings("server-not-expanded", ARGOCD_SERVER="$ARGOCD_HOST"),
    "server-missing": _settings("setting-missing", ARGOCD_SERVER=""),
    "token-missing": _settings("setting-missing", ARGOCD_AUTH_TOKEN=""),
    "token-protected": _settings("protected-variable", ARGOCD_AUTH_TOKEN="", **_UNPROTECTED),
    "application-missing": _settings("setting-missing", ARGOCD_APP_NAME=""),
    "identity-missing": _settings("identity-missing", ARGOCD_AUTH_TOKEN="", RELEASE_DEX_CONNECTOR="gitlab-ci"),
    "timeout-unit": _settings("setting", RELEASE_TIMEOUT="10 minutes"),
    "timeout-duration": _note("setting-read-as", lambda _: {"RELEASE_TIMEOUT": "10m"}),
    "server-url": _note("server-scheme", lambda place: _server(place, "https://{}/")),
    "options-stray": Mistake(
        code="setting",
        exit_code=2,
        environ=lambda place: place.by("terminated", "--grpc-web true --server-crt {authority}"),
    ),
    "options-file": Mistake(
        code="options-file", exit_code=2, environ=lambda place: place.by("terminated", "--server-crt /nowhere/ca.pem")
    ),
    # Mistakes in the network.
    "name-unknown": Mistake(code="name-unknown", exit_code=30, environ=lambda _: {"ARGOCD_SERVER": "argocd.invalid"}),
    "port-closed": Mistake(
        code="port-closed", exit_code=30, environ=lambda _: {"ARGOCD_SERVER": f"localhost:{free_port()}"}
    ),
    "port-silent": Mistake(code="port-silent", exit_code=30, environ=lambda place: {"ARGOCD_SERVER": place.hole}),
    "tls-silent": Mistake(code="tls-silent", exit_code=30, environ=lambda place: {"ARGOCD_SERVER": place.silence}),
    "tls-missing": _way("tls-missing", "plaintext"),
    "tls-missing-insecure": Mistake(
        code="tls-missing", exit_code=30, environ=lambda place: {"ARGOCD_SERVER": place.insecure}
    ),
    "tls-unwanted": _way("tls-unwanted", "terminated", "--plaintext --grpc-web"),
    "connection-reset": _way("connection-reset", "resets"),
    "certificate-unknown": _way("certificate-unknown", "terminated", "--grpc-web"),
    "certificate-own": _way("certificate-unknown", "passthrough", "--grpc-web"),
    "certificate-expired": _way("certificate-expired", "expired"),
    "certificate-name": _way("certificate-name", "wrong-name"),
    "client-certificate": _way("client-certificate", "client-certificate"),
    "redirects-to-tls": _way("redirects-to-tls", "redirects", "--plaintext --grpc-web"),
    "path-missing": _way("path", "under-a-path"),
    "path-wrong": _way("path", "terminated", "--grpc-web-root-path /argo --server-crt {authority}"),
    "forbidden": _way("forbidden", "forbidden"),
    "not-found": _way("not-found", "missing"),
    "bad-gateway": _way("gateway", "bad-gateway"),
    "unavailable": _way("gateway", "unavailable"),
    "portal": _way("not-argocd", "portal"),
    "access-login": _way("login-page", "access-login"),
    "access-refused": _way("forbidden", "access"),
    "gitlab": _way("gitlab", "gitlab"),
    "insecure": _note("insecure", lambda place: place.by("passthrough", "--insecure --grpc-web")),
    "grpc-blocked": _note("grpc-blocked", lambda place: place.by("terminated", "--server-crt {authority}")),
    "proxy-ignored": _note("proxy-ignored", lambda _: {"HTTPS_PROXY": "http://proxy.example.com:3128"}),
    # Mistakes in the token.
    "token-quoted": _token("token-damaged", '"{}"'.format),
    "token-cut-off": _token("token-damaged", lambda token: token[:-10]),
    "token-without-beginning": _token("token-damaged", lambda token: token[4:]),
    "token-in-two-lines": _settings("setting", ARGOCD_AUTH_TOKEN="eyJhbGciOi\nJIUzI1NiJ9.e30.x"),
    "token-of-gitlab": _token("token-damaged", lambda _: "glpat-" + "x" * 20),
    "token-file-missing": _settings("token-file", ARGOCD_AUTH_TOKEN="/builds/shop.tmp/ARGOCD_AUTH_TOKEN"),
    "token-expired": _token("token-expired", lambda _: _own("doctor:apiKey", lives=86400)),
    "token-foreign": _token("token-foreign", lambda _: _own("doctor:apiKey", lives=40 * 86400)),
    "token-revoked": _denied("token-revoked", _revoked),
    "account-disabled": _denied(
        "account-disabled",
        lambda place: _configured(place, "doctor-disabled", "accounts.doctor-disabled.enabled", "false"),
    ),
    "account-capability": _denied(
        "account-capability", lambda place: _configured(place, "doctor-login", "accounts.doctor-login", "login")
    ),
    "sso-missing": _denied("sso-missing", _id_token),
    "token-endless": _note(
        "token-endless", lambda place: {"ARGOCD_AUTH_TOKEN": place.account("doctor-endless", *RIGHTS, lives="0s")}
    ),
    "token-ends-early": _note(
        "token-ends-early",
        lambda place: {
            "ARGOCD_AUTH_TOKEN": place.account("doctor-early", *RIGHTS, lives="5m"),
            "RELEASE_TIMEOUT": "600",
        },
    ),
    # Missing rights of the token.
    "application-misspelt": Mistake(
        code="application-missing", exit_code=14, environ=lambda _: {"ARGOCD_APP_NAME": "shpo"}
    ),
    "application-unknown": Mistake(
        code="application-missing", exit_code=14, environ=lambda _: {"ARGOCD_APP_NAME": "billing"}
    ),
    "rights-none": _denied("rights-none", lambda place: {"ARGOCD_AUTH_TOKEN": place.account("doctor-nothing")}),
    "rights-project": _note(
        "rights-project", lambda place: {"ARGOCD_AUTH_TOKEN": place.account("doctor-project", RIGHTS[0])}
    ),
    "rights-sync": _denied("rights-sync", lambda _: {"RELEASE_SYNC": "true"}),
    "rights-terminate": _note("rights-terminate", lambda _: {"RELEASE_TERMINATE_OLD_SYNC": "true"}),
    "rights-wide": _note(
        "rights-wide", lambda place: {"ARGOCD_AUTH_TOKEN": place.account("doctor-wide", "*, *, *, allow")}
    ),
    # Settings of the pipeline that do not fit the application.
    "sync-manual": _note("sync-manual", lambda _: {"ARGOCD_APP_NAME": "shop-manual"}),
    "sync-window": _note("sync-window", lambda _: {"ARGOCD_APP_NAME": "shop-window"}),
    "condition": _note("condition", lambda _: {"ARGOCD_APP_NAME": "shop-broken"}),
    "image": _note("image", lambda _: {"RELEASE_IMAGE": "registry.example.com/shop/web:1"}),
    "nothing-expected": _note("nothing-expected", lambda _: {"RELEASE_IMAGE": ""}),
    "branch": _note(
        "branch",
        lambda place: {
            "CI_PROJECT_URL": f"file://{place.sandbox.folder}/repositories/doctor-shop.git",
            "CI_COMMIT_BRANCH": "feature",
        },
    ),
    "revision-elsewhere": _note(
        "revision-elsewhere",
        lambda _: {
            "CI_PROJECT_URL": "https://gitlab.example.com/platform/shop",
            "RELEASE_REVISION": "3f2c1ab000000000000000000000000000000000",
            "RELEASE_REVISION_MATCH": "exact",
        },
    ),
    "history-unreachable": _note(
        "history-unreachable",
        lambda _: {
            "RELEASE_REVISION": "3f2c1ab000000000000000000000000000000000",
            "CI_REPOSITORY_URL": f"http://gitlab-ci-token:secret@localhost:{free_port()}/platform/shop.git",
        },
    ),
    "job-timeout": _note(
        "job-timeout",
        lambda _: {
            "RELEASE_TIMEOUT": "900",
            "CI_JOB_TIMEOUT": "600",
            "CI_JOB_STARTED_AT": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    ),
    "report-path": _note("report-path", lambda _: {"RELEASE_JUNIT_PATH": "/dev/null/report.xml"}),
}
