"""A network that breaks while a release is waited for: the right verdict, and no hang. The rows are run together."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.entrances import Entrances
from tests.support.faults import Fault, network
from tests.support.job import Release, Running
from tests.support.waiting import eventually

# The release is still on when the network breaks, and when it heals.
READY_AFTER: Final = "20s"
GRACE: Final = "4"
HEALS_SECONDS: Final = 5.0
# Argo CD's first answer, which holds the application.
ANSWER_BYTES: Final = 10_000
# The grace, two calls that hang, what the doctor asks; the rest is for a machine that others use too.
END_SECONDS: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Row:
    fault: Fault
    heals: bool
    web: bool = True


ROWS: Final = {
    **{
        f"{fault.value} {'for a while' if heals else 'for good'}": Row(fault=fault, heals=heals)
        for fault in (Fault.RESET, Fault.HALF_OPEN, Fault.BLACK_HOLE)
        for heals in (True, False)
    },
    "reset for a while, gRPC": Row(fault=Fault.RESET, heals=True, web=False),
    "black hole for good, gRPC": Row(fault=Fault.BLACK_HOLE, heals=False, web=False),
}


@pytest.fixture(scope="module")
def run(
    sandbox: Sandbox, ways: Entrances, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Release]]:
    """Return the run of a row. The runs of all chosen tests start together."""

    def one(name: str) -> Release:
        row, application = ROWS[name], f"fault-{list(ROWS).index(name)}"
        repository = sandbox.repository(application)
        repository.commit(web("1", ready_after=READY_AFTER))
        sandbox.application(application, repository)
        with network(ways.ports["terminated"]) as between:
            environ = {
                "ARGOCD_APP_NAME": application,
                "ARGOCD_SERVER": between.server,
                "ARGOCD_OPTS": f"{'--grpc-web ' if row.web else ''}--server-crt {ways.authority}",
                "RELEASE_TIMEOUT": "100",
                **({} if row.heals else {"RELEASE_UNREACHABLE_GRACE": GRACE}),
            }
            running = Running(sandbox.environment() | environ, tmp_path_factory.mktemp(application))
            eventually(lambda: between.answered > ANSWER_BYTES)
            between.fault = row.fault
            if row.heals:
                time.sleep(HEALS_SECONDS)
                between.fault = Fault.NONE
            return running.end()

    names = [item.name.removeprefix("test_fault[").removesuffix("]") for item in request.session.items]
    chosen = [name for name in names if name in ROWS]
    with ThreadPoolExecutor(len(ROWS)) as pool:
        runs: dict[str, Future[Release]] = {name: pool.submit(one, name) for name in chosen}
        yield lambda name: runs[name].result()


@pytest.mark.parametrize("name", ROWS)
def test_fault(run: Callable[[str], Release], name: str) -> None:
    row, ended = ROWS[name], run(name)

    assert ended.exit_code == (0 if row.heals else 30), ended.log
    assert ended.seconds < END_SECONDS
