"""Run calls that can block in threads of their own, and wait for them within a time limit.

Some calls have no time limit and cannot be interrupted, such as name resolution, or a read from a slow server.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

Answer = TypeVar("Answer")
# The interval at which the main thread notices the end of the job. A signal handler can only set a flag: to wake a
# thread it would need a lock, which the interrupted code can hold already.
SLICE_SECONDS: Final = 0.05
# The same interval in other threads. Only the main thread ends the job, and hundreds of threads wait in a large
# group, so each wake-up costs CPU time.
BESIDE_SECONDS: Final = 0.5


class Background(Future[Answer]):
    """A call that runs in a daemon thread of its own. Its result, or its error, is taken later with ``result``."""

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
