"""Check that the deployed site responds as expected before the deadline."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from argocd_release.core.text import one_line
from argocd_release.messages import reports as texts
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.notify.gitlab_client import authorities
from argocd_release.timing import SITE_CALL, SITE_PAUSE, Deadline, pause
from argocd_release.transport.client import Client, HttpError, Request, Response
from argocd_release.transport.network import host_of, tls_context

#: The minimum time limit of a request to the site, in seconds. It applies even after the deadline.
_LEAST: Final = 1.0
#: The maximum size in bytes of the part of a body in which the job searches for the expected text.
BODY_LIMIT: Final = 64 << 10
#: The number of bytes of an unexpected response that the job reads, and the number of characters that it shows.
_EXCERPT_LIMIT: Final = 1024
_EXCERPT_SHOWN: Final = 100
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_EXACT_REDIRECT: Final = re.compile(r"\b3[0-9]{2}\b")


@dataclass(frozen=True, kw_only=True)
class SiteCheck:
    """The address of the deployed site, and the response that the job expects from it."""

    url: str
    #: The expected HTTP statuses, such as ``2xx,3xx`` or ``401``.
    statuses: str = "2xx,3xx"
    #: A text that the body must contain, or an empty string.
    body: str = ""
    #: The number of expected responses in a row after which the check succeeds.
    success_threshold: int = 1

    @property
    def follows_redirects(self) -> bool:
        """Return True if the job follows redirects. It does not if the statuses name a redirect exactly."""
        return _EXACT_REDIRECT.search(self.statuses) is None

    def error_of_redirect(self, url: str) -> str:
        """Return an error if redirects lead to another host whose response proves nothing about the site, else "".

        A sign-in page often responds with 200, which proves nothing about the site. The expected body is a proof on
        any host, and a status such as ``3xx`` accepts any redirect.

        Args:
            url: the URL to which the redirects lead, or the one of the site.
        """
        if self.body or "3" in {word[0] for word in self.statuses.replace(",", " ").split()}:
            return ""
        if _host_and_port(url) == _host_and_port(self.url):
            return ""
        return texts.SITE_OTHER_HOST.fill(host=one_line(host_of(url), limit=_EXCERPT_SHOWN))

    def expects_status(self, status: int) -> bool:
        """Return True if the HTTP status is one of the expected ones."""
        return any(word in {str(status), f"{status // 100}xx"} for word in self.statuses.replace(",", " ").split())

    def has_read_enough(self, status: int, body: bytearray) -> bool:
        """Return True if the job can judge the response by its status and this part of its body."""
        if not self.expects_status(status):
            return len(body) >= _EXCERPT_LIMIT
        return self.body.encode() in body

    def error_of(self, answer: Response) -> str:
        """Return an error that names the expected and the actual response, or "" if the response is as expected."""
        status, excerpt = answer.status, _excerpt(answer.text)
        if error := self.error_of_redirect(answer.url or self.url):
            return error
        if not self.expects_status(status):
            statuses = " or ".join(self.statuses.replace(",", " ").split())
            return texts.SITE_STATUS.fill(expected=statuses, status=status, excerpt=excerpt)
        if self.body.encode() not in answer.body:
            kilobytes = BODY_LIMIT >> 10 if len(answer.body) >= BODY_LIMIT else 0
            within = texts.SITE_BODY_START.fill(kilobytes=kilobytes) if kilobytes else ""
            expected = one_line(self.body, limit=_EXCERPT_SHOWN)
            return texts.SITE_BODY.fill(expected=expected, within=within, status=status, excerpt=excerpt)
        return ""


def check_site(site: SiteCheck, *, deadline: Deadline, check: Callable[[], object], ca_file: str = "") -> str:
    """Wait until the site responds as expected. Return "" then, or the last error at the deadline.

    The job sends at least one request to the site.

    Args:
        site: the address of the site, and the expected response.
        deadline: the moment at which the wait ends.
        check: a callback that is called repeatedly during the wait. It raises an exception to cancel the wait.
        ca_file: path of a PEM file with a certificate authority to trust, or an empty string.
    """
    tls = partial(tls_context, authorities=authorities(ca_file))
    successes, answer = 0, ""
    with Client(tls=tls, deadline=Deadline(), check=check, proxies=True) as client:
        while True:
            answer = _ask(client, site, seconds=max(min(SITE_CALL, deadline.left), _LEAST))
            successes = 0 if answer else successes + 1
            if successes >= site.success_threshold:
                return ""
            if deadline.left <= SITE_PAUSE:
                break
            pause(SITE_PAUSE, check)
    return answer or texts.SITE_TOO_FEW.fill(successes=successes, required=site.success_threshold)


def site_verdict(
    site: SiteCheck, *, deadline: Deadline, check: Callable[[], object], ca_file: str = ""
) -> Verdict | None:
    """Wait for the site of a delivered release. Return a failed verdict if the site does not respond, otherwise None.

    The arguments are those of ``check_site``.
    """
    message = check_site(site, deadline=deadline, check=check, ca_file=ca_file)
    if not message:
        return None
    return Verdict(
        outcome=Outcome.TIMED_OUT,
        reason=texts.SITE_SILENT.fill(url=site.url, error=message),
        hint=texts.SITE_SILENT.hint,
        code=CauseCode.SITE_SILENT,
    )


def _ask(client: Client, site: SiteCheck, *, seconds: float) -> str:
    """Send one request to the site. Return "" if the response is the expected one, otherwise the error.

    The body is read only as far as necessary, because it can be endless.
    """
    request = Request(url=site.url, body_limit=BODY_LIMIT, truncate=True, is_enough=site.has_read_enough)
    try:
        answer = (client.follow if site.follows_redirects else client.send)(request, seconds=seconds)
    except HttpError as error:
        message = str(error) if error.redirects else texts.SITE_NO_RESPONSE.fill(error=error)
        return one_line(message, limit=200)
    return site.error_of(answer)


def _host_and_port(url: str) -> tuple[str | None, int | None]:
    """Return the host and the port, without a default port. So a redirect from http to https changes neither."""
    parts = urlsplit(url)
    return parts.hostname, parts.port if parts.port != _DEFAULT_PORTS.get(parts.scheme) else None


def _excerpt(text: str) -> str:
    """Return the first characters of a body in quotes, without control characters, or "" for an empty body."""
    shown = one_line(text[:_EXCERPT_LIMIT], limit=_EXCERPT_SHOWN)
    return texts.SITE_EXCERPT.fill(text=shown) if shown else ""
