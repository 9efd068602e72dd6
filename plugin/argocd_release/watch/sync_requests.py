"""Request the sync of an application, and the termination of its operation, if the settings demand them."""

from collections import Counter
from dataclasses import replace
from typing import Final

from argocd_release.model.application import Application, Operation, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import NotTerminated
from argocd_release.model.observation import Failure, SyncWindow
from argocd_release.model.ports import ClusterView, Commands, Emit
from argocd_release.verdict.attempts import cannot_succeed
from argocd_release.verdict.expectation import Expectation
from argocd_release.verdict.image_reference import expected_tag, names_tag
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.watch.comparisons import MOST_FAILED_RENDERS

# The maximum number of requests to terminate the same sync. Argo CD loses such a request if the next attempt of the
# sync starts at that moment.
TERMINATIONS: Final = 3


class SyncRequests:
    """The requests of a job that change the state of one application.

    Args:
        name: the name of the application.
        commands: the argocd commands that sync the application, and terminate its operation.
        emit: receives the events for the job log.
        expectation: the expected revision, image or chart version.
        cluster: reads the application's manifests; None if the job does not read them.
        sync: True if the job itself must request the sync.
    """

    def __init__(
        self,
        name: str,
        *,
        commands: Commands,
        emit: Emit,
        expectation: Expectation,
        cluster: ClusterView | None,
        sync: bool,
    ) -> None:
        self._name = name
        self._commands = commands
        self._emit = emit
        self._expectation = expectation
        self._cluster = cluster
        self._sync = sync
        # The revisions and source parameters of the last sync that the job has requested; None before the first one.
        self._requested: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        # The number of requests to terminate each operation, by its start time.
        self._terminations: Counter[str] = Counter()
        # The clock time at which a look first showed that a sync cannot succeed, by the start time of the sync.
        self._failing_since: dict[str, float] = {}
        # The revisions and parameters whose manifests the job has requested last.
        self._subject: object = None
        # True if these manifests name the expected image, or None if the job has not read them yet.
        self._has_image: bool | None = None
        # The errors with which Argo CD has responded to the requests for these manifests.
        self._failures: list[ArgoCDError] = []

    def begin(self, application: Application, *, seconds: float) -> Application | Failure:
        """Request a sync if the settings demand one and the application needs one. Return the resulting state.

        While another operation is running or waits for a retry, do not request a sync.
        """
        operation = application.operation
        failed = operation is not None and operation.unsuccessful
        # Argo CD refuses a sync while it waits to retry one, even if only excluded resources failed in it.
        operating = application.operating or (operation is not None and operation.retried)
        # A sync applies the whole application, so the excluded resources matter here.
        sync = application.exclusion.sync if application.exclusion else application.sync
        if not self._sync or operating or (sync == SyncStatus.SYNCED and not failed):
            return application
        # Request only one sync of the same state. If it fails, the failure decides the verdict.
        wanted = (application.revisions, application.parameters)
        if wanted == self._requested or self._expectation.revision_gap(application) is not None:
            return application
        try:
            if not self._brings_the_image(wanted, seconds):
                return replace(application, missing_image=self._expectation.image)
            self._commands.sync(self._name, seconds=seconds)
        except ArgoCDError as error:
            return _refused(application, error)
        self._requested = wanted
        return replace(application, requested=True)

    def end_old_sync(self, application: Application, history: SymptomHistory, *, now: float, seconds: float) -> bool:
        """Terminate the sync of an earlier revision if it has hung or failed for its whole grace period.

        Return True if it was terminated. If that fails, log the error.

        Args:
            application: the last observed state.
            history: tells whether the sync hangs, and has the grace period of a stuck sync.
            now: the clock time in seconds.
            seconds: the time limit of the request.
        """
        operation = application.operation
        if operation is None or not application.operation_is_old:
            return False
        if not (history.old_sync_hangs or self._retries_in_vain(operation, now, history.graces.stuck_grace)):
            return False
        if self._terminations[operation.started_at] >= TERMINATIONS:
            return False
        self._terminations[operation.started_at] += 1
        try:
            self._commands.terminate(self._name, seconds=seconds)
        except ArgoCDError as error:
            self._emit(NotTerminated(error=error.message))
            return False
        self._failing_since = {}
        return True

    def _retries_in_vain(self, operation: Operation, now: float, grace: float) -> bool:
        """Return True if looks have shown for the grace period of a stuck sync that the operation cannot succeed."""
        fails = bool(grace) and cannot_succeed(operation)
        return fails and now - self._failing_since.setdefault(operation.started_at, now) >= grace

    def _brings_the_image(self, wanted: tuple[tuple[str, ...], tuple[str, ...]], seconds: float) -> bool:
        """Return False if the manifests in git do not contain the tag of the expected image.

        A sync would then deploy another version, which is perhaps not approved for this environment. An image that is
        expected by its digest is not checked, because git can name its tag instead. If Argo CD refuses to return the
        manifests, return True.

        Raises:
            ArgoCDError: Argo CD did not respond, or could not render the manifests.
        """
        tag = expected_tag(self._expectation.image)
        if not tag or self._cluster is None:
            return True
        if self._subject != wanted:
            self._subject, self._has_image, self._failures = wanted, None, []
        if self._has_image is None:
            self._has_image = self._find(tag, self._cluster, seconds)
        return self._has_image

    def _find(self, tag: str, cluster: ClusterView, seconds: float) -> bool:
        """Request the manifests, and return True if they name the tag, or if Argo CD refuses to return them.

        If Argo CD failed to render them twice, do not request them again.
        """
        if len(self._failures) >= MOST_FAILED_RENDERS:
            raise self._failures[-1]
        try:
            return any(names_tag(manifest, tag) for manifest in cluster.manifests(self._name, seconds=seconds))
        except ArgoCDError as error:
            if error.is_refused:
                return True
            if error.kind is FailureKind.OTHER:
                self._failures.append(error)
            raise


def _refused(application: Application, error: ArgoCDError) -> Application | Failure:
    """Return the state of the application, or the failure, after a request for a sync has failed."""
    if error.kind is FailureKind.OPERATION_IN_PROGRESS:
        return replace(application, requested=True)
    if error.kind is FailureKind.SYNC_WINDOW:
        return replace(application, sync_window=SyncWindow(windows=error.message))
    if error.kind in {FailureKind.OTHER, FailureKind.REFUSED}:
        return replace(application, refusal=error.message)
    return Failure(kind=error.kind, message=error.message)
