"""A test of real parts that fails is run once more, alone, at the end: what passes then is flaky, and named loudly.

As ``gotestsum --rerun-fails`` does for Argo CD's own e2e suite. Alone means: nothing else runs, and every fixture is made
anew, the sandbox too. Nobody's verdict becomes milder by it: a second failure is red, and so is whatever fails beside it,
since then nothing is run again.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

# Of one run; more than these are no accident, and not worth the time.
LIMIT: Final = 3


class SecondChance:
    """A plugin of pytest, for the tests that have one of the markers."""

    def __init__(self, markers: Collection[str]) -> None:
        self.markers = markers
        self.first: dict[pytest.Item, list[pytest.TestReport]] = {}
        self.flaky: list[pytest.Item] = []
        self.over = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Keep the reports of a failure back; anything else is reported as ever."""
        if self.over or len(self.first) == LIMIT or not any(mark.name in self.markers for mark in item.iter_markers()):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = {report.when for report in reports if report.failed}
        # What is left behind may be another test's, or everybody's: that is never an accident.
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
        # A fixture that plays at once what was asked for must see that it is alone.
        session.items = [item]
        before = session.testsfailed
        item.user_properties.append(("flaky", "failed once before"))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if session.testsfailed == before:
            self.flaky.append(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """After all else that pytest says but its closing line."""
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
