"""The pages' sources: the same in both languages, no block typed in, every section of the guide answered."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from tests.docs.guide import LINKS
from tests.docs.pages import DOCS, ENGLISH_ONLY, LANGUAGES, ROOT, blocks, included, includes, names, text

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
# The words of Argo CD, Kubernetes, GitLab and the network, which no file of ours holds.
FOREIGN = {
    "chosen stage deploy does not exist",
    "rules config can't be blank",
    "environment name can't be blank",
    "provided value is not a string",
    "undefined need: …",
    "forward_deployment_failure",
    "project does not exist or you don't have sufficient permissions",
    "content not found",
    "This job is stuck",
    "unable to resolve … to a commit",
    "namespaces … not found",
    "helm template",
    "kustomize build",
    "BackoffLimitExceeded",
    "pull access denied",
    "connection refused",
    "no such host",
    "x509: certificate signed by unknown authority",
    "x509: certificate is valid for …, not …",
    "failed with status code 502",
    "failed with status code 404",
    "invalid session: Token is expired",
    "account … does not have token with id …",
    "no session information",
    "app is not allowed in project …",
    "InvalidSpecError: …",
    "no pod can be created — … exceeded quota …",
    "CrashLoopBackOff, exit code …",
    "CreateContainerConfigError",
    "permission denied: projects, get, …",
    "failed calling webhook …",
    "error looking up service account …",
    "Readiness probe failed: …",
}


# Phrases that read as translated, and what stands for them.
AWKWARD = {
    "en": {
        r"of the truth being known": "as soon as it is known",
        r"mistakes are said": "names all",
        r"the token may not": "the token has no right to",
        r"\bis no YAML": "is not valid YAML",
        r"would else|\btwo records else\b": "otherwise",
        r"two times `": "`yes` twice",
        r"^In sum\b": "say it",
    },
    "ru": {
        r"[A-Za-z]['’][а-яё]": "no apostrophe: хука, merge request",
        r"токену нельзя": "не хватает прав",
        r"\b[Нн]азовите\b": "укажите",
        r"просите меньше": "уменьшите requests",
        r"\bсильнее\b": "приоритетнее",
        r"тег не отправ": "образа с таким тегом нет в registry",
        r"ожидаемого уже не": "ожидаемая версия уже не появится",
        r"едет как": "передаётся через",
        r"[a-z][а-яё]|[а-яё][a-z]": "one alphabet a word",
        r"\b[Пп]апк": "каталог",
        r"\bсуди[тл]": "оценивать",
        r"[Зз]апрос[а-я]* на слияние": "merge request",
        r"[а-яё,] namespace(?!/)\b": "неймспейс",
    },
}


def awkward(language: str) -> list[str]:
    """Return the lines of a page or of its generated parts that read like a translation."""
    files = [*(DOCS / language).rglob("*.md"), *(DOCS / "generated").glob(f"*.{language}.md")]
    return [
        f"{file.relative_to(DOCS)}:{number}: {line.strip()[:90]}: rather {rather}"
        for file in files
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        for phrase, rather in AWKWARD[language].items()
        if re.search(phrase, line)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_reads_as_translated(language: str) -> None:
    assert awkward(language) == []


def test_what_reads_as_translated_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "x.md").write_text("два hook'а и один webхук\n")
    monkeypatch.setattr("tests.docs.test_pages.DOCS", tmp_path)
    assert [line.rpartition("rather ")[2] for line in awkward("ru")] == [
        "no apostrophe: хука, merge request",
        "one alphabet a word",
    ]


def test_each_page_is_there_in_both_languages() -> None:
    assert names("en") == names("ru")
    assert len(names("en")) >= 25


@pytest.mark.parametrize("name", names())
def test_both_languages_include_the_same_files_in_the_same_order(name: str) -> None:
    assert includes("en", name) == includes("ru", name)


@pytest.mark.parametrize("name", names())
def test_both_languages_have_the_same_shape(name: str) -> None:
    """Headings by level, rows of tables, items of lists, links; their words are what differs."""
    patterns = (r"^#+(?= )", r"^\|(?= )", r"^ *- \[ \]", r"^!!! \w+", r"^\d+\.(?= )")
    flags = re.MULTILINE
    english, russian = ([re.findall(pattern, text(lang, name), flags) for pattern in patterns] for lang in LANGUAGES)
    assert english == russian
    assert sorted(LINK.findall(text("en", name))) == sorted(LINK.findall(text("ru", name)))


@pytest.mark.parametrize("name", names())
def test_each_page_is_in_its_own_language(name: str) -> None:
    english, russian = text("en", name), text("ru", name)
    assert not CYRILLIC.search(english), name
    assert bool(CYRILLIC.search(russian)) is (name not in ENGLISH_ONLY)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", names())
def test_no_block_is_typed_into_a_page(language: str, name: str) -> None:
    for kind, content in blocks(language, name):
        assert kind in {"yaml", "sh", "text", "xml", "json"}, f"{name}: {kind!r}"
        assert re.fullmatch(r'--8<-- "[^"]+"', content), f"{name}: {content[:80]}"
    assert text(language, name).count("```") == 2 * len(blocks(language, name)), f"{name}: a block of another form"


def test_a_block_that_is_typed_in_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for language in LANGUAGES:
        (tmp_path / language).mkdir()
        (tmp_path / language / "x.md").write_text("# X\n\n```sh\nrm -rf /\n```\n")
    monkeypatch.setattr("tests.docs.pages.DOCS", tmp_path)
    with pytest.raises(AssertionError):
        test_no_block_is_typed_into_a_page("en", "x.md")


@pytest.mark.parametrize("language", LANGUAGES)
def test_troubleshooting_has_each_cause_once(language: str) -> None:
    page = text(language, "troubleshooting.md")
    for code in CauseCode:
        assert page.count(f"{{#{code.word}}}") + page.count(f'id="{code.word}"') == 1, code


@pytest.mark.parametrize("language", LANGUAGES)
def test_troubleshooting_has_each_exit_code(language: str) -> None:
    page = text(language, "troubleshooting.md")
    for outcome in Outcome:
        assert f"`exit code {outcome.exit_code}`" in page


def own_words() -> str:
    files = [*(ROOT / "plugin").rglob("*.py"), *(ROOT / "plugin").rglob("*.json")]
    files += [*(DOCS / "logs").glob("*.log"), *(ROOT / "tests" / "cases").glob("*/log.txt")]
    files += (ROOT / "tests" / "contract" / "recorded").rglob("*.json")
    # A text that goes on in the next line of its source.
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(file.read_text("utf-8") for file in files))


def messages(language: str) -> list[str]:
    """Return the messages that the tables of the troubleshooting page quote."""
    rows = re.findall(r"^\| `([^|]+)`(?:\{#[\w-]+\})? \| [^|]+\|$", text(language, "troubleshooting.md"), re.MULTILINE)
    return [row for row in rows if not row.startswith("exit code")]


@pytest.mark.parametrize("message", messages("en"))
def test_troubleshooting_quotes_what_the_log_says(message: str) -> None:
    """Each part between the dots is in our source or in a real log."""
    assert message in messages("ru")
    if message in FOREIGN:
        return
    words = own_words()
    for part in re.split(r"…|[A-Z]+_[A-Z_]+|: (?=must)|(?<=Deployment)/|\(2 attempts", message):
        assert part.strip(" ,:()") in words, part


def test_the_version_of_the_examples_is_not_the_past() -> None:
    """Every example includes this version, so no page describes it as the earlier one."""
    for language in LANGUAGES:
        (header,) = re.findall(r"^\| .*0\.2\.0 \|$", text(language, "guides/migrating.md"), re.MULTILINE)
        assert header.split("|")[2].split()[-1] == "0.2.0"


def test_links_of_the_guide_are_on_the_links_page() -> None:
    for language in LANGUAGES:
        found = LINK.findall(text(language, "links.md"))
        assert set(LINKS) <= set(found)
        assert len(found) == len(set(found))
        for target in found:
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme == "https"
                assert parts.netloc in {"argo-cd.readthedocs.io", "docs.gitlab.com", "github.com"}
                assert re.fullmatch(r"/[\w./-]+", parts.path)
                assert not parts.query
            else:
                assert (DOCS / language / target).exists()


def test_pictures_are_of_their_present_sources() -> None:
    """If a log or a diagram has changed, draw it again with bin/pictures."""
    command = [sys.executable, "bin/pictures.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_log_has_its_place() -> None:
    shown = {path for _, path in included()}
    logs = {f"docs/logs/{file.name}" for file in (DOCS / "logs").glob("*.log")}
    assert logs - shown == set(), "show them on a page, in both languages"
    assert len(logs) >= 9
