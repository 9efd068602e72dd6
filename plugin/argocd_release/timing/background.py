"""What may block is asked in a thread of its own, and waited for no longer than one wants, or than the run may go on.

Name resolution, a dripping server, git: not everything that blocks can be given a time limit, or be interrupted.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

Answer = TypeVar("Answer")
# How late the end of the run is noticed. A signal's handler may set a flag and no more: to wake a thread it would need
# a lock, which the very code that it interrupts may hold.
SLICE_SECONDS: Final = 0.05
# Only the main thread ends the run; of hundreds of applications, others wait a lot, and each slice costs.
BESIDE_SECONDS: Final = 0.5


def ask(question: Callable[[], Answer]) -> "Future[Answer]":
    """Ask it in a thread that keeps no process from ending."""
    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is taken
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True, name="inquiry").start()
    return answer


def answered(answer: "Future[Answer]", *, seconds: float, check: Callable[[], object]) -> bool:
    """Whether it is answered within ``seconds``. ``check`` is called all the while, and raises to end the waiting."""
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
    """Sleep, and call ``check`` all the while, which raises to end the pause."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, SLICE_SECONDS))
