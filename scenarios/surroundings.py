"""What lies around an application: its cluster, its git server, the namespace it is in, what Argo CD cannot judge."""

from collections.abc import Iterator

from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.git_server import serving
from scenarios.stage import Stage, scenario, status, web

# Nothing listens there.
NOWHERE = "https://127.0.0.1:9"
IMPATIENT = {"RELEASE_UNREACHABLE_GRACE": "10"}


@scenario("a cluster that Argo CD cannot reach", Outcome.UNREACHABLE, cause="connection refused", within=40)
def cluster_away(stage: Stage) -> Iterator[None]:
    """Nothing is known of the release then; the pods may well run."""
    stage.settings |= IMPATIENT
    metadata = {"name": stage.name, "namespace": "argocd", "labels": {"argocd.argoproj.io/secret-type": "cluster"}}
    data = {"name": stage.name, "server": NOWHERE, "config": "{}"}
    stage.sandbox.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    stage.deploy(web("1"), destination={"server": NOWHERE})
    yield


@scenario("a cluster that Argo CD does not know", Outcome.SYNC_FAILED, cause="InvalidSpecError", within=20)
def cluster_unknown(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), destination={"server": "https://nowhere.example.com"})
    yield


@scenario("a git server that answers 500", Outcome.UNREACHABLE, cause="Argo CD cannot compare", within=40)
def git_fails(stage: Stage) -> Iterator[None]:
    stage.settings |= IMPATIENT
    stage.commit(web("1"))
    with serving(stage.repository.folder.parent) as git:
        git.down = True
        source = stage.repository.source() | {"repoURL": git.url(stage.repository)}
        stage.application = stage.sandbox.application(stage.name, source)
        yield
        # As long as the job asks.
        stage.sleep(40)


@scenario("a crash loop of an application in another namespace", Outcome.DEGRADED, cause="CrashLoopBackOff", within=24)
def other_namespace_crash(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="crash"), argocd_namespace="team-web")
    yield


@scenario(
    "a resource whose health nobody knows", Outcome.TIMED_OUT, cause="PersistentVolumeClaim/data: Unknown", within=18
)
def health_unknown(stage: Stage) -> Iterator[None]:
    """Argo CD knows three phases of a claim, and says of a fourth that its health is Unknown."""
    stage.settings["RELEASE_TIMEOUT"] = "12"
    stage.deploy(web("1"), {"claim.yaml": manifests.claim("data", storage_class="none")})
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    phase = '--patch={"status": {"phase": "Released"}}'
    stage.sandbox.kubectl("patch", "pvc", "data", "-n", stage.name, "--subresource=status", "--type=merge", phase)
    stage.until(lambda state: status(state, "health", "status") == "Unknown")
    yield
