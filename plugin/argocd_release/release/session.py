"""A connection that is kept signed in while a release is waited for: Dex's tokens may end before the waiting does."""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from argocd_release.argocd.auth import SECONDS, SignedIn
from argocd_release.argocd.connection import Connection
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind, SignInError
from argocd_release.model.events import NotSignedInAnew
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Clock, Commands, Emit, Lists, WaitFeed
from argocd_release.timing.deadline import Deadline
from argocd_release.timing.inquiry import answered, ask

T = TypeVar("T")
# Between two questions for the first token.
_AGAIN_SECONDS: Final = 1.0
# After an exchange that went wrong, until the next one.
REST_SECONDS: Final = 10.0


class Reader(Protocol):
    """Whoever asks Argo CD, and can be given another token."""

    def use(self, connection: Connection) -> None: ...


class Argo(Commands, Lists, Protocol):
    """The argocd CLI."""

    def hard_refresh(self, name: str, /, *, seconds: float) -> Application: ...


class Session:
    """The argocd CLI for a tracker; signs in anew before the token ends, and once it is refused.

    ``sign_in`` raises ``SignInError``; ``readers`` are given what it gives.
    """

    def __init__(
        self,
        commands: Argo,
        *,
        sign_in: Callable[[], SignedIn],
        renew_after: float,
        readers: tuple[Reader, ...],
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._commands = commands
        self._sign_in = sign_in
        self._readers = readers
        self._clock = clock
        self._emit = emit
        self._due = clock.now() + renew_after
        # A comparison goes on beside the looks, and both may find the token refused.
        self._renewing = threading.Lock()

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        def ask() -> Application:
            return self._commands.get(name, seconds=seconds, refresh=refresh, echo=echo)

        return self._asked(ask)

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        def ask() -> tuple[Application, ...]:
            return self._commands.list(seconds=seconds, selector=selector, project=project, echo=echo)

        return self._asked(ask)

    def hard_refresh(self, name: str, /, *, seconds: float) -> Application:
        return self._asked(lambda: self._commands.hard_refresh(name, seconds=seconds))

    def sync(self, name: str, *, seconds: float) -> None:
        self._asked(lambda: self._commands.sync(name, seconds=seconds))

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        return self._commands.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)

    def _asked(self, ask: Callable[[], T]) -> T:
        renewed = self._clock.now() >= self._due and self._renew(self._due)
        due = self._due
        try:
            return ask()
        except ArgoCDError as error:
            if error.trouble is not FailureKind.UNAUTHENTICATED or renewed or not self._renew(due):
                raise
            return ask()

    def _renew(self, due: float) -> bool:
        """Whether there is a newer token than the one that was due then."""
        with self._renewing:
            if self._due != due:
                return True
            try:
                signed = self._sign_in()
            except SignInError as error:
                # The old token may still serve; if not, Argo CD will say so.
                self._emit(NotSignedInAnew(error=str(error)))
                self._due = self._clock.now() + REST_SECONDS
                return False
            for reader in self._readers:
                reader.use(signed.connection)
            self._due = self._clock.now() + (signed.renew_after or 0.0)
            return True


def patient(sign_in: Callable[[], SignedIn], seconds: float, check: Callable[[], object]) -> SignedIn:
    """Signed in, however often it takes while nobody answers, for so long."""
    deadline = Deadline(seconds)
    while True:
        try:
            return sign_in()
        except SignInError as error:
            if error.outcome is not Outcome.UNREACHABLE or deadline.left <= 0:
                raise
        asked(lambda: time.sleep(_AGAIN_SECONDS), check)


def asked(question: Callable[[], T], check: Callable[[], object]) -> T:
    """Its answer; ``check`` is called all the while, and raises to end it. Raises ``SignInError``."""
    answer = ask(question)
    if not answered(answer, seconds=SECONDS, check=check):
        raise SignInError("Argo CD has given no token in time", outcome=Outcome.UNREACHABLE)
    return answer.result()
