"""The deadlines of a job and of its phases, the time limits of single calls in seconds, and calls in the background.

Every limit is an upper bound: a call also ends at the deadline of the job, and within a second of SIGTERM. Name
resolution, git or a server that sends byte by byte can block without a limit. These calls run in threads of their own.
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
    """A moment that is ``seconds`` in the future on the given clock."""

    def __init__(self, seconds: float = math.inf, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now() + seconds

    @property
    def left(self) -> float:
        """Return the seconds until the deadline, at least 0."""
        return max(self._at - self._now(), 0.0)

    def at_most(self, seconds: float) -> "Deadline":
        """Return a deadline ``seconds`` from now, or at the time of this one if that is earlier."""
        return Deadline(min(seconds, self.left), self._now)

    def extend(self, seconds: float, *, within: "Deadline") -> None:
        """Move this deadline by ``seconds``, but not beyond the deadline ``within``."""
        self._at = min(self._at + seconds, self._now() + within.left)


class Phase(Enum):
    """The phases of a job after RELEASE_TIMEOUT, in their order. ``VERDICT`` is the last look after the timeout."""

    VERDICT = "verdict"
    FIRST_REPORTS = "first reports"
    DIAGNOSIS = "diagnosis"
    STATUS = "status"
    SINKS = "sinks"
    REPORTS = "reports"


# The longest duration of each phase. Their sum is the longest time that a job runs after RELEASE_TIMEOUT. settings.load
# reserves more than that sum, so that GitLab can upload the reports before it ends the job.
SECONDS: Final[Mapping[Phase, float]] = MappingProxyType(
    {
        # The last look, and the end of argocd app wait.
        Phase.VERDICT: 2.0,
        Phase.FIRST_REPORTS: 2.0,
        Phase.DIAGNOSIS: 20.0,
        Phase.STATUS: 5.0,
        Phase.SINKS: 4.0,
        Phase.REPORTS: 2.0,
    }
)

AFTER_SECONDS: Final = sum(SECONDS.values())


class JobDeadline(Deadline):
    """The deadline of a whole job.

    Before the verdict, every call ends at the timeout plus the time of the phase ``VERDICT``. After the verdict, each
    phase has its own time.

    Args:
        timeout: seconds from the start of the job to the verdict.
        most: seconds that the job has left in total.
        started: the start of the job on the clock ``now``; the default is the current moment.
        now: returns the seconds of a monotonic clock.
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
        """Return the seconds that a call can still take.

        Before the verdict, a call can take until the end of the phase ``VERDICT``. Afterwards, it can take until the
        end of the job.
        """
        left = super().left
        return left if self._is_judged else min(left, self._verdict.left)

    def judged(self) -> None:
        """Record that there is a verdict, so that calls can use the time of the later phases."""
        self._is_judged = True

    def phase(self, phase: Phase) -> Deadline:
        """Return the deadline of a phase that begins now. It reserves the time of all later phases."""
        if phase is Phase.VERDICT:
            return self._verdict
        order = list(Phase)
        later = sum(SECONDS[other] for other in order[order.index(phase) + 1 :])
        left = super().left
        return Deadline(min(SECONDS[phase], max(left - later, 0.0)), self._now)


#: A request to Argo CD's HTTP API. If it is not answered in time, the job decides without its data.
API_CALL: Final = 3.0
#: A stream of changes from Argo CD's HTTP API. It ends with the job, or when a proxy cuts it.
STREAM: Final = 86400.0
#: A container log that is followed until the container ends, at most until the deadline of the job.
FOLLOW: Final = 3600.0
#: A request, a connection or a TLS handshake that the doctor makes.
DOCTOR_CALL: Final = 3.0
#: An argocd process that the doctor starts.
DOCTOR_PROCESS: Final = 10.0
#: The whole checklist of the doctor. RELEASE_TIMEOUT applies if it is shorter.
DOCTOR: Final = 60.0
#: The checks of the doctor after a verdict, which look for a better hint. The job writes the first reports before them.
ADVICE: Final = 12.0
#: An exchange of the job's ID token for a token of Dex.
SIGN_IN: Final = 10.0
#: The pause between two attempts to sign in while Argo CD cannot be reached.
SIGN_IN_PAUSE: Final = 1.0
#: The pause after a failed renewal of the token.
RENEWAL_PAUSE: Final = 10.0
#: A request to GitLab's API.
GITLAB_CALL: Final = 3.0
#: The pause before the second request to GitLab; it doubles with each request.
GITLAB_PAUSE: Final = 0.5
#: All requests to GitLab after SIGTERM together.
GITLAB_AFTER_SIGNAL: Final = 0.5
#: The latest end of the requests to GitLab after SIGTERM, counted from the signal. After them, the job writes the
#: reports again.
GITLAB_UNTIL: Final = 0.7
#: A request to the deployed address.
SITE_CALL: Final = 5.0
#: The pause between two requests to the deployed address.
SITE_PAUSE: Final = 2.0


Answer = TypeVar("Answer")
# The interval at which the main thread notices the end of the job. A signal handler can only set a flag: to wake a
# thread it would need a lock, which the interrupted code can hold already.
SLICE_SECONDS: Final = 0.05
# The interval for all other threads. It is longer, because only the main thread ends the job, and the wake-ups of
# hundreds of threads in a large group cost CPU time.
BESIDE_SECONDS: Final = 0.5


class Background(Future[Answer]):
    """A call that runs in its own daemon thread. ``result`` returns its result, or raises its error."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        super().__init__()
        threading.Thread(target=self._work, args=(call,), daemon=True, name="background call").start()

    def wait_for(self, *, seconds: float, check: Callable[[], object]) -> bool:
        """Return True if the call has ended within ``seconds``.

        Args:
            seconds: the time limit.
            check: is called again and again while waiting, and raises to stop the wait.
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
    """Start the call in a daemon thread."""
    return Background(call)


def pause(seconds: float, check: Callable[[], object]) -> None:
    """Sleep for ``seconds``. ``check`` is called again and again meanwhile, and raises to end the pause."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, SLICE_SECONDS))
