"""Rerun a failed test of real parts once, at the end. If it passes then, it is reported as flaky.

``gotestsum --rerun-fails`` does the same for Argo CD's own e2e suite. No other test of the same process runs beside it,
and every fixture is created again, the sandbox too. No verdict becomes milder: a second failure fails the run, and so
does any other failure of the process, because then no test is rerun.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

# The limit for one run. More failures are no accident, and not worth the time.
LIMIT: Final = 3


class SecondChance:
    """A pytest plugin for the tests that have one of the markers."""

    def __init__(self, markers: Collection[str]) -> None:
        self.markers = markers
        self.first: dict[pytest.Item, list[pytest.TestReport]] = {}
        self.flaky: list[pytest.Item] = []
        self.over = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Hold back the reports of a failure. Report anything else as usual."""
        if self.over or len(self.first) == LIMIT or not any(mark.name in self.markers for mark in item.iter_markers()):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = {report.when for report in reports if report.failed}
        # A teardown can leave something that another test or all tests use, so its failure is never an accident.
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
        # A fixture that plays all requested scenarios at once must see that the test is alone.
        session.items = [item]
        before = session.testsfailed
        item.user_properties.append(("flaky", "failed once before"))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if session.testsfailed == before:
            self.flaky.append(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """Print the flaky tests after everything except pytest's closing line."""
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
