"""Check the job itself: its settings, token, expectation, timeout, git history and reports.

Each check returns its problems or, if there are none, a text that says what is in order.
"""

import os
import shlex
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from argocd_release.argocd import auth
from argocd_release.argocd.api import Api
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import unreadable_repository
from argocd_release.core.text import one_line
from argocd_release.messages import doctor
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, SettingsError, SetupProblem
from argocd_release.model.git import GitUrl
from argocd_release.model.outcome import Outcome
from argocd_release.settings import environment, interpret, load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import ExpectationSettings, GitSettings, PolicySettings, TimeSettings


def source(
    application: Application, environ: JobEnvironment, expectation: ExpectationSettings, project_url: str
) -> str | list[SetupProblem]:
    """Check that the application deploys the repository and the branch of this pipeline.

    Args:
        application: the application.
        environ: the environment of the job.
        expectation: the expectation of the application.
        project_url: the address of the GitLab project, or an empty string outside GitLab.
    """
    own = GitUrl.parse(project_url)
    own_sources = [item for item in application.sources if GitUrl.parse(item.repo_url).is_same(own)]
    sources = ", ".join(
        one_line(
            doctor.SOURCE.fill(repository=GitUrl.parse(item.repo_url), revision=item.target_revision or "HEAD"),
            limit=200,
        )
        for item in application.sources
    )
    if not project_url:
        return doctor.DEPLOYS.fill(sources=sources)
    if not own_sources:
        if expectation.revision:
            return [SetupProblem.of(doctor.REVISION_ELSEWHERE, sources=sources)]
        return doctor.DEPLOYS_OTHER.fill(sources=sources)
    branch = environ.get("CI_COMMIT_BRANCH", "")
    targets = {item.target_revision or "HEAD" for item in own_sources}
    followed = {branch, "HEAD", environ.get("CI_COMMIT_TAG", "")} - {""}
    if branch and targets.isdisjoint(followed | {environ.get("CI_COMMIT_SHA", "")}):
        target = one_line(", ".join(sorted(targets)), limit=100)
        return [SetupProblem.of(doctor.BRANCH, target=target, branch=one_line(branch, limit=100))]
    return doctor.DEPLOYS_THIS.fill(sources=sources)


def proof(application: Application, expectation: ExpectationSettings) -> str | list[SetupProblem]:
    """Check that the expectation is sufficient: a success must prove that this pipeline's commit is delivered."""
    if expectation.revision or expectation.chart_version:
        return doctor.PROVES_REVISION.fill()
    images = application.images
    if expectation.image:
        name = _image_name(expectation.image)
        if "/" in name and images and all(_image_name(image) != name for image in images):
            image_list = one_line(", ".join(images[:3]), limit=300)
            return [SetupProblem.of(doctor.IMAGE, image=one_line(name, limit=150), images=image_list)]
        return doctor.PROVES_IMAGE.fill()
    return [SetupProblem.of(doctor.NOTHING_EXPECTED)]


def syncing(application: Application, api: Api, policy: PolicySettings) -> str | list[SetupProblem]:
    """Check that Argo CD or the job syncs the application, and that no condition or sync window blocks the sync."""
    problems = []
    if not application.automated and not policy.sync:
        problems.append(SetupProblem.of(doctor.SYNC_MANUAL))
    for condition in application.errors:
        text = one_line(f"{condition.type}: {condition.message}", limit=300)
        problems.append(SetupProblem.of(doctor.CONDITION, condition=text))
    with suppress(ArgoCDError):
        if window := api.sync_window(application.full_name, application.project):
            problems.append(SetupProblem.of(doctor.SYNC_WINDOW, window=f"{window.windows}{window.outlook}"))
    return problems or (doctor.SYNCS_AUTOMATICALLY.fill() if application.automated else doctor.JOB_SYNCS.fill())


def time(job_time: TimeSettings, now: datetime) -> str | list[SetupProblem]:
    """Check that GitLab's timeout of the job leaves enough time for the timeout of the release.

    Args:
        job_time: the timeouts, and the start of the job.
        now: the current time, with a time zone.
    """
    left, _ = load.seconds_left(job_time, now)
    timeout = span(job_time.timeout)
    if left < job_time.timeout:
        job_timeout = span(job_time.job_timeout)
        return [SetupProblem.of(doctor.JOB_TIMEOUT, timeout=timeout, job_timeout=job_timeout, left=span(left))]
    return doctor.TIMEOUT.fill(timeout=timeout)


def history(git: GitSettings) -> str | list[SetupProblem]:
    """Check that the job can read the git history. If the job compares no revisions, it does not need the history."""
    if not git.revision or git.revision_match == "exact":
        return doctor.HISTORY_UNNEEDED.fill()
    repository = GitUrl.parse(git.repository_url)
    if repository.scheme not in {"http", "https"}:
        return [SetupProblem.of(doctor.HISTORY_MISSING)]
    if why := unreadable_repository(git.repository_url, ca_file=git.git_ca_file):
        reason = one_line(why, limit=200)
        return [SetupProblem.of(doctor.HISTORY_UNREACHABLE, repository=repository, reason=reason)]
    return doctor.HISTORY_READABLE.fill(repository=repository)


def reports(environ: JobEnvironment) -> str | list[SetupProblem]:
    """Check that the job can write the reports to their paths."""
    problems = []
    for path in load.report_paths(environ).values():
        folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            problems.append(SetupProblem.of(doctor.REPORT_PATH, path=one_line(path, limit=200)))
    return problems or doctor.REPORTS_WRITABLE.fill()


def _image_name(image: str) -> str:
    plain = image.partition("@")[0]
    head, slash, last = plain.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_SOCKS: Final = ("ALL_PROXY", "all_proxy")
DAY: Final = 86400.0


def repaired(environ: JobEnvironment) -> JobEnvironment:
    """Return the environment with a corrected Argo CD address, so that the network checks can run despite a mistake."""
    given = environ.text(interpret.SERVER)
    if not given:
        return environ
    host, path = interpret.host_and_path(given)
    usable = "" if interpret.is_unexpanded(given) else host
    fixed = {**environ, environ.source(interpret.SERVER): usable}
    if path:
        name = environ.source("ARGOCD_OPTS")
        options = environ.text("ARGOCD_OPTS")
        fixed[name] = f"{options} --grpc-web-root-path {shlex.quote(path)}".strip()
    return JobEnvironment(fixed)


def server_and_options(environ: JobEnvironment) -> tuple[str, str]:
    """Return the address of Argo CD and the options of argocd, even if other settings are wrong."""
    return environ.text(interpret.SERVER), environ.text("ARGOCD_OPTS")


def settings_problems(environ: JobEnvironment) -> list[SetupProblem]:
    """Load the settings, and return all problems and warnings."""
    problems: list[SetupProblem] = []
    try:
        load.load(environ)
    except SettingsError as error:
        problems += error.problems
    return [*problems, *interpret.warnings(environ), *environment.identity_warnings(environ)]


def token_problems(token: str, claims: auth.Claims | None, *, timeout: float, now: float) -> str | list[SetupProblem]:
    """Return the problems of the token or, if there are none, a text with its owner and its expiry date.

    Args:
        token: the token.
        claims: its claims; None if they cannot be read.
        timeout: the timeout of the release in seconds.
        now: the current time in seconds since 1970.
    """
    defect = auth.token_defect(token)
    if claims is None or defect:
        entry = doctor.TOKEN_DAMAGED
        return [SetupProblem.of(entry, Outcome.DENIED, defect=defect or doctor.NO_JSON_WEB_TOKEN.fill())]
    owner = one_line(claims.whose, limit=150)
    if claims.expires_at is None:
        return [SetupProblem.of(doctor.TOKEN_ENDLESS, owner=owner)]
    left, day = claims.expires_at - now, _day(claims.expires_at)
    if left <= 0:
        entry = doctor.TOKEN_EXPIRED if claims.is_own else doctor.ID_TOKEN_EXPIRED
        return [SetupProblem.of(entry, Outcome.DENIED, owner=owner, span=span(-left), day=day)]
    if left < timeout:
        return [SetupProblem.of(doctor.TOKEN_ENDS_EARLY, owner=owner, span=span(left), timeout=span(timeout))]
    return doctor.TOKEN_VALID.fill(owner=owner, day=day, span=span(left))


def proxies(environ: JobEnvironment, connection: Connection) -> str | list[SetupProblem]:
    """Check that argocd uses all proxy variables that are set (argo-cd v2.13.2 apiclient.go:270-278)."""
    if connection.proxy:
        return doctor.PROXY_SET.fill(proxy=connection.proxy_name)
    options = connection.options
    native = options.get("--grpc-web") != "true" and "--grpc-web-root-path" not in options
    plaintext = options.get("--plaintext") == "true"
    used = set(_SOCKS) if native else {"HTTP_PROXY", "http_proxy"} if plaintext else set()
    ignored = [name for name in (*_PROXIES, *_SOCKS) if environ.get(name) and name not in used]
    if not ignored:
        return doctor.PROXIES_USED.fill()
    return [SetupProblem.of(doctor.PROXY_IGNORED, variables=" and ".join(ignored))]


def span(seconds: float) -> str:
    """Return a duration in seconds as text, in the largest unit that fits: ``3 days``, ``4 min`` or ``10 s``."""
    for size, name in ((DAY, "day"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}" + ("s" if name == "day" and number != 1 else "")
    return f"{int(seconds)} s"


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return doctor.NO_DATE.fill()
