"""The way of a new user, by the pages alone and in each language: account, token, variables, green, red, cause found.

Every block is taken from the page that shows it, in the page's order; the pipeline runs in the image, by
gitlab-ci-local.
"""

import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from tests.docs.installation import APPLICATION, Installation
from tests.docs.pages import LANGUAGES, ROOT, built, includes, text
from tests.support.docker_engine import Engine
from tests.support.gitlab_ci_local import Consumer

START = "getting-started.md"
TROUBLE = "troubleshooting.md"
DOCS = {"en": "https://docs.example.com", "ru": "https://docs.example.com/ru"}
ROW = re.compile(r"^\| `([^|]+)`(?:\{#([\w-]+)\})? \| ([^|]+) \|$", re.MULTILINE)


@dataclass
class Watch:
    """How long each step took."""

    seconds: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def step(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self.since = now - self.since, now


def section(language: str, name: str, anchor: str) -> str:
    """Return the text below the heading, to the next heading of its level."""
    page = text(language, name)
    found = re.search(rf"^(#+) .*\{{#{anchor}\}}$", page, re.MULTILINE) or re.search(
        rf"^(#+) {anchor.replace('-', '[ .,]+')}$", page, re.MULTILINE | re.IGNORECASE
    )
    assert found, anchor
    return re.split(rf"^#{{1,{len(found[1])}}} ", page[found.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def shown(part: str) -> list[str]:
    """Return the files that a part of a page includes, in order."""
    return re.findall(r'--8<-- "([^"]+)"', part)


def variables(language: str) -> list[str]:
    return re.findall(r"^\| `(ARGOCD_\w+)` \|", section(language, START, "4-set-the-variables"), re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_nothing_to_the_cause_of_a_red_job(
    installation: Installation, engine: Engine, site: Path, tmp_path: Path, language: str
) -> None:
    watch, me = Watch(), replace(installation, folder=tmp_path)

    # The account: each file under the name that the page gives it, then the command.
    *files, command, check = shown(account := section(language, START, "2-create-the-account"))
    for name, file in zip(re.findall(r"`([\w-]+\.yaml)`", account), files, strict=True):
        (tmp_path / name).write_text((ROOT / file).read_text("utf-8"))
    assert me.run(Path(command).name, as_admin=True).count("patched") == 2
    assert me.run(Path(check).name, as_admin=True).split() == ["Yes", "Yes"]
    watch.step("account")

    # The token: logged in as the page that is linked says, and no other way.
    (login,) = shown(section(language, "guides/argocd-account.md", "log-in"))
    me.run(Path(login).name, stdin="y\n", ARGOCD_OPTS="")
    (command,) = shown(section(language, START, "3-generate-the-token"))
    # The account has a token of that name already, which the other tests of the pages use.
    token = me.run(Path(command).name, change=lambda typed: typed.replace("--id gitlab", f"--id {language}")).strip()
    watch.step("token")

    # The group's variables: those of the table; the certificate is a private authority's.
    values = {
        "ARGOCD_SERVER": me.sandbox.server,
        "ARGOCD_AUTH_TOKEN": token,
        "ARGOCD_OPTS": "--grpc-web --server-crt /argocd.crt",
    }
    group = {name: values[name] for name in variables(language)} | {"ARGOCD_RELEASE_DOCS_URL": DOCS[language]}
    (pipeline,) = shown(section(language, START, "6-include-the-job"))
    consumer = Consumer.create(tmp_path, (ROOT / pipeline).read_text("utf-8"))
    assert yaml.safe_load((ROOT / pipeline).read_text("utf-8"))["include"][0]["inputs"]["application"] == APPLICATION
    watch.step("variables")

    me.push(tag=consumer.short_sha())
    green = consumer.run_in(engine, group, me.sandbox.certificate)
    assert green.returncode == 0, green.stdout + green.stderr
    assert "RELEASE SUCCESSFUL" in green.stdout
    watch.step("green")

    consumer.git(consumer.folder, "commit", "--quiet", "--allow-empty", "--message", "something broken")
    me.push(tag=consumer.short_sha(), fate="image-pull")
    red = consumer.run_in(engine, group, me.sandbox.certificate)
    log = red.stdout + red.stderr
    assert red.returncode != 0, log
    watch.step("red")

    # The cause: by the link of the log, and by the page alone, from the exit code.
    (address,) = set(re.findall(r"help: (\S+)", log))
    place, _, anchor = address.partition("#")
    assert place == f"{DOCS[language]}/troubleshooting/"
    assert anchor in built(site, language, TROUBLE).ids
    (advice,) = [words for _, code, words in ROW.findall(text(language, TROUBLE)) if code == anchor]
    code = re.search(r"Exit code: +(\d+)", log)
    cause = re.search(r"cause: (.*)", log)
    assert code
    assert cause
    rows = ROW.findall(section(language, TROUBLE, f"exit-code-{code[1]}"))
    matching = [words for message, _, words in rows if all(part.strip() in cause[1] for part in message.split("…"))]
    assert matching == [advice]
    watch.step("cause")
    print(f"{language}: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in watch.seconds.items()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_step_says_what_you_should_see(language: str) -> None:
    page, words = text(language, START), {"en": "**You should see**", "ru": "**Вы увидите**"}[language]
    steps = re.split(r"^## \d\. ", page, flags=re.MULTILINE)[2:]
    assert len(steps) == 6
    assert [step.partition("\n")[0] for step in steps if words not in step] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_way_shows_every_block_of_the_page(language: str) -> None:
    """The tested steps are all steps that the page gives a new user."""
    anchors = ["2-create-the-account", "3-generate-the-token", "5-run-the-doctor", "6-include-the-job"]
    walked = [file for anchor in anchors for file in shown(section(language, START, anchor))]
    assert walked == includes(language, START)
    assert variables(language) == ["ARGOCD_SERVER", "ARGOCD_AUTH_TOKEN", "ARGOCD_OPTS"]
