"""Rerun failed end-to-end tests once, after all other tests. A test that passes then is reported as flaky.

Argo CD's own e2e suite does the same with ``gotestsum --rerun-fails``. In the second run, no other test of the process
is running, and all fixtures are created again, including the sandbox. A second failure fails the run. If a test that
cannot be rerun has failed, no test is rerun.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

# The maximum number of failed tests that are rerun. More failures are probably not caused by flaky tests.
LIMIT: Final = 3


class SecondChance:
    """A pytest plugin that reruns failed tests with one of these markers."""

    def __init__(self, markers: Collection[str]) -> None:
        self.markers = markers
        self.first: dict[pytest.Item, list[pytest.TestReport]] = {}
        self.flaky: list[pytest.Item] = []
        self.over = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test. If it fails, keep its reports until the second run; otherwise report it as usual."""
        if self.over or len(self.first) == LIMIT or not any(mark.name in self.markers for mark in item.iter_markers()):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = {report.when for report in reports if report.failed}
        # Never rerun a test whose teardown has failed, because it can have left something that affects other tests.
        if failed and "teardown" not in failed:
            self.first[item] = reports
            write_line(item.config, f"{item.nodeid} failed and is run once more at the end")
        else:
            report_to(item, reports)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        again = False
        try:
            done = yield
            again = not session.testsfailed
            return done
        finally:
            self.over = True
            for item, reports in self.first.items():
                if again:
                    self._run_again(session, item)
                else:
                    report_to(item, reports)

    def _run_again(self, session: pytest.Session, item: pytest.Item) -> None:
        write_line(session.config, f"{item.nodeid} once more, alone")
        # Set the items of the session, because the fixture for scenarios plays all scenarios that the session requests.
        session.items = [item]
        before = session.testsfailed
        item.user_properties.append(("flaky", "failed once before"))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if session.testsfailed == before:
            self.flaky.append(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """Print the flaky tests at the end of the output, just before pytest's last line."""
        yield
        for item in self.flaky:
            terminalreporter.write_sep("!", f"flaky: {item.nodeid} failed, then passed alone", yellow=True, bold=True)
            for report in self.first[item]:
                if report.failed:
                    terminalreporter.write_line(report.longreprtext)
        if self.flaky:
            terminalreporter.write_sep("!", f"flaky: {len(self.flaky)}; more than {LIMIT} are red", yellow=True)


def report_to(item: pytest.Item, reports: list[pytest.TestReport]) -> None:
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)


def write_line(config: pytest.Config, line: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reporter.ensure_newline()
    reporter.write_line(line, yellow=True)
