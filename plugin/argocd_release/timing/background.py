"""Run calls that can block in threads of their own, and wait for them within a time limit.

Name resolution, a server that sends byte by byte, git: not every call has a time limit or can be interrupted.
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


def ask(question: Callable[[], Answer]) -> "Future[Answer]":
    """Run the function in a daemon thread and return its future."""
    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is taken
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True, name="inquiry").start()
    return answer


def answered(answer: "Future[Answer]", *, seconds: float, check: Callable[[], object]) -> bool:
    """Return True if the future is done within ``seconds``.

    Args:
        answer: the future to wait for.
        seconds: the time limit.
        check: is called again and again while waiting, and raises to stop the wait.
    """
    until = time.monotonic() + seconds
    slice_seconds = SLICE_SECONDS if threading.current_thread() is threading.main_thread() else BESIDE_SECONDS
    while not answer.done():
        check()
        left = until - time.monotonic()
        if left <= 0:
            return False
        wait((answer,), timeout=min(left, slice_seconds))
    check()
    return True


def pause(seconds: float, check: Callable[[], object]) -> None:
    """Sleep for ``seconds``. ``check`` is called again and again meanwhile, and raises to end the pause."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, SLICE_SECONDS))
