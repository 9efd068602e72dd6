"""Check that the deployed site responds before the deadline."""

from collections.abc import Callable
from functools import partial
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import reports as texts
from argocd_release.messages.argocd import HTTP_STATUS
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.notify.gitlab_client import authorities
from argocd_release.timing import SITE_CALL, SITE_PAUSE, Deadline, pause
from argocd_release.transport.client import Client, HttpError, Request
from argocd_release.transport.network import tls_context

#: The minimum time limit of a request to the site, in seconds. It applies even after the deadline.
_LEAST: Final = 1.0
#: The HTTP statuses that count as a response of the site.
_FINE: Final = range(200, 400)


def check_site(url: str, *, deadline: Deadline, check: Callable[[], object], ca_file: str = "") -> str:
    """Wait until the site responds with 2xx or 3xx. Return "" then, or the last error at the deadline.

    The job sends at least one request to the site.

    Args:
        url: the address of the site.
        deadline: the moment at which the wait ends.
        check: a callback that is called repeatedly during the wait. It raises an exception to cancel the wait.
        ca_file: path of a PEM file with a certificate authority to trust, or an empty string.
    """
    tls = partial(tls_context, authorities=authorities(ca_file))
    with Client(tls=tls, deadline=Deadline(), check=check, proxies=True) as client:
        while True:
            answer = _ask(client, url, seconds=max(min(SITE_CALL, deadline.left), _LEAST))
            if not answer or deadline.left <= SITE_PAUSE:
                return answer
            pause(SITE_PAUSE, check)


def site_verdict(url: str, *, deadline: Deadline, check: Callable[[], object], ca_file: str = "") -> Verdict | None:
    """Wait for the site of a delivered release. Return a failed verdict if the site does not respond, otherwise None.

    The arguments are those of ``check_site``.
    """
    message = check_site(url, deadline=deadline, check=check, ca_file=ca_file)
    if not message:
        return None
    return Verdict(
        outcome=Outcome.TIMED_OUT,
        reason=texts.SITE_SILENT.fill(url=url, error=message),
        hint=texts.SITE_SILENT.hint,
        code=CauseCode.SITE_SILENT,
    )


def _ask(client: Client, url: str, *, seconds: float) -> str:
    """Send one request to the site. Return "" if the response is 2xx or 3xx, otherwise the error.

    The body is not read, because it can be endless.
    """
    try:
        answer = client.follow(Request(url=url, body_limit=0, truncate=True), seconds=seconds)
    except HttpError as error:
        message = str(error) if error.redirects else texts.SITE_NO_RESPONSE.fill(error=error)
        return one_line(message, limit=200)
    return "" if answer.status in _FINE else HTTP_STATUS.fill(status=answer.status)
