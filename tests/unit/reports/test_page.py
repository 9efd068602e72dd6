"""The page as text: what it holds, how large it becomes, and what it lets a browser do."""

import base64
import copy
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from argocd_release.cli import page as command
from argocd_release.messages.cli import NO_JSON, NO_PAGE, OTHER_VERSION
from argocd_release.model.outcome import Outcome
from argocd_release.release.signals import Signals
from argocd_release.reports.json_report import SCHEMA
from argocd_release.reports.page import render
from argocd_release.reports.page.chart import SizeBudget
from tests.support.hostile import HOSTILE, MARKUP
from tests.support.reports import application, report
from tests.support.wording import fields_of, is_from

DOCS = Path(__file__).parents[3] / "docs"
ONE_LIMIT, MANY_LIMIT = 60_000, 300_000
WORST = " ".join([*MARKUP, *(text for text in HOSTILE if isinstance(text, str) and len(text) < 1000), "\"'<>&" * 2000])


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the whole."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def drawn(*applications: dict[str, Any], **parts: Any) -> str:
    made = report(*applications, **parts)
    Draft202012Validator(SCHEMA).validate(made)
    return render(made)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_page(outcome: Outcome) -> None:
    text = Elements(drawn(application(outcome=outcome.word))).text
    assert outcome.meaning in text
    assert ("Cause" in text) == (outcome is not Outcome.DELIVERED)
    assert outcome.meaning in Elements(drawn(outcome=outcome.word)).text, "of no application too"


def test_what_a_person_looks_for_is_there() -> None:
    text = Elements(drawn(application(outcome="degraded"))).text
    for words in ("Deployment/api crashes", "mend it", "crash-loop", "Proven", "PreSync Job/migrate",
                  "CrashLoopBackOff", "fatal: no database", "11111111", "3f2c1ab0", "2 configured"):  # fmt: skip
        assert words in text, words


def test_it_is_small_whatever_it_is_told() -> None:
    assert len(drawn(application(outcome="degraded", text=WORST)).encode()) <= ONE_LIMIT
    assert len(drawn(application(outcome="degraded", text="я" * 3000)).encode()) <= ONE_LIMIT
    harmless = [application(f"shop-{number}", "delivered") for number in range(180)]
    broken = [application(f"bad-{number}", "degraded", text=WORST) for number in range(200)]
    # The schema is not checked for two hundred applications: this takes seconds, and one of them has passed it above.
    assert len(render(report(*broken[:20], *harmless)).encode()) <= MANY_LIMIT
    assert len(render(report(*broken)).encode()) <= MANY_LIMIT


def test_it_loads_nothing_runs_nothing_and_goes_where_the_web_is() -> None:
    hostile = application(outcome="degraded", text=WORST)
    hostile["url"] = hostile["cause"]["link"] = "javascript:alert(1)"
    hostile["changes"]["compare"] = ["javascript:alert(1)", "data:text/html,x", 'https://x.example.com/"onclick="y']
    page = Elements(drawn(hostile, hostile | {"name": "other"}, site_url="javascript:alert(1)"))
    tags = {tag for tag, _ in page.found}
    assert not tags & {
        "script",
        "img",
        "iframe",
        "form",
        "input",
        "link",
        "base",
        "object",
        "embed",
        "video",
        "textarea",
    }
    attributes = [(name, value) for _, given in page.found for name, value in given.items()]
    assert not [name for name, _ in attributes if name.startswith("on") or name in {"src", "style", "srcset"}]
    assert {value for name, value in attributes if name == "href" and not str(value).startswith("#")} == set()
    assert sum(tag == "style" for tag, _ in page.found) == 1
    # And were any of it there, the browser is told to let none of it through.
    policy = next(given["content"] for tag, given in page.found if given.get("http-equiv"))
    assert policy is not None
    style = re.findall(r"<style>(.*?)</style>", drawn(hostile), re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_links_that_are_known_are_there() -> None:
    links = {given.get("href") for tag, given in Elements(drawn(application())).found if tag == "a"}
    assert "https://argocd.example.com/applications/shop" in links
    assert any("/-/compare/1111" in str(link) for link in links)


def test_of_many_applications_those_that_failed_come_first() -> None:
    slow, quick = application("slow", seconds=90.0), application("quick", seconds=3.0)
    broken = application("broken", "degraded", seconds=20.0)
    page = drawn(broken, quick, slow)
    rows = re.findall(r'<td><a href="#application-\d+">(\w+)</a>', page)
    assert rows == ["broken", "slow", "quick"]


def test_a_report_is_not_changed_by_drawing_it() -> None:
    made = report(application(outcome="degraded"), application("b"))
    before = copy.deepcopy(made)
    render(made)
    assert made == before


def test_room_counts_what_escaping_costs() -> None:
    room = SizeBudget(20)
    assert room.take("<<<<<<<<", 100) == "<<<<< …"
    assert room.left < 4
    assert SizeBudget(4).take("яяя", 100) == "яя …"


@pytest.mark.parametrize("name", ["green", "red"])
def test_the_reports_of_the_docs_are_of_this_version(name: str) -> None:
    """The docs' pictures are drawn from these reports. If one lacks a field, a real run must write it again."""
    made = json.loads((DOCS / "reports" / f"{name}.json").read_text("utf-8"))
    Draft202012Validator(SCHEMA).validate(made)
    assert "shop" in render(made)


def draw(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with Signals() as signals:
        return command.execute(arguments, {}, said, signals), said.getvalue()


def test_the_command_draws_it_anew(tmp_path: Path) -> None:
    file = tmp_path / "argocd-release.json"
    file.write_text(json.dumps(made := report(application())), "utf-8")
    assert draw(str(file)) == (0, f"{tmp_path}/argocd-release.html\n")
    assert (tmp_path / "argocd-release.html").read_text("utf-8") == render(made)
    assert draw(str(file), str(tmp_path / "x.html"))[0] == 0
    assert (tmp_path / "x.html").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps(report(application()) | {"format": 1})])
def test_what_is_no_report_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text, "utf-8")
    exit_code, said = draw(str(file))
    assert exit_code == Outcome.SETTINGS.exit_code
    fields = fields_of(said, NO_PAGE)
    assert fields is not None
    assert fields["report"] == str(file)
    assert is_from(fields["error"], NO_JSON) or is_from(fields["error"], OTHER_VERSION)
    assert not (tmp_path / "report.html").exists()
    assert draw(str(tmp_path / "absent.json")) == (
        2,
        NO_PAGE.fill(report=f"{tmp_path}/absent.json", error="No such file or directory"),
    )
