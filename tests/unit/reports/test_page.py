"""Test the HTML page: its content, its size, and the things that it allows a browser to do."""

import base64
import copy
import hashlib
import html
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
from argocd_release.messages.reports import PROVEN
from argocd_release.messages.verdict import IMAGE
from argocd_release.model.outcome import Outcome
from argocd_release.release.signals import Signals
from argocd_release.reports.json_report import SCHEMA
from argocd_release.reports.page import render
from argocd_release.reports.page.chart import SizeBudget
from argocd_release.reports.page.language import entry, russian, translated
from tests.support.hostile import HOSTILE, MARKUP
from tests.support.reports import SHA, application, report, span
from tests.support.wording import fields_of, is_from

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
DOCS = Path(__file__).parents[3] / "docs"
ONE_LIMIT, MANY_LIMIT, HOOK_LOGS_LIMIT = 20_000, 300_000, 50_000
WORST = " ".join([*MARKUP, *(text for text in HOSTILE if isinstance(text, str) and len(text) < 1000), "\"'<>&" * 2000])


# The links of a report to GitLab (tests/support/reports.py).
KNOWN_LINKS = {
    *report(application())["links"].values(),
    *application()["changes"]["commits"],
} - {"https://docs.example.com"} | {"https://docs.example.com/troubleshooting/#crash-loop"}


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its whole text."""

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
    for words in ("Deployment/api crashes", "mend it", "crash-loop", "PreSync Job/migrate",
                  "CrashLoopBackOff", "fatal: no database", "11111111", "3f2c1ab0", "2 configured"):  # fmt: skip
        assert words in text, words


def test_it_is_small_whatever_it_is_told() -> None:
    assert len(drawn(application(outcome="degraded", text=WORST)).encode()) <= ONE_LIMIT
    assert len(drawn(application(outcome="degraded", text="я" * 3000)).encode()) <= ONE_LIMIT
    harmless = [application(f"shop-{number}", "delivered") for number in range(180)]
    broken = [application(f"bad-{number}", "degraded", text=WORST) for number in range(200)]
    # Do not check the schema for two hundred applications: that takes seconds, and one of them has passed it above.
    assert len(render(report(*broken[:20], *harmless)).encode()) <= MANY_LIMIT
    assert len(render(report(*broken)).encode()) <= MANY_LIMIT


def test_the_logs_of_hooks_are_on_the_page_and_limited() -> None:
    logs = [
        {"hook": f"PreSync hook Job/a-{number}", "pod": "a-x", "container": "a", "left_out": 0,
         "lines": [f"{WORST[:200]} line {line} of {number}" for line in range(1000)]}
        for number in range(20)
    ]  # fmt: skip
    few = [{"hook": "PostSync hook Job/b", "pod": "b-x", "container": "b", "left_out": 0, "lines": ["only line"]}]
    assert "only line" in drawn(application(hook_logs=few))
    page = drawn(application(hook_logs=logs))
    assert "line 999 of 0" in page
    assert len(page.encode()) <= ONE_LIMIT + HOOK_LOGS_LIMIT
    assert "<script" not in page


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
        "link",
        "base",
        "object",
        "embed",
        "video",
        "textarea",
    }
    # The switch of the language consists of radio buttons, which need no form and no script.
    inputs = [(given["type"], given["id"]) for tag, given in page.found if tag == "input"]
    assert inputs == [("radio", "en"), ("radio", "ru")]
    attributes = [(name, value) for _, given in page.found for name, value in given.items()]
    assert not [name for name, _ in attributes if name.startswith("on") or name in {"src", "style", "srcset"}]
    assert {value for name, value in attributes if name == "href" and not str(value).startswith("#")} == KNOWN_LINKS
    assert sum(tag == "style" for tag, _ in page.found) == 1
    # In addition, the policy of the page tells the browser to load and run nothing.
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
    links = {given.get("href") for tag, given in Elements(drawn(application(outcome="degraded"))).found if tag == "a"}
    assert links >= KNOWN_LINKS
    assert "https://argocd.example.com/applications/shop" in links
    assert any("/-/compare/1111" in str(link) for link in links)


def plain(page: str, language: str) -> str:
    """Return the text of the page that a reader of one language sees, with single spaces."""
    other = "ru" if language == "en" else "en"
    shown = re.sub(rf"<i lang={other}>.*?</i>", "", page[page.index("</header>") :])
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def test_the_last_log_lines_are_between_the_cause_and_the_next_step() -> None:
    broken = application(outcome="degraded")
    lines = [f"line {number}" for number in range(30)]
    broken["logs"] = [
        {"pod": "other", "container": "sidecar", "previous": False, "lines": ["nothing to see"]},
        {"pod": "api-x", "container": "api", "previous": True, "lines": lines},
    ]
    broken["cause"]["message"] = "Pod/api-x: CrashLoopBackOff"
    text = plain(drawn(broken), "en")
    order = ["CrashLoopBackOff", "Last lines of Pod/api-x", "Earlier lines: 22", "line 29", "mend it", "nothing to see"]
    assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)


def test_without_a_log_the_reason_is_below_the_cause() -> None:
    broken = application(outcome="degraded") | {"logs": []}
    text = plain(drawn(broken), "en")
    assert text.index("cannot show the logs of pods: denied") < text.index("mend it")


def test_a_row_that_does_not_fit_is_counted_and_not_cut() -> None:
    long = application()
    row = long["changes"]["resources"][0]
    names = [f"configuration-of-a-service-{number}" for number in range(100)]
    long["changes"] |= {"resources": [row | {"name": name} for name in names], "count": 100}
    page = drawn(long)
    shown = re.findall(r"<td>Deployment/(.*?)</td>", page)
    assert 10 < len(shown) < 100
    assert shown == names[: len(shown)]
    assert f"and {100 - len(shown)} more" in plain(page, "en")


def test_a_failure_shows_the_expectation_beside_the_state() -> None:
    broken = application(outcome="degraded")
    broken["expectation"] = {"wait_for": ["health", "operation", "sync"], "revision": "c0ffee1", "image": "8be41d7"}
    broken["cause"]["code"] = "other-revision"
    broken["state"] |= {
        "sync": "OutOfSync",
        "operation": {
            "phase": "Failed",
            "message": "",
            "revisions": [SHA],
            "started_at": "",
            "finished_at": "",
            "retries": 1,
        },
    }
    page = drawn(broken)
    text = plain(page, "en")
    assert "revision c0ffee1 3f2c1ab0" in text
    assert "image 8be41d7 api:2" in text
    assert "sync status Synced OutOfSync" in text
    assert "last sync Succeeded Failed, attempt 2" in text
    assert "health Healthy Degraded" in text
    assert "runs now web:1 old version still serves hooks none ran" in text
    assert "прежняя версия по-прежнему обслуживает запросы хуки не запускались" in plain(page, "ru")
    assert "последняя синхронизация Succeeded Failed, попытка 2" in plain(page, "ru")
    assert "Expected" not in plain(drawn(application()), "en"), "a success has its proof instead"


def test_an_expectation_of_another_state_is_met_by_that_state() -> None:
    broken = application(outcome="degraded")
    broken["expectation"] = {"wait_for": ["suspended"], "chart_version": "1.2.3"}
    broken["state"] |= {"health": "Suspended", "revisions": ["1.2.2"]}
    text = plain(drawn(broken), "en")
    assert "chart version 1.2.3 1.2.2 health Suspended Suspended" in text
    assert "Synced Synced" not in text


def test_a_first_release_is_named_and_not_compared_with_itself() -> None:
    fresh = application()
    fresh["changes"] |= {"first": True, "revisions_before": [], "images_before": [], "compare": []}
    text = plain(drawn(fresh), "en")
    assert "3f2c1ab0 first release" in text
    assert "unchanged" not in text
    again = application()
    again["changes"] |= {"revisions_before": [SHA], "compare": []}
    assert "3f2c1ab0 unchanged" in plain(drawn(again), "en")


def test_spans_without_duration_are_hidden_unless_they_failed() -> None:
    quick = application()
    quick["spans"] = [
        span("rollout", "Deployment/short", 3.1, 3.1, "Healthy"),
        span("hook", "PreSync Job/broken", 3.1, 3.1, "Failed"),
        span("rollout", "Deployment/long", 3.1, 9.0, "Healthy"),
    ]
    quick["counts"]["spans"] = 3
    text = plain(drawn(quick), "en")
    assert "Deployment/short" not in text
    assert "Job/broken" in text
    assert "Deployment/long Healthy · 5.9 s 3.1–9.0" in text
    assert "0.0 s 3.1" not in text.replace("Failed · 0.0 s", "")
    assert "and 1 more" not in text


def test_the_attempts_of_a_sync_are_counted_from_one() -> None:
    retried = application(outcome="sync-failed")
    retried["spans"] = [
        span("sync", "sync", 0.8, 3.1, "Failed"),
        span("sync", "sync, attempt 2", 8.0, None, "Running"),
    ]
    text = plain(drawn(retried), "en")
    assert "sync, attempt 1 Failed" in text
    assert "sync, attempt 2 Running" in text
    assert "синхронизация, попытка 1 Failed" in plain(drawn(retried), "ru")


def test_phases_are_in_words() -> None:
    text = plain(drawn(application()), "en")
    assert (
        "comparing with git 0.8 s syncing 2.3 s becoming Healthy 38.6 s confirming 0.4 s writing reports 1.4 s" in text
    )
    assert "becoming Healthy, not reached 39.0 s looking for the cause" in plain(
        drawn(application(outcome="degraded")), "en"
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_a_page_has_both_languages(outcome: Outcome) -> None:
    page = drawn(application(outcome=outcome.word))
    assert CYRILLIC.search(plain(page, "en")) is None
    # The names of objects, and the words of Argo CD and of the programs, are in no language of ours.
    russian = plain(page, "ru")
    assert CYRILLIC.search(russian)
    for word in ("Timeline", "What changed", "Evidence", "Cause", "Expected", "took", "until the end"):
        assert word not in russian


def test_the_setting_selects_the_language_in_which_the_page_opens() -> None:
    for language, title in (("en", "Release failed: shop"), ("ru", "Релиз не удался: shop")):
        page = Elements(drawn(application(outcome="degraded"), language=language))
        assert ("html", {"lang": language}) in page.found
        checked = [given["id"] for tag, given in page.found if tag == "input" and "checked" in given]
        assert checked == [language]
        assert title in page.text


def test_the_proof_is_translated_with_the_values_in_it() -> None:
    proven = application()
    proven["proof"] = PROVEN.fill(expected=IMAGE.fill(image="web:1.2"))
    assert "Доказано: ожидаемая версия работает, образ web:1.2." in plain(drawn(proven), "ru")
    unknown = application() | {"proof": "Something else."}
    assert "Something else." in plain(drawn(unknown), "ru"), "a text without translation stays English"


@pytest.mark.parametrize("name", russian()["texts"])
def test_each_translation_is_found_by_its_english_text(name: str) -> None:
    """An earlier entry with a similar text must not take its place."""
    field = re.compile(r"\{(\w+)\}|<([A-Z_]+)(?:=\w+)?>")

    def filled(text: str) -> str:
        return field.sub(lambda found: f"«{found[1] or found[2]}»", text)

    assert translated(filled(entry(name))).ru == filled(russian()["texts"][name])


def test_a_hint_keeps_the_name_of_the_input() -> None:
    hint = entry("causes.HINTS.no-such-source").replace("<RELEASE_SOURCE>", "the input source")
    assert translated(hint).ru == "задайте параметр source — один из источников, которые названы в сообщении"


def test_hostile_fields_stay_text_in_both_languages() -> None:
    text = translated(PROVEN.fill(expected=IMAGE.fill(image="{head} <b>{0}</b>")))
    assert text.ru == "Доказано: ожидаемая версия работает, образ {head} <b>{0}</b>."
    assert "<b>" not in text.__html__()


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
    """The pictures in the documentation show these reports. If a field is missing, a real run must write them again."""
    made = json.loads((DOCS / "reports" / f"{name}.json").read_text("utf-8"))
    Draft202012Validator(SCHEMA).validate(made)
    page = render(made)
    assert "shop" in page
    assert len(page.encode()) <= ONE_LIMIT


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
