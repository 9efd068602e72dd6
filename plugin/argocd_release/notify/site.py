"""Whether what was delivered can be reached: its address is asked until it answers well, within the deadline."""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from argocd_release.core.text import one_line
from argocd_release.notify.client import trust
from argocd_release.timing.deadline import Deadline
from argocd_release.timing.inquiry import answered, ask

CALL_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 2.0
REDIRECTS: Final = 5
_AGENT: Final = {"User-Agent": "argocd-release"}


def reached(url: str, *, deadline: Deadline, check: Callable[[], object], ca_file: str = "") -> str:
    """``""`` as soon as the address answers with 2xx or 3xx; what it said last, if it does not in time.

    Asked once at least. ``check`` raises to end the waiting. Of an answer only the status is read.
    """
    while True:
        seconds = max(min(CALL_SECONDS, deadline.left), 1.0)
        answer = ask(lambda seconds=seconds: _said(url, seconds, ca_file))  # type: ignore[misc]
        said = answer.result() if answered(answer, seconds=seconds + 1, check=check) else "no answer"
        if not said:
            return ""
        if deadline.left <= PAUSE_SECONDS:
            return said
        until = time.monotonic() + PAUSE_SECONDS
        while time.monotonic() < until:
            check()
            time.sleep(0.05)


def _is_fine(status: int) -> bool:
    return httpx.codes.is_success(status) or httpx.codes.is_redirect(status)


def _said(url: str, seconds: float, ca_file: str) -> str:
    """What is wrong with the answer; ``""`` for nothing."""
    until = time.monotonic() + seconds
    try:
        with httpx.Client(headers=_AGENT, follow_redirects=False, verify=trust(ca_file)) as client:
            for _ in range(REDIRECTS + 1):
                with client.stream("GET", url, timeout=max(until - time.monotonic(), 0.1)) as answer:
                    status, location = answer.status_code, answer.headers.get("Location", "")
                if not answer.is_redirect or not location:
                    return "" if _is_fine(status) else f"HTTP status {status}"
                url = urljoin(url, location)
                if urlsplit(url).scheme not in {"http", "https"}:
                    return "it redirects to what is no web address"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return one_line(f"no answer: {str(error) or type(error).__name__}", limit=200)
    return f"it redirects more than {REDIRECTS} times"
