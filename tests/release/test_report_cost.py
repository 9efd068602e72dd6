"""Test the CPU time that the reports add to a successful job.

``pytest tests/release/test_report_cost.py -s`` prints it.
"""

import subprocess
import sys

MOST_SECONDS = 0.060
#: Each run is a process of its own, as a job is, so that imports and the compilation of patterns count.
PROGRAM = """
import io, time
from tests.unit.reports.test_registry import release, one
from argocd_release.model.outcome import Outcome
from argocd_release.release.explain import show
from argocd_release.release.job_log import JobLog
from argocd_release.settings.environment import JobEnvironment
result = release(one(Outcome.DELIVERED, health="Healthy"))
log = JobLog(JobEnvironment({}), io.StringIO())
began = time.process_time()
from argocd_release.reports.registry import REPORTERS
for late in (False, False, True):
    for reporter in REPORTERS.values():
        if reporter.late is late:
            reporter.render(result)
show(log, result, ("argocd-release.xml",))
print(time.process_time() - began)
"""


def seconds() -> float:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_the_reports_of_a_green_job_cost_little() -> None:
    """The early reports are written when the verdict is known and again after the notifications; the late ones once."""
    measured = sorted(seconds() for _ in range(5))
    print(f"CPU time of the reports, best of 5: {measured[0] * 1000:.0f} ms")
    assert measured[0] <= MOST_SECONDS
