"""The deadlines of a job and its phases, the time limits of single calls in seconds, and background calls.

Each limit is an upper bound: a call also ends at the deadline of the job, and within a second of SIGTERM. Some calls
accept no time limit, such as name lookups, git, and reads from a server that sends single bytes. They run in background
threads, which the job can abandon.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar


class Deadline:
    """A moment on the clock ``now``: ``seconds`` after the creation of this object."""

    def __init__(self, seconds: float = math.inf, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now() + seconds

    @property
    def left(self) -> float:
        """Return the seconds until the deadline, or 0 if it has passed."""
        return max(self._at - self._now(), 0.0)

    def at_most(self, seconds: float) -> "Deadline":
        """Return a new deadline ``seconds`` from now, but not later than this one."""
        return Deadline(min(seconds, self.left), self._now)

    def extend(self, seconds: float, *, within: "Deadline") -> None:
        """Postpone this deadline by ``seconds``, but not beyond the deadline ``within``."""
        self._at = min(self._at + seconds, self._now() + within.left)


class Phase(Enum):
    """The phases of a job after RELEASE_TIMEOUT, in their order."""

    VERDICT = "verdict"
    FIRST_REPORTS = "first reports"
    DIAGNOSIS = "diagnosis"
    STATUS = "status"
    SINKS = "sinks"
    REPORTS = "reports"


# The maximum duration of each phase in seconds. After RELEASE_TIMEOUT, a job runs at most for the sum of these
# durations. settings.load reserves more time, so that GitLab can also upload the reports before it ends the job.
SECONDS: Final[Mapping[Phase, float]] = MappingProxyType(
    {
        # In this phase, the job looks at the applications a last time, and ends `argocd app wait`.
        Phase.VERDICT: 2.0,
        Phase.FIRST_REPORTS: 2.0,
        Phase.DIAGNOSIS: 20.0,
        Phase.STATUS: 5.0,
        Phase.SINKS: 4.0,
        Phase.REPORTS: 2.0,
    }
)

AFTER_SECONDS: Final = sum(SECONDS.values())
#: The seconds between the timeout of the release and GitLab's timeout of the job. The phases after the verdict and
#: the upload of the reports need them.
UPLOAD_SECONDS: Final = 45


class JobDeadline(Deadline):
    """The deadline of a whole job, which reserves time for the phases after the verdict.

    Before the verdict, calls can run until the end of the phase ``VERDICT``, which begins at the timeout. After it,
    they can run until the deadline of the job.

    Args:
        timeout: seconds from the start of the job to the verdict.
        most: seconds that the job has left in total.
        started: the start of the job on the clock ``now``; the current moment by default.
        now: returns the time of a monotonic clock in seconds.
    """

    def __init__(
        self,
        timeout: float = 0.0,
        *,
        most: float = math.inf,
        started: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.started = now() if started is None else started
        passed = now() - self.started
        super().__init__(min(timeout + AFTER_SECONDS - passed, max(most, 0.0)), now)
        whole = super().left
        #: The moment at which the verdict is due.
        self.due = Deadline(min(max(timeout - passed, 0.0), whole), now)
        self._verdict = Deadline(min(max(timeout - passed + SECONDS[Phase.VERDICT], 0.0), whole), now)
        self._is_judged = False

    @property
    def left(self) -> float:
        """Return the seconds that a call can take now.

        This is the time until the end of the phase ``VERDICT`` or, after the verdict, until the deadline of the job.
        """
        left = super().left
        return left if self._is_judged else min(left, self._verdict.left)

    def judged(self) -> None:
        """Let calls use the time of the phases after the verdict. Call this when there is a verdict."""
        self._is_judged = True

    def phase(self, phase: Phase) -> Deadline:
        """Return the deadline of a phase that begins now. The deadline leaves enough time for all later phases."""
        if phase is Phase.VERDICT:
            return self._verdict
        order = list(Phase)
        later = sum(SECONDS[other] for other in order[order.index(phase) + 1 :])
        left = super().left
        return Deadline(min(SECONDS[phase], max(left - later, 0.0)), self._now)


#: Time limit of a request to Argo CD's HTTP API. After this time, the job decides without the requested data.
API_CALL: Final = 3.0
#: Time limit of a request for the manifests of an application, which Argo CD sometimes has to render first.
MANIFESTS_CALL: Final = 30.0
#: Time limit of a stream of changes from Argo CD's HTTP API. In practice, the stream ends with the job, or a proxy ends
#: it.
STREAM: Final = 86400.0
#: Time limit of a request that follows a container's log. In practice, the request ends with the container or the job.
FOLLOW: Final = 3600.0
#: Time limit of a request, a connection or a TLS handshake of the doctor.
DOCTOR_CALL: Final = 3.0
#: Time limit of an argocd process that the doctor starts.
DOCTOR_PROCESS: Final = 10.0
#: Time limit of all checks of the doctor together, unless RELEASE_TIMEOUT is shorter.
DOCTOR: Final = 60.0
#: Time limit of the doctor's checks after a verdict. They can find a better hint. The job writes the first reports
#: before.
ADVICE: Final = 12.0
#: Time limit of an exchange of the job's ID token for a token of Dex.
SIGN_IN: Final = 10.0
#: The pause between two attempts to sign in while Argo CD cannot be reached.
SIGN_IN_PAUSE: Final = 1.0
#: The pause after a failed renewal of the token.
RENEWAL_PAUSE: Final = 10.0
#: Time limit of a request to GitLab's API.
GITLAB_CALL: Final = 3.0
#: The pause before the first retry of a request to GitLab. It doubles with each retry.
GITLAB_PAUSE: Final = 0.5
#: Time limit of all requests to GitLab together, if they begin after SIGTERM.
GITLAB_AFTER_SIGNAL: Final = 0.5
#: Seconds from SIGTERM to the moment at which all requests to GitLab end. After that, the job writes the reports again.
GITLAB_UNTIL: Final = 0.7
#: Time limit of the request that sends the trace.
TRACE_CALL: Final = 2.0
#: Time limit of a request to the deployed site.
SITE_CALL: Final = 5.0
#: The pause between two requests to the deployed site.
SITE_PAUSE: Final = 2.0


Answer = TypeVar("Answer")
# The interval at which the main thread checks whether the job must end. The thread has to poll, because a signal
# handler can only set a flag. To wake a thread, the handler would need a lock, which the interrupted code could already
# hold.
SLICE_SECONDS: Final = 0.05
# The interval at which all other threads check this. It is longer, because only the main thread ends the job. In a
# large group, frequent wake-ups of hundreds of threads would cost CPU time.
BESIDE_SECONDS: Final = 0.5


class Background(Future[Answer]):
    """A function call in a separate daemon thread. ``result`` returns its result, or raises its exception."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        super().__init__()
        threading.Thread(target=self._work, args=(call,), daemon=True, name="background call").start()

    def wait_for(self, *, seconds: float, check: Callable[[], object]) -> bool:
        """Wait until the call ends. Return False if it has not ended within ``seconds``.

        Args:
            seconds: the time limit.
            check: a callback that is called repeatedly during the wait. It raises an exception to cancel the wait.
        """
        until = time.monotonic() + seconds
        slice_seconds = SLICE_SECONDS if threading.current_thread() is threading.main_thread() else BESIDE_SECONDS
        while not self.done():
            check()
            left = until - time.monotonic()
            if left <= 0:
                return False
            wait((self,), timeout=min(left, slice_seconds))
        check()
        return True

    def _work(self, call: Callable[[], Answer]) -> None:
        try:
            self.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by ``result``
            self.set_exception(error)


def run_in_background(call: Callable[[], Answer]) -> Background[Answer]:
    """Start the call in a daemon thread, and return without waiting for its end."""
    return Background(call)


def pause(seconds: float, check: Callable[[], object]) -> None:
    """Sleep for ``seconds``, and call ``check`` repeatedly. If ``check`` raises an exception, the pause ends."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, SLICE_SECONDS))
