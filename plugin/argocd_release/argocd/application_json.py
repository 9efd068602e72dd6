"""Parse the JSON of Applications and ApplicationSets, as argocd and Argo CD's API print it.

The fields are defined in argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go. All of them are optional: a new
application does not even have a sync status and a health status.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from argocd_release.core.text import (
    as_line,
    as_list,
    as_message,
    as_object,
    as_objects,
    as_text,
    one_line,
    without_applied_file,
)
from argocd_release.messages import argocd as texts
from argocd_release.model.application import (
    Application,
    HealthStatus,
    Operation,
    OperationPhase,
    Resource,
    ResourceResult,
    SyncStatus,
)
from argocd_release.model.git import Deployment, Hydration, HydrationPhase, Source
from argocd_release.model.observation import APPLICATION, APPLICATION_SET, ApplicationSet, OwnerRef
from argocd_release.model.problem import Condition
from argocd_release.model.retry import Retry

# The maximum number of JSON documents to parse in one output. argocd prints at most two. The limit saves time, because
# each attempt to parse a document scans the text.
DOCUMENTS: Final = 20
_SKIP: Final = "argocd.argoproj.io/skip-reconcile"
_MANIFEST_PATHS: Final = "argocd.argoproj.io/manifest-generate-paths"
_HYDRATE: Final = "argocd.argoproj.io/hydrate"
_TRACKING: Final = "argocd.argoproj.io/tracking-id"
# The labels with which Argo CD can mark an application's resources: its default label, and the label that its
# documentation recommends instead.
_INSTANCE_LABELS: Final = ("app.kubernetes.io/instance", "argocd.argoproj.io/instance")
_BEGINNING: Final = re.compile(r"^\ufeff?\{", re.MULTILINE)


def parse_application(text: str, make: Callable[[dict[str, Any]], Application] | None = None) -> Application:
    """Parse the output of ``argocd app get -o json``.

    ``app wait -o json`` can print two documents (app.go:2448-2566); the function uses the last one. It ignores all text
    around the documents, because such text can come from a wrapper script or from another version of argocd.

    Args:
        text: the output.
        make: converts the JSON object to an application; ``application_of`` by default.

    Raises:
        ValueError: the output contains no application.
    """
    document = next((candidate for candidate in reversed(_documents(text)) if name_of(candidate)), None)
    if document is None:
        raise ValueError(texts.FOUND_NO_APPLICATION.fill(text=one_line(text, limit=200) or texts.NOTHING))
    return (make or application_of)(document)


def application_of(document: dict[str, Any]) -> Application:
    """Convert the parsed JSON of an Application to an ``Application`` object."""
    metadata, spec, status = (as_object(document.get(key)) for key in ("metadata", "spec", "status"))
    sync, health = as_object(status.get("sync")), as_object(status.get("health"))
    resources = tuple(_resource(item) for item in as_objects(status.get("resources")))
    operation = _operation(as_object(status.get("operationState")))
    hydrator = as_object(spec.get("sourceHydrator"))
    # If Argo CD hydrates the manifests, use the dry source, because a release expects a commit of the dry source.
    sources = as_objects(spec.get("sources")) or [as_object(hydrator.get("drySource") or spec.get("source"))]
    policy = as_object(spec.get("syncPolicy"))
    automated = as_object(policy.get("automated"))
    words = [
        ("sync status", sync.get("status"), SyncStatus),
        ("health status", health.get("status"), HealthStatus),
        ("operation phase", as_object(status.get("operationState")).get("phase"), OperationPhase),
    ]
    return Application(
        name=as_line(metadata.get("name")),
        namespace=as_line(metadata.get("namespace")),
        uid=as_line(metadata.get("uid")),
        project=as_line(spec.get("project")),
        automated="automated" in policy and automated.get("enabled") is not False,
        prune=bool(automated.get("prune")),
        self_heal=bool(automated.get("selfHeal")),
        sources=tuple(_source(item) for item in sources),
        parameters=_parameters({"source": _synced(hydrator)} if hydrator else spec),
        hydration=_hydration(hydrator, as_object(status.get("sourceHydrator")), metadata) if hydrator else None,
        application_set=_application_set(metadata),
        skips_reconcile=as_object(metadata.get("annotations")).get(_SKIP) == "true",
        owner_refs=_owner_refs(metadata, APPLICATION),
        manifest_paths=as_line(as_object(metadata.get("annotations")).get(_MANIFEST_PATHS)),
        spec_compared=bool(hydrator) or _is_compared(spec, as_object(sync.get("comparedTo"))),
        deleting=bool(metadata.get("deletionTimestamp")),
        requested=bool(document.get("operation")),
        sync=SyncStatus.read(sync.get("status")),
        revisions=_revisions(sync),
        health=HealthStatus.read(health.get("status")),
        health_message=as_message(health.get("message")),
        operation=operation,
        conditions=tuple(
            Condition(type=as_line(item.get("type")), message=without_applied_file(as_message(item.get("message"))))
            for item in as_objects(status.get("conditions"))
        ),
        resources=resources,
        images=tuple(as_line(image) for image in as_list(as_object(status.get("summary")).get("images"))),
        reconciled_at=as_line(status.get("reconciledAt")),
        controller_namespace=as_line(status.get("controllerNamespace")),
        deployed=_deployed(as_objects(status.get("history"))),
        previously=_deployed(as_objects(status.get("history"))[:-1]),
        is_new=_is_new(as_objects(status.get("history")), spec.get("revisionHistoryLimit")),
        unknown_words=tuple(
            f"{name} {as_line(word)}" for name, word, words_of in words if word and word not in set(words_of)
        ),
    )


def is_abridged(application: Application) -> bool:
    """Return True if argocd has possibly omitted important fields, because it is older than the server.

    argocd only prints the fields that it knows: ``sourceHydrator`` since 2.14, and ``automated.enabled`` since 3.1.
    """
    sourceless = not any(source.repo_url for source in application.sources)
    return sourceless or (application.automated and application.sync is not SyncStatus.SYNCED)


def _documents(text: str) -> list[dict[str, Any]]:
    """Return the complete JSON objects in the text that start at the beginning of a line."""
    decoder, documents, position = json.JSONDecoder(), list[dict[str, Any]](), 0
    for _ in range(DOCUMENTS):
        start = _BEGINNING.search(text, position)
        if start is None:
            break
        try:
            document, position = decoder.raw_decode(text, start.end() - 1)
            documents.append(as_object(document))
        except (ValueError, RecursionError):
            position = start.end()
    return documents


def _application_set(metadata: dict[str, Any]) -> str:
    owners = as_objects(metadata.get("ownerReferences"))
    return next((one_line(as_text(owner.get("name"))) for owner in owners if owner.get("kind") == "ApplicationSet"), "")


def application_set_of(document: dict[str, Any]) -> ApplicationSet:
    """Convert the JSON of an ApplicationSet to an object (argo-cd v2.13.2 applicationset_types.go)."""
    conditions = as_objects(as_object(document.get("status")).get("conditions"))
    states = {item.get("status") for item in conditions if item.get("type") == "ResourcesUpToDate"}
    return ApplicationSet(
        repositories=tuple(dict.fromkeys(_git_repositories(as_object(document.get("spec"))))),
        owner_refs=_owner_refs(as_object(document.get("metadata")), APPLICATION_SET),
        is_up_to_date=states == {"True"},
    )


def _git_repositories(holder: dict[str, Any], levels: int = 4) -> Iterator[str]:
    """Yield the repositories of an ApplicationSet's git generators, also of those in matrix and merge generators.

    Args:
        holder: the JSON object that contains the list ``generators``.
        levels: how many levels of nested generators to search.
    """
    for generator in as_objects(holder.get("generators")):
        if url := one_line(as_text(as_object(generator.get("git")).get("repoURL"))):
            yield url
        for kind in ("matrix", "merge") if levels else ():
            yield from _git_repositories(as_object(generator.get(kind)), levels - 1)


def _owner_refs(metadata: dict[str, Any], kind: str) -> tuple[OwnerRef, ...]:
    """Return references to the parent application and the ApplicationSet that manage an object.

    Argo CD marks the resources of an application by an annotation (``PARENT:GROUP/KIND:NAMESPACE/NAME``), by a label
    with the application's name, or by both (argo-cd v2.13.2 util/argo/resource_tracking.go).

    Args:
        metadata: the metadata of the object.
        kind: the kind of the object.
    """
    namespace, name = as_line(metadata.get("namespace")), as_line(metadata.get("name"))
    parent, _, tracked = one_line(as_text(as_object(metadata.get("annotations")).get(_TRACKING))).partition(":")
    refs: dict[tuple[str, str], OwnerRef] = {}
    # If the tracking annotation was copied from another object, it contains the name of that object. Argo CD ignores
    # it, and so does this function.
    if parent and tracked in {f"argoproj.io/{kind}:{namespace}/{name}", f"argoproj.io/{kind}:/{name}"}:
        refs[APPLICATION, parent] = OwnerRef(kind=APPLICATION, name=_instance(parent))
    labels = as_object(metadata.get("labels"))
    for label in filter(None, (one_line(as_text(labels.get(key))) for key in _INSTANCE_LABELS)):
        refs.setdefault((APPLICATION, label), OwnerRef(kind=APPLICATION, name=_instance(label), certain=False))
    if owner := _application_set(metadata):
        refs[APPLICATION_SET, owner] = OwnerRef(kind=APPLICATION_SET, name=f"{namespace}/{owner}")
    return tuple(refs.values())


def _instance(name: str) -> str:
    """Convert ``namespace_name`` to ``namespace/name``. Return any other name unchanged.

    Argo CD marks the resources of applications outside its own namespace with ``namespace_name``.
    """
    return name.replace("_", "/", 1)


def _is_compared(spec: dict[str, Any], compared: dict[str, Any]) -> bool:
    """Return True if Argo CD's last comparison used the sources in the application's current spec.

    Also return True if Argo CD does not report which sources it has compared.
    """
    before = [_given(compared.get(key)) for key in ("source", "sources")]
    return not any(before) or before == [_given(spec.get(key)) for key in ("source", "sources")]


def _given(value: Any) -> Any:
    """Remove all empty values from a JSON value, at all depths. Return None if nothing is left.

    This makes two specs comparable: one can contain ``false`` or ``{}`` for a field that the other omits.
    """
    if isinstance(value, dict):
        return {key: given for key, item in value.items() if (given := _given(item))} or None
    return [_given(item) for item in value] or None if isinstance(value, list) else value or None


def name_of(document: dict[str, Any]) -> str:
    """Return the name in the metadata of a Kubernetes object, or an empty string."""
    return as_line(as_object(document.get("metadata")).get("name"))


def _word(value: Any) -> str:
    """Return the text as an interned string. This saves memory, because many resources have the same kind or status."""
    return sys.intern(as_line(value))


def _resource(item: dict[str, Any]) -> Resource:
    health, wave = as_object(item.get("health")), item.get("syncWave")
    return Resource(
        group=_word(item.get("group")),
        kind=_word(item.get("kind")),
        namespace=_word(item.get("namespace")),
        name=_word(item.get("name")),
        sync=SyncStatus.read(item.get("status")),
        health=HealthStatus.read(health.get("status")) if health.get("status") else None,
        message=as_message(health.get("message"), kind=as_text(item.get("kind"))),
        hook=bool(item.get("hook")),
        requires_pruning=bool(item.get("requiresPruning")),
        compared=bool(item.get("status")),
        wave=wave if isinstance(wave, int) else 0,
    )


def _source(item: dict[str, Any]) -> Source:
    return Source(
        repo_url=one_line(as_text(item.get("repoURL"))),
        path=one_line(as_text(item.get("path"))),
        chart=one_line(as_text(item.get("chart"))),
        ref=one_line(as_text(item.get("ref"))),
        target_revision=one_line(as_text(item.get("targetRevision"))),
    )


def _synced(hydrator: dict[str, Any]) -> dict[str, Any]:
    """Return the source that Argo CD syncs, which contains the hydrated manifests.

    Source: argo-cd v3.6.1 types.go SourceHydrator.GetSyncSource.
    """
    dry, synced = as_object(hydrator.get("drySource")), as_object(hydrator.get("syncSource"))
    return {"repoURL": synced.get("repoURL") or dry.get("repoURL"), "path": synced.get("path")}


def _hydration(hydrator: dict[str, Any], status: dict[str, Any], metadata: dict[str, Any]) -> Hydration:
    current, last = as_object(status.get("currentOperation")), as_object(status.get("lastSuccessfulOperation"))
    staged = as_object(hydrator.get("hydrateTo")).get("targetBranch")
    phase = HydrationPhase.read(current.get("phase"))
    return Hydration(
        phase=phase,
        message=as_message(current.get("message")),
        dry_revision=one_line(as_text(last.get("drySHA"))),
        hydrated_revision=one_line(as_text(last.get("hydratedSHA"))),
        compared_revision=one_line(as_text(status.get("lastComparedDryRevision"))),
        failed_revision=one_line(as_text(current.get("drySHA"))) if phase is HydrationPhase.FAILED else "",
        finished_at=as_line(current.get("finishedAt")),
        requested=_HYDRATE in as_object(metadata.get("annotations")),
        staged_on=one_line(as_text(staged)),
        is_elsewhere=_synced(hydrator)["repoURL"] != as_object(hydrator.get("drySource")).get("repoURL"),
    )


def _operation(state: dict[str, Any]) -> Operation | None:
    if not state:
        return None
    result = as_object(state.get("syncResult"))
    operation = as_object(state.get("operation"))
    sync, initiator = as_object(operation.get("sync")), as_object(operation.get("initiatedBy"))
    retries = retry_count if isinstance(retry_count := state.get("retryCount"), int) else 0
    finished_at = as_line(state.get("finishedAt"))
    return Operation(
        phase=OperationPhase.read(state.get("phase")),
        message=without_applied_file(as_message(state.get("message"))),
        revisions=_revisions(result) or _revisions(sync),
        started_at=as_line(state.get("startedAt")),
        finished_at=finished_at,
        retries=retries,
        retry=Retry.of(as_object(operation.get("retry")), failed_at=finished_at, retries=retries),
        requested=_revisions(sync),
        parameters=_parameters(result),
        dry_run=bool(sync.get("dryRun")),
        partial=bool(sync.get("resources")),
        automated=initiator.get("automated") is True,
        results=tuple(
            ResourceResult(
                kind=_word(item.get("kind")),
                name=_word(item.get("name")),
                status=_word(item.get("status")),
                hook_phase=_word(item.get("hookPhase")),
                message=without_applied_file(as_message(item.get("message"), kind=as_text(item.get("kind")))),
                hook_type=_word(item.get("hookType")),
                group=_word(item.get("group")),
                namespace=_word(item.get("namespace")),
            )
            for item in as_objects(result.get("resources"))
        ),
    )


def _deployed(history: list[dict[str, Any]]) -> Deployment | None:
    if not history:
        return None
    last = history[-1]
    return Deployment(
        revisions=_revisions(last), parameters=_parameters(last), ended_at=as_line(last.get("deployedAt"))
    )


def _is_new(history: list[dict[str, Any]], limit: object) -> bool:
    """Return True if the history shows that no earlier revision was synced since the application was created.

    Argo CD numbers the syncs from 0 (argo-cd v2.13.2 controller/state.go: persistRevisionHistory). It can sync the
    same revision several times. If ``revisionHistoryLimit`` is 0, Argo CD keeps no history, so an empty history proves
    nothing.
    """
    if not history:
        return limit != 0
    return history[0].get("id") == 0 and all(_revisions(item) == _revisions(history[-1]) for item in history)


def _parameters(holder: dict[str, Any]) -> tuple[str, ...]:
    """Return the parameters of each source as JSON text, for comparison with those of another operation.

    The target revision is left out, because callers compare the resolved commits instead.
    """
    sources = as_objects(holder.get("sources")) or [as_object(holder.get("source"))]
    given = [{key: value for key, value in source.items() if key != "targetRevision"} for source in sources]
    # The spec has one field for a single source and another for several sources. The unused field can be an empty
    # object.
    return tuple(json.dumps(source, sort_keys=True) for source in given if source.get("repoURL"))


def _revisions(holder: dict[str, Any]) -> tuple[str, ...]:
    """Return the revisions of all sources. Argo CD uses the field ``revisions`` only if there are several sources."""
    several = tuple(one_line(as_text(revision)) for revision in as_list(holder.get("revisions")) if revision)
    single = one_line(as_text(holder.get("revision")))
    return several or ((single,) if single else ())
