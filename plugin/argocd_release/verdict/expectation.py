"""Compare an application with the revision, image and chart version that a release expects. All functions are pure."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from argocd_release.core.text import counted, first_names, one_line
from argocd_release.messages import chosen_resources
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus, Resource, SyncStatus
from argocd_release.model.git import Relation, RevisionRelation, Source, same_revision
from argocd_release.model.observation import APPLICATION
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.model.resource_tree import Node, PodTemplate, Workloads
from argocd_release.verdict import missing_pods
from argocd_release.verdict.image_reference import matches, parts
from argocd_release.verdict.missing_pods import NAMED

#: The maximum number of resources that the message about a pattern without a match names.
NAMED_RESOURCES: Final = 10
#: The minimum number of characters of an abbreviated commit.
SHORT: Final = 7
CHILD: Final = ("argoproj.io", APPLICATION)
_UNKNOWN: Final = RevisionRelation(relation=Relation.UNKNOWN)


class WaitCondition(StrEnum):
    """A condition that the job can wait for, named like the options of ``argocd app wait``."""

    HEALTH = "health"
    SYNC = "sync"
    SUSPENDED = "suspended"
    OPERATION = "operation"


DEFAULT_CONDITIONS: Final = frozenset({WaitCondition.SYNC, WaitCondition.HEALTH, WaitCondition.OPERATION})


@dataclass(frozen=True, kw_only=True)
class UnmetExpectation(Problem):
    """A part of the expectation that an application does not meet.

    Attributes:
        final: True if waiting cannot help, as far as the job knows.
    """

    final: bool = False


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The expectation of a release. An empty field accepts every value.

    Attributes:
        wait_for: the conditions that the application must meet.
        revision: 7 to 40 hex digits. The delivered revision must be this one or, unless ``exact`` is True, contain it.
        source: the source to which ``revision`` and ``chart_version`` apply, if the application has several sources.
            The value is a position, from 1, or the source's repository URL, chart or ref.
        image: a tag, digest or reference that a pod must run.
        chart_version: the version of the Helm chart.
        allow_empty: True if an application without resources counts as delivered.
        children: True if the job also waits for the child applications. Each of them must then prove the image.
    """

    wait_for: frozenset[WaitCondition] = DEFAULT_CONDITIONS
    revision: str = ""
    exact: bool = False
    source: str = ""
    image: str = ""
    chart_version: str = ""
    allow_empty: bool = False
    children: bool = False

    @property
    def healths(self) -> frozenset[HealthStatus]:
        """Return the accepted health statuses. They are empty if the job does not wait for health."""
        wanted = {WaitCondition.HEALTH: HealthStatus.HEALTHY, WaitCondition.SUSPENDED: HealthStatus.SUSPENDED}
        return frozenset(status for condition, status in wanted.items() if condition in self.wait_for)

    @property
    def demands(self) -> bool:
        """Return True if a revision, an image, a chart version or a source is expected."""
        return bool(self.revision or self.image or self.chart_version or self.source)

    @property
    def words(self) -> str:
        """Return the expected revision, image, chart version and source as a text for people; "" if there are none."""
        revision = texts.EXACT_REVISION if self.exact else texts.REVISION
        parts = {
            revision.fill(revision=self.revision): self.revision,
            texts.IMAGE.fill(image=self.image): self.image,
            texts.CHART_VERSION.fill(version=self.chart_version): self.chart_version,
            texts.SOURCE.fill(source=self.source): self.source,
        }
        return "; ".join(words for words, given in parts.items() if given)

    def gap(self, application: Application) -> UnmetExpectation | None:
        """Return the first unmet part of the expectation, or None if the application meets the whole expectation."""
        positions = self._positions(application)
        if not positions:
            numbered = enumerate(application.sources, 1)
            sources = "; ".join(texts.NUMBERED_SOURCE.fill(number=number, source=source) for number, source in numbered)
            reason = texts.NO_SUCH_SOURCE.fill(source=self.source, sources=sources)
            return UnmetExpectation(message=reason, code=CauseCode.NO_SUCH_SOURCE, final=True)
        return (
            self.revision_gap(application)
            or self._chart_gap(application, positions)
            or resource_gap(application)
            or self._image_gap(application)
        )

    def image_caveat(self, application: Application) -> str:
        """Return a caveat if the release is delivered, but not all running pods prove the image; otherwise ""."""
        if not self.image or self._leaves_image_to_children(application):
            return ""
        if (workloads := application.workloads) is not None:
            proven = not self.lacks_image(workloads) or self._has_run(application)
            waiting = [] if proven else self._waiting(workloads)
            kept = texts.KEPT_PODS.fill(images=first_names(workloads.kept, NAMED)) if workloads.kept else ""
            return "; ".join(filter(None, (*map(missing_pods.will_run, waiting[:NAMED]), one_line(kept))))
        return texts.IMAGE_CAVEAT.fill(image=self.image)

    def _leaves_image_to_children(self, application: Application) -> bool:
        return self.children and not application.images and _child(application) is not None

    def lacks_image(self, workloads: Workloads) -> bool:
        """Return True if an image is expected, and no serving pod runs it."""
        return bool(self.image) and not any(matches(self.image, image) for image in workloads.images)

    def doubtful_pods(self, workloads: Workloads) -> tuple[Node, ...]:
        """Return the ready pods that have the expected image and other images.

        In such a pod, the expected image can belong to an init container, which has ended. Only the live manifest of
        the pod shows this. If another ready pod has only the expected image, it is the proof, so return no pods.
        """
        candidates = [pod for pod in workloads.serving if any(matches(self.image, image) for image in pod.images)]
        if any(all(matches(self.image, image) for image in pod.images) for pod in candidates):
            return ()
        return tuple(candidates)

    def _waiting(self, workloads: Workloads) -> list[PodTemplate]:
        """Return the pod templates with the expected image that have no pods now, but will have them later.

        The list is empty if a running pod has the same image name with another version, because the templates then
        prove nothing. A bare tag names no image, so any running pod makes the list empty.
        """
        return self._proving(workloads, [item for item in workloads.templates if item.due])

    def _has_run(self, application: Application) -> bool:
        """Return True if a Job or a hook with the expected image has completed for the compared revision.

        The image of a Job never changes, so a Synced Job has the image of this revision. A hook can be of an earlier
        sync, so the last sync must have run it.
        """
        workloads = application.workloads or Workloads()
        jobs = {str(item) for item in application.resources if not (item.hook or item.requires_pruning)}
        jobs |= {str(item) for item in application.results if item.hook_ran and item.hook_phase == "Succeeded"}
        ended = [item for item in workloads.templates if item.completed and item.resource in jobs]
        return bool(self._proving(workloads, ended))

    def _proving(self, workloads: Workloads, candidates: list[PodTemplate]) -> list[PodTemplate]:
        serving_pods = () if workloads.only_jobs else (*workloads.images, *workloads.starting)
        running = {parts(image)[0] for image in serving_pods}
        templates = [item for item in candidates if any(matches(self.image, image) for image in item.images)]
        named = ":" in self.image.lstrip(":@") or "@" in self.image
        names = {parts(image)[0] for item in templates for image in item.images if matches(self.image, image)}
        return [] if running & names or (running and not named) else templates

    def delivered_by(self, application: Application) -> str:
        """Describe the later revision that delivered this one (``via 3f2c1ab, 2 commits later``), or return ""."""
        later = self.later(application)
        return texts.DELIVERED_BY.fill(revision=self.revision[:7], later=later) if later else ""

    def later(self, application: Application) -> str:
        """Describe a later revision that contains the expected one (``3f2c1ab, 2 commits later``), or return ""."""
        for revision in application.commits:
            revision_relation = application.revision_relations.get(revision, _UNKNOWN)
            if revision_relation.relation is Relation.DESCENDANT:
                return texts.LATER.fill(revision=revision[:7], commits=counted(revision_relation.commits, "commit"))
        return ""

    def is_elsewhere(self, application: Application) -> bool:
        """Return True if Argo CD compares with a revision that is known not to contain the expected one."""
        if self.revision_gap(application) is None:
            return False
        relations = {revision_relation.relation for revision_relation in application.revision_relations.values()}
        return bool(relations & {Relation.OLDER, Relation.DIVERGED, Relation.REVERTED})

    def is_undecided(self, application: Application) -> bool:
        """Return True while the job is still looking up the compared revisions in the git history."""
        return any(revision_relation.pending for revision_relation in application.revision_relations.values())

    def was_deployed(self, application: Application) -> bool:
        """Return True if the last successful sync was of the expected revision with the current parameters."""
        deployed = application.deployed
        if deployed is None or not application.has(deployed.parameters):
            return False
        revisions = [deployed.revisions[i] for i in self._positions(application) if i < len(deployed.revisions)]
        return any(same_revision(revision, self.revision) for revision in revisions)

    def is_synced(self, application: Application) -> bool:
        """Return True if the application is Synced, or if the job does not wait for Synced."""
        return application.sync is SyncStatus.SYNCED or WaitCondition.SYNC not in self.wait_for

    def was_synced_last(self, application: Application) -> bool:
        """Return True if the last operation synced the expected revision, and the job does not wait for Synced.

        After ``argocd app sync --revision``, the application stays OutOfSync if its branch has another revision.
        """
        return (
            WaitCondition.SYNC not in self.wait_for and application.last_sync_stands and self.was_deployed(application)
        )

    def revisions_to_look_up(self, application: Application) -> dict[str, Source]:
        """Return the compared revisions to look up in the git history, with their sources.

        Only the git history shows how they are related to the expected revision.
        """
        if not self.revision or self.revision_gap(application) is None:
            return {}
        sources = application.sources
        chosen = [i for i in self._positions(application) if i < min(len(application.commits), len(sources))]
        positions = [i for i in chosen if not sources[i].chart and not self._is_at(application, i)]
        by_revision = {application.commits[i]: sources[i] for i in positions}
        return {revision: source for revision, source in by_revision.items() if _is_git(revision)}

    def _positions(self, application: Application) -> list[int]:
        everything = list(range(max(len(application.sources), len(application.commits))))
        if not self.source:
            return everything or [0]
        if self.source.isascii() and self.source.isdigit():
            return [index for index in everything if index + 1 == int(self.source)]
        return [
            index
            for index, source in enumerate(application.sources)
            if self.source in {source.repo_url, source.chart, source.ref}
        ]

    def _is_at(self, application: Application, position: int) -> bool:
        return any(same_revision(name, self.revision) for name in application.names(position))

    def revision_gap(self, application: Application) -> UnmetExpectation | None:
        """Return the unmet expectation if the application has not reached the expected revision, otherwise None.

        It has reached the revision if Argo CD has compared with it. A later revision that contains it is enough too,
        unless ``exact`` is True. The last successful sync also counts if the cluster still has its state.
        """
        positions = self._positions(application)
        revisions = [application.commits[index] for index in positions if index < len(application.commits)]
        if not self.revision or any(self._is_at(application, index) for index in positions):
            return None
        # Argo CD has synced the expected revision, and the cluster still has its state. Argo CD can now compare with
        # another revision that needed no sync, such as an annotated tag on the same commit.
        if (application.runs_deployed and self.was_deployed(application)) or self.was_synced_last(application):
            return None
        revision_relations = {
            revision: application.revision_relations.get(revision, _UNKNOWN) for revision in revisions
        }
        accepted = {Relation.SAME} if self.exact else {Relation.SAME, Relation.DESCENDANT}
        if any(revision_relation.relation in accepted for revision_relation in revision_relations.values()):
            return None
        compared = ", ".join(revision[:12] for revision in revisions) or texts.NO_REVISION
        reason = texts.OTHER_REVISION.fill(compared=compared, expected=self.revision[:12])
        return (
            UnmetExpectation(message=reason, code=CauseCode.OTHER_REVISION)
            if self.exact
            else _out_of_reach(reason, list(revision_relations.values()))
        )

    def _chart_gap(self, application: Application, positions: list[int]) -> UnmetExpectation | None:
        if not self.chart_version:
            return None
        sources = application.sources
        charts = [i for i in positions if i < len(sources) and (sources[i].chart or sources[i].is_oci)]
        if not charts:
            return UnmetExpectation(message=texts.NO_CHART, code=CauseCode.NO_SUCH_SOURCE, final=True)
        # Argo CD reports the version of a chart as the revision of its source (controller/state.go, and ResolveRevision
        # of the repo-server). The revision of an OCI source is a digest, so only its target revision names the version.
        versions = [
            application.commits[i] if sources[i].chart else sources[i].target_revision
            for i in charts
            if i < len(application.commits)
        ]
        if _version(self.chart_version) in map(_version, versions):
            return None
        version_list = ", ".join(versions) or texts.VERSION_UNKNOWN
        reason = texts.OTHER_CHART_VERSION.fill(versions=version_list, expected=self.chart_version)
        return UnmetExpectation(message=reason, code=CauseCode.OTHER_CHART_VERSION)

    def _image_gap(self, application: Application) -> UnmetExpectation | None:
        if not self.image or self._leaves_image_to_children(application):
            return None
        cluster = application.workloads
        if cluster is None and not application.pods_hidden:
            return UnmetExpectation(message=texts.PODS_UNSEEN, code=CauseCode.OTHER_IMAGE)
        if cluster is None and application.exclusion is not None:
            return UnmetExpectation(message=chosen_resources.IMAGE_UNPROVEN_OF_CHOSEN, code=CauseCode.OTHER_IMAGE)
        if cluster is None:
            return self._image_gap_of_summary(application)
        running = cluster.images
        if not self.lacks_image(cluster) or self._has_run(application) or self._waiting(cluster):
            return None
        unhealthy = bool(self.healths) and application.health not in self.healths
        if unhealthy and any(matches(self.image, image) for image in cluster.starting):
            # Pods with the expected image are starting. The health, for which the job still waits, gives a better
            # reason.
            return None
        if not running and not missing_pods.held_back(cluster):
            # Report the images of the previous revision, whose pods run until the new pods are ready.
            running = cluster.earlier
        images = one_line(first_names(running, NAMED)) or texts.NONE
        # If the expected revision is Healthy without the image, the result is final. If no revision is expected, a
        # later commit can still bring the image.
        can_follow = missing_pods.has_only_operators(application) or self._is_named(cluster)
        settled = bool(self.revision) and application.health in self.healths and not can_follow
        has_pods = cluster.serving or cluster.unready or cluster.idle
        if (child := _child(application)) and not has_pods:
            message = texts.IMAGE_OF_CHILD.fill(image=self.image, child=child)
            hint = texts.IMAGE_OF_CHILD.hint
            return UnmetExpectation(message=message, code=CauseCode.OTHER_IMAGE, final=True, hint=hint)
        reason = texts.OTHER_IMAGE.fill(image=self.image, running=images, explanation=missing_pods.explanation(cluster))
        hint = missing_pods.hint(cluster)
        return UnmetExpectation(message=reason, code=CauseCode.OTHER_IMAGE, final=settled, hint=hint)

    def _is_named(self, workloads: Workloads) -> bool:
        """Return True if a workload without pods names the image. A user or a controller can still scale it up."""
        held = missing_pods.held_back(workloads)
        images = [image for item in workloads.templates if item not in held for image in item.images]
        return any(matches(self.image, image) for image in images)

    def _image_gap_of_summary(self, application: Application) -> UnmetExpectation | None:
        # The summary of an Application lists the images of all pods, including those that have ended (argo-cd#21785).
        # So it proves an image only if it lists no other version of the same image name.
        matching = [image for image in application.images if matches(self.image, image)]
        names = {parts(image)[0] for image in matching}
        # A bare tag names no image, and a finished Job could have run that tag. If the application lists any other
        # image, the tag is therefore not proven.
        counts = names if ":" in self.image.lstrip(":@") or "@" in self.image else set(application.images)
        others = [image for image in application.images if image not in matching and {image, parts(image)[0]} & counts]
        if matching and not others:
            return None
        if matching:
            images = one_line(", ".join([*matching, *others][:NAMED]))
            reason = texts.IMAGE_UNPROVEN.fill(images=images)
        else:
            images = one_line(", ".join(application.images[:NAMED])) or texts.NONE
            reason = texts.OTHER_IMAGE_EXISTS.fill(image=self.image, images=images)
        return UnmetExpectation(message=reason, code=CauseCode.OTHER_IMAGE)


def _child(application: Application) -> Resource | None:
    return next((item for item in application.resources if (item.group, item.kind) == CHILD), None)


def resource_gap(application: Application) -> UnmetExpectation | None:
    """Return the unmet expectation if the resources that RELEASE_RESOURCES chooses cannot prove the release."""
    exclusion = application.exclusion
    if exclusion is None or exclusion.is_complete:
        return None
    refs = [item.ref for item in application.resources if item.ref in exclusion.chosen]
    refs += [item.ref for item in exclusion.resources if not item.requires_pruning]
    resources = one_line(first_names([str(ref) for ref in refs], NAMED_RESOURCES)) or chosen_resources.NO_RESOURCES
    reason = chosen_resources.ALL_EXCLUDED.fill(resources=resources)
    if exclusion.unmatched:
        reason = chosen_resources.NO_RESOURCE_MATCHES.fill(
            patterns=first_names(exclusion.unmatched, NAMED), resources=resources
        )
    return UnmetExpectation(message=reason, code=CauseCode.NO_SUCH_RESOURCE, final=True)


def _out_of_reach(reason: str, revision_relations: list[RevisionRelation]) -> UnmetExpectation:
    gap = partial(UnmetExpectation, code=CauseCode.OTHER_REVISION)
    by_relation = {revision_relation.relation: revision_relation for revision_relation in revision_relations}
    if reverted := by_relation.get(Relation.REVERTED):
        message = texts.FILES_REVERTED.fill(reason=reason)
        if reverted.by:
            message = texts.REVERTED.fill(reason=reason, commit=reverted.by[:12])
        return gap(message=message, final=True)
    if older := by_relation.get(Relation.OLDER):
        return gap(message=texts.OLDER.fill(reason=reason, commits=counted(older.commits, "commit")), final=True)
    if set(by_relation) == {Relation.DIVERGED}:
        return gap(message=texts.DIVERGED.fill(reason=reason), final=True)
    notes = "; ".join(filter(None, (revision_relation.note for revision_relation in revision_relations)))
    final = bool(revision_relations) and all(revision_relation.final for revision_relation in revision_relations)
    return gap(message=texts.WITH_NOTES.fill(reason=reason, notes=notes) if notes else reason, final=final)


def _version(text: str) -> str:
    """Return a chart version without a leading ``v``, and with ``+`` for each ``_``, its substitute in registries."""
    return text.removeprefix("v").replace("_", "+")


def _is_git(revision: str) -> bool:
    return SHORT <= len(revision) <= len("0" * 40) and all(digit in "0123456789abcdef" for digit in revision.lower())
