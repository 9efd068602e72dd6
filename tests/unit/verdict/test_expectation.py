from collections.abc import Mapping
from dataclasses import replace

import pytest

from argocd_release.messages import Message
from argocd_release.messages import verdict as texts
from argocd_release.model.application import HealthStatus, OperationPhase, Resource, SyncStatus
from argocd_release.model.git import Deployment, Relation, RevisionRelation, Source
from argocd_release.model.problem import CauseCode
from argocd_release.model.resource_tree import Node, PodTemplate, Workloads
from argocd_release.verdict.blockers import blocker
from argocd_release.verdict.expectation import Expectation, UnmetExpectation, WaitCondition
from tests.support.wording import is_from
from tests.unit.states import NEW, OLD, application

ONE = application()
CHART = Source(repo_url="https://charts.example.com", chart="web")
VALUES = Source(repo_url="https://git.example.com/values.git", ref="values")
TWO = replace(application(), sources=(CHART, VALUES), revisions=("1.2.3", NEW))

POD = Node(
    uid="p", owner="", group="", version="v1", kind="Pod", namespace="web", name="web", health="Healthy", message="",
    created_at="", images=("web:1",),
)  # fmt: skip
OTHER = texts.OTHER_REVISION.fill(compared=NEW[:12], expected="deadbeef")

OTHER = texts.OTHER_REVISION.fill(compared=NEW[:12], expected="deadbeef")


def kin(relation: Relation, commits: int = 0, note: str = "") -> Mapping[str, RevisionRelation]:
    return {NEW: RevisionRelation(relation=relation, commits=commits, note=note)}


def test_a_descendant_delivers_and_says_so() -> None:
    state = replace(ONE, revision_relations=kin(Relation.DESCENDANT, 2))
    expectation = Expectation(revision=OLD.replace("0l", "01"))
    assert expectation.gap(state) is None
    later = texts.LATER.fill(revision=NEW[:7], commits="2 commits")
    assert expectation.delivered_by(state) == texts.DELIVERED_BY.fill(revision="01d0000", later=later)


@pytest.mark.parametrize(
    ("relation", "commits", "reason", "final"),
    [
        (Relation.OLDER, 1, texts.OLDER.fill(reason=OTHER, commits="1 commit"), True),
        (Relation.DIVERGED, 0, texts.DIVERGED.fill(reason=OTHER), True),
        (Relation.UNKNOWN, 0, texts.WITH_NOTES.fill(reason=OTHER, notes="no clone"), False),
    ],
)
def test_a_revision_that_does_not_contain_the_expected_one(
    relation: Relation, commits: int, reason: str, *, final: bool
) -> None:
    state = replace(ONE, revision_relations=kin(relation, commits, "no clone" if relation is Relation.UNKNOWN else ""))
    gap = Expectation(revision="deadbeef").gap(state)
    assert gap == UnmetExpectation(code=CauseCode.OTHER_REVISION, message=reason, final=final)


def test_a_sync_of_the_expected_revision_is_enough_if_the_sync_status_is_not_waited_for() -> None:
    deployed = Deployment(revisions=(OLD,), parameters=())
    state = replace(application(sync="OutOfSync", operated=OLD), deployed=deployed)
    expectation = Expectation(revision=OLD, wait_for=frozenset({WaitCondition.HEALTH, WaitCondition.OPERATION}))
    assert blocker(state, expectation, compared=True) is None
    assert blocker(state, Expectation(revision=OLD), compared=True) is not None
    failed = replace(application(sync="OutOfSync", operated=OLD, phase="Failed"), deployed=deployed)
    assert blocker(failed, expectation, compared=True) is not None
    # The last sync was of another revision, so an earlier sync of this one does not count.
    other = replace(application(sync="OutOfSync", operated=NEW), deployed=deployed)
    assert blocker(other, expectation, compared=True) is not None


def test_exactly_means_no_other_revision() -> None:
    state = replace(ONE, revision_relations=kin(Relation.DESCENDANT, 2))
    assert Expectation(revision="deadbeef", exact=True).gap(state) is not None
    assert Expectation(revision=NEW, exact=True).gap(state) is None


def test_only_unknown_git_revisions_need_git() -> None:
    assert Expectation(revision="deadbeef").revisions_to_look_up(ONE) == {NEW: ONE.sources[0]}
    assert Expectation(revision=NEW[:8]).revisions_to_look_up(ONE) == {}
    assert Expectation().revisions_to_look_up(ONE) == {}
    assert Expectation(revision="deadbeef").revisions_to_look_up(TWO) == {NEW: VALUES}
    assert Expectation(revision="deadbeef").revisions_to_look_up(replace(TWO, revisions=("12345678", NEW))) == {
        NEW: VALUES
    }
    # Only the git history shows if the revision is a tag of the expected one.
    assert Expectation(revision="deadbeef", exact=True).revisions_to_look_up(ONE) == {NEW: ONE.sources[0]}


@pytest.mark.parametrize("exact", [False, True])
def test_the_tag_of_a_revision_and_its_beginning_are_that_revision(*, exact: bool) -> None:
    tagged = replace(ONE, revision_relations=kin(Relation.SAME))
    expectation = Expectation(revision="deadbeef" * 5, exact=exact)
    assert expectation.gap(tagged) is None
    assert not expectation.delivered_by(tagged)
    assert expectation.gap(replace(ONE, revisions=("deadbeef",))) is None
    assert expectation.revisions_to_look_up(replace(ONE, revisions=("deadbeef",))) == {}
    assert expectation.revisions_to_look_up(replace(ONE, revisions=("deadbee1",))) == {"deadbee1": ONE.sources[0]}
    assert expectation.gap(replace(ONE, revisions=("deadbe",))) is not None, "too short to be a revision"


def test_what_was_reverted_is_not_delivered() -> None:
    state = replace(ONE, revision_relations={NEW: RevisionRelation(relation=Relation.REVERTED, by="f" * 40)})
    gap = Expectation(revision="deadbeef").gap(state)
    message = texts.REVERTED.fill(reason=OTHER, commit=12 * "f")
    assert gap == UnmetExpectation(code=CauseCode.OTHER_REVISION, message=message, final=True)
    gap = Expectation(revision="deadbeef").gap(replace(ONE, revision_relations=kin(Relation.REVERTED)))
    message = texts.FILES_REVERTED.fill(reason=OTHER)
    assert gap == UnmetExpectation(code=CauseCode.OTHER_REVISION, message=message, final=True)
    assert not Expectation(revision="deadbeef").delivered_by(state)


def test_a_history_that_nobody_can_ask_is_said_at_once() -> None:
    state = replace(
        ONE, revision_relations={NEW: RevisionRelation(relation=Relation.UNKNOWN, note="no access", final=True)}
    )
    gap = Expectation(revision="deadbeef").gap(state)
    assert gap == UnmetExpectation(
        code=CauseCode.OTHER_REVISION,
        message=texts.WITH_NOTES.fill(reason=OTHER, notes="no access"),
        final=True,
    )


@pytest.mark.parametrize("source", ["", "2", "values", "https://git.example.com/values.git"])
def test_the_source_that_the_revision_is_of(source: str) -> None:
    assert Expectation(revision=NEW, source=source).gap(TWO) is None


@pytest.mark.parametrize("source", ["1", "web", "https://charts.example.com"])
def test_the_other_source_has_another_revision(source: str) -> None:
    gap = Expectation(revision=NEW, source=source).gap(TWO)
    assert gap == UnmetExpectation(
        code=CauseCode.OTHER_REVISION, message=texts.OTHER_REVISION.fill(compared="1.2.3", expected=NEW[:12])
    )


def test_a_source_that_is_not_there() -> None:
    gap = Expectation(revision=NEW, source="3").gap(TWO)
    message = texts.NO_SUCH_SOURCE.fill(
        source="3", sources="1: https://charts.example.com web; 2: https://git.example.com/values.git"
    )
    assert gap == UnmetExpectation(code=CauseCode.NO_SUCH_SOURCE, message=message, final=True)


def test_the_version_of_a_chart() -> None:
    assert Expectation(chart_version="1.2.3").gap(TWO) is None
    assert Expectation(chart_version="1.2.4").gap(TWO) == UnmetExpectation(
        code=CauseCode.OTHER_CHART_VERSION, message=texts.OTHER_CHART_VERSION.fill(versions="1.2.3", expected="1.2.4")
    )
    no_chart = Expectation(chart_version="1.2.3").gap(replace(ONE, sources=(VALUES,)))
    assert no_chart == UnmetExpectation(code=CauseCode.NO_SUCH_SOURCE, message=texts.NO_CHART, final=True)


@pytest.mark.parametrize(
    ("wanted", "compared"), [("1.2.3", "v1.2.3"), ("v1.2.3", "1.2.3"), ("1.2.3+5", "1.2.3_5"), ("1.2.3_5", "1.2.3+5")]
)
def test_one_version_of_a_chart_has_several_forms(wanted: str, compared: str) -> None:
    assert Expectation(chart_version=wanted).gap(replace(TWO, revisions=(compared, NEW))) is None
    assert Expectation(chart_version=wanted).gap(replace(TWO, revisions=("1.2.3+6", NEW))) is not None


def test_the_version_of_a_chart_in_an_oci_registry_is_its_target_revision() -> None:
    """Since Argo CD 3.1, the revision of such a source is the digest of the image."""
    oci = Source(repo_url="oci://registry.example.com/charts/web", path=".", target_revision="1.2.3")
    state = replace(ONE, sources=(oci, VALUES), revisions=("sha256:" + "a" * 64, NEW))
    assert Expectation(chart_version="1.2.3").gap(state) is None
    gap = Expectation(chart_version="1.2.4").gap(state)
    assert gap == UnmetExpectation(
        code=CauseCode.OTHER_CHART_VERSION, message=texts.OTHER_CHART_VERSION.fill(versions="1.2.3", expected="1.2.4")
    )


def resources(*kinds: tuple[str, str]) -> tuple[Resource, ...]:
    return tuple(
        Resource(group=group, kind=kind, namespace="web", name="web", sync=SyncStatus.SYNCED, health=None)
        for group, kind in kinds
    )


@pytest.mark.parametrize(
    ("kinds", "final"),
    [
        ([("example.com", "Database")], False),
        ([("example.com", "Database"), ("", "ConfigMap")], False),
        ([("monitoring.coreos.com", "ServiceMonitor"), ("apps", "Deployment")], True),
        ([("", "ConfigMap"), ("networking.k8s.io", "Ingress")], True),
    ],
)
def test_an_operator_can_still_bring_the_image_after_the_application_is_healthy(
    kinds: list[tuple[str, str]], *, final: bool
) -> None:
    state = replace(ONE, resources=resources(*kinds), workloads=Workloads(images=("db:1",)))
    gap = Expectation(image="db:2", revision=NEW).gap(state)
    assert gap is not None
    assert gap.final is final


def test_a_workload_that_names_the_image_can_still_be_scaled_up() -> None:
    """A progressive delivery controller scales the Deployment of git to zero, and updates its own copy later."""
    idle = PodTemplate(resource="Deployment/web", images=("web:2",), due=texts.DUE_WITH_REPLICAS)
    held = PodTemplate(resource="StatefulSet/db", images=("web:2",), on_delete=True)
    for template, final in ((idle, False), (held, True)):
        state = replace(ONE, workloads=Workloads(images=("web:1",), serving=(POD,), templates=(template,)))
        gap = Expectation(image="web:2", revision=NEW).gap(state)
        assert gap is not None
        assert gap.final is final


def test_the_image_of_a_child_application_cannot_be_proven_by_its_parent() -> None:
    children = resources(("argoproj.io", "Application"), ("", "ConfigMap"))
    state = replace(ONE, resources=children, workloads=Workloads(only_jobs=True))
    gap = Expectation(image="web:2").gap(state)
    assert gap is not None
    assert (gap.final, gap.hint) == (True, texts.IMAGE_OF_CHILD.hint)
    assert gap.message == texts.IMAGE_OF_CHILD.fill(image="web:2", child="Application/web")
    # If the job also waits for the child applications, each of them must run the image.
    group = replace(state, images=())
    assert Expectation(image="web:2", children=True).gap(group) is None
    assert Expectation(image="web:2", children=True).image_caveat(group) == ""
    assert Expectation(image="web:2", children=True).gap(replace(group, resources=resources(("", "Secret"))))
    assert Expectation(image="web:2", children=True).gap(replace(state, images=("web:1",)))
    busy = replace(state, workloads=Workloads(images=("web:1",), starting=("web:2",), serving=(POD,)))
    gap = Expectation(image="web:2").gap(busy)
    assert gap is not None
    assert (gap.final, gap.hint) == (False, "")


HOOK_RAN = {"group": "batch", "kind": "Job", "name": "web", "hookType": "PostSync", "status": "Synced"}


@pytest.mark.parametrize(
    ("image", "templates", "hook_phase", "proven"),
    [
        ("job:2", [PodTemplate(resource="Job/web", images=("job:2",), completed=True)], "Succeeded", True),
        ("job:2", [PodTemplate(resource="Job/web", images=("job:2",))], "Succeeded", False),
        # An earlier sync has left this hook.
        ("job:2", [PodTemplate(resource="Job/old", images=("job:2",), completed=True)], "Succeeded", False),
        ("job:2", [PodTemplate(resource="Job/web", images=("job:2",), completed=True)], "Running", False),
        # The Deployment still runs another version of this image.
        ("web:2", [PodTemplate(resource="Job/web", images=("web:2",), completed=True)], "Succeeded", False),
        ("2", [PodTemplate(resource="Job/web", images=("job:2",), completed=True)], "Succeeded", False),
    ],
)
def test_a_job_that_has_completed_proves_its_image_beside_other_pods(
    image: str, templates: list[PodTemplate], hook_phase: str, *, proven: bool
) -> None:
    workloads = Workloads(images=("web:1",), serving=(POD,), templates=tuple(templates))
    hooked = replace(application(results=[HOOK_RAN | {"hookPhase": hook_phase}]), workloads=workloads)
    in_git = replace(hooked, resources=resources(("batch", "Job"), ("apps", "Deployment")), operation=None)
    for state in (hooked, *([in_git] if hook_phase == "Succeeded" else [])):
        assert (Expectation(image=image).gap(state) is None) is proven
        assert bool(Expectation(image=image).image_caveat(state)) is False


def test_an_image_must_run() -> None:
    running = replace(ONE, workloads=Workloads(images=("web:1", "proxy:9")))
    assert Expectation(image="web:1").gap(running) is None
    missing = UnmetExpectation(
        code=CauseCode.OTHER_IMAGE,
        message=texts.OTHER_IMAGE.fill(image="web:2", running="web:1, proxy:9", explanation=""),
    )
    assert Expectation(image="web:2").gap(running) == missing
    settled = Expectation(image="web:2", revision=NEW).gap(running)
    assert settled == replace(missing, final=True)
    not_yet = replace(running, health=HealthStatus.PROGRESSING)
    assert Expectation(image="web:2", revision=NEW).gap(not_yet) == missing


def test_an_image_that_only_starts() -> None:
    starting = replace(ONE, workloads=Workloads(images=("web:1",), starting=("web:2",)))
    assert Expectation(image="web:2").gap(starting) is not None
    # The job waits for health, too, which gives a better reason.
    assert Expectation(image="web:2").gap(replace(starting, health=HealthStatus.PROGRESSING)) is None
    careless = Expectation(image="web:2", wait_for=frozenset({WaitCondition.SYNC}))
    assert careless.gap(replace(starting, health=HealthStatus.PROGRESSING)) is not None


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (("web:1", "proxy:9"), ""),
        # One of the two images can be that of a Job's pod that has ended.
        (("web:1", "web:2"), texts.IMAGE_UNPROVEN.fill(images="web:1, web:2")),
        (("web:2",), texts.OTHER_IMAGE_EXISTS.fill(image="web:1", images="web:2")),
        ((), texts.OTHER_IMAGE_EXISTS.fill(image="web:1", images=texts.NONE)),
    ],
)
def test_without_the_tree_only_what_is_beyond_doubt_runs(images: tuple[str, ...], reason: str) -> None:
    gap = Expectation(image="web:1").gap(replace(ONE, images=images))
    assert gap == (UnmetExpectation(code=CauseCode.OTHER_IMAGE, message=reason) if reason else None)


def test_what_is_healthy_enough() -> None:
    assert Expectation().healths == {HealthStatus.HEALTHY}
    both = frozenset({WaitCondition.HEALTH, WaitCondition.SUSPENDED})
    assert Expectation(wait_for=both).healths == {HealthStatus.HEALTHY, HealthStatus.SUSPENDED}
    assert Expectation(wait_for=frozenset({WaitCondition.SYNC})).healths == set()


def test_what_was_synced_last_is_delivered_whatever_a_synced_application_is_compared_with() -> None:
    tag, commit = "7" * 40, "c" * 40
    wanted = Expectation(revision=commit)
    state = replace(application(revision=tag, operated=commit), deployed=Deployment(revisions=(commit,), parameters=()))
    assert state.operation is not None
    assert wanted.gap(state) is None
    assert not wanted.revisions_to_look_up(state)
    assert Expectation(revision=commit, exact=True).gap(state) is None
    for other in (
        replace(state, sync=SyncStatus.OUT_OF_SYNC),
        replace(state, deployed=None),
        # The hook of a later revision failed, so that revision is applied.
        replace(state, operation=replace(state.operation, phase=OperationPhase.FAILED, revisions=("e" * 40,))),
        replace(state, operation=replace(state.operation, dry_run=True)),
        replace(state, deployed=Deployment(revisions=("d" * 40,), parameters=())),
        replace(state, deployed=Deployment(revisions=(commit,), parameters=("old",)), parameters=("new",)),
    ):
        assert wanted.gap(other) is not None
        assert set(wanted.revisions_to_look_up(other)) == {tag}


@pytest.mark.parametrize("revision", [NEW, NEW[:7], NEW.upper()])
def test_short_revisions_match_both_ways(revision: str) -> None:
    assert Expectation(revision=revision).gap(application(revision=NEW[:8], operated=NEW)) is None
    assert Expectation(revision=revision).gap(application(revision=NEW[:8], phase=None)) is None


NIGHTLY = PodTemplate(resource="CronJob/report", images=("web:2",), due=texts.DUE_AT_START)
WILL_RUN = texts.WILL_RUN.fill(resource="CronJob/report", images="web:2", due=texts.DUE_AT_START)


@pytest.mark.parametrize(
    ("image", "workloads", "caveat"),
    [
        ("web:2", Workloads(templates=(NIGHTLY,), only_jobs=True), WILL_RUN),
        ("2", Workloads(templates=(NIGHTLY,), only_jobs=True), WILL_RUN),
        # The Job of last night ran another version.
        ("2", Workloads(images=("web:1",), templates=(NIGHTLY,), only_jobs=True), WILL_RUN),
        ("web:2", Workloads(images=("api:7",), templates=(NIGHTLY,)), WILL_RUN),
        # Pods with another version are running, or pods with another image that a bare tag could mean.
        ("web:2", Workloads(images=("web:1",), templates=(NIGHTLY,)), None),
        ("2", Workloads(images=("api:7",), templates=(NIGHTLY,)), None),
        ("web:2", Workloads(starting=("web:1",), templates=(NIGHTLY,)), None),
        # The workload should have its pods now.
        ("web:2", Workloads(templates=(replace(NIGHTLY, due=""),), only_jobs=True), None),
    ],
)  # fmt: skip
def test_an_image_without_pods_is_judged_by_the_live_manifest(
    image: str, workloads: Workloads, caveat: str | None
) -> None:
    state = replace(ONE, workloads=workloads)
    assert (Expectation(image=image).gap(state) is None) is (caveat is not None)
    if caveat is not None:
        assert Expectation(image=image).image_caveat(state) == caveat


def test_pods_that_an_update_strategy_keeps_are_a_caveat() -> None:
    state = replace(ONE, workloads=Workloads(images=("web:2",), earlier=("web:1", "db:1"), kept=("db:1",)))
    assert Expectation(image="web:2").gap(state) is None
    assert Expectation(image="web:2").image_caveat(state) == texts.KEPT_PODS.fill(images="db:1")
    assert Expectation().image_caveat(state) == ""


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (PodTemplate(resource="StatefulSet/db", images=("web:2",), on_delete=True), texts.ON_DELETE),
        (PodTemplate(resource="StatefulSet/db", images=("web:2",), partitioned=True), texts.PARTITION),
    ],
)
def test_an_update_strategy_that_replaces_nothing_is_named(held: PodTemplate, message: Message) -> None:
    gap = Expectation(image="web:2").gap(replace(ONE, workloads=Workloads(earlier=("web:1",), templates=(held,))))
    assert gap is not None
    explanation = message.fill(images="web:1", resource="StatefulSet/db")
    assert gap.hint == message.fill_hint(resource="StatefulSet/db")
    assert gap.message == texts.OTHER_IMAGE.fill(image="web:2", running=texts.NONE, explanation=explanation)


@pytest.mark.parametrize("image", ["1", "web:1"])
def test_a_late_resource_tree_proves_no_image_and_a_refused_one_only_with_a_caveat(image: str) -> None:
    """The summary also contains the images of ended pods, so it does not replace a tree that can still arrive."""
    expectation = Expectation(image=image)
    late = replace(application(), workloads=None, pods_hidden=False)
    gap = expectation.gap(late)
    assert gap is not None
    assert gap.message == texts.PODS_UNSEEN
    assert expectation.gap(replace(late, pods_hidden=True)) is None
    assert is_from(expectation.image_caveat(replace(late, pods_hidden=True)), texts.IMAGE_CAVEAT)


def test_the_reason_names_the_image_that_still_runs_in_the_previous_revision() -> None:
    """«running: none» stood beside an old version that served."""
    gap = Expectation(image="web:2").gap(replace(ONE, workloads=Workloads(earlier=("web:1",))))
    assert gap is not None
    assert gap.message == texts.OTHER_IMAGE.fill(image="web:2", running="web:1", explanation="")
