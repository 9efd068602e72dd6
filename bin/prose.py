#!/usr/bin/env python3
"""Check the English and Russian of this project, and draw samples of the English for a reader.

``bin/prose.py`` checks every text against the rules below. A folder fails if it has more findings
than ``bin/prose.json`` allows. ``--accept`` lowers the allowed numbers to today's and never raises
them. ``--sample 100`` prints that many random docstrings and comments, the same ones each time for
the same tree and ``--seed``.
"""

import argparse
import ast
import io
import json
import random
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
RATCHET: Final = Path(__file__).with_suffix(".json")
LONGEST_SENTENCE: Final = 30
CODE: Final = ("plugin/", "bin/", "sandbox/", "scenarios/", "benchmark/", "tests/")
GENERATED: Final = ("docs/en/changelog.md",)
#: Pages in Russian, and the generated tables that they include.
RUSSIAN: Final = re.compile(r"docs/(?:ru/.*|generated/[\w-]+\.ru)\.md")
#: The keys in YAML and JSON whose values are prose.
PROSE_KEYS: Final = frozenset({"description", "x-input-note"})
#: Each rule: its name, a pattern that matches a break of it, and advice for the writer.
RULES: Final = (
    (
        "opening",
        re.compile(r"^(?:Of|What|Whether|Whoever|Such)\b(?![^.?]*\?)"),
        "start with the subject or, in a docstring, with a verb",
    ),
    ("permission", re.compile(r"\bmay\b(?! not be the)"), "write 'can', 'must' or 'is not allowed to'"),
    ("actor", re.compile(r"\b(?:nobody|somebody|whoever|whomever|theirs)\b", re.IGNORECASE), "name the actor"),
    (
        "glossary",
        re.compile(
            r"\b(?:git's head|anew|looking once more|once more|not judged|gave no answer|to mend|mended|mends"
            r"|is to blame|patience|ripens?|strangers|kinship)\b",
            re.IGNORECASE,
        ),
        "use the word of the glossary in CONTRIBUTING.md",
    ),
)
#: The same for Russian. Argo CD's own terms (PostSync hook, sync wave) stay in Latin letters.
RUSSIAN_RULES: Final = (
    ("colour", re.compile(r"зел[её]н|красн", re.IGNORECASE), "write 'успех', 'успешный' or 'ошибка', 'неудачный'"),
    ("actor", re.compile(r"\b(?:никто|некому|кто-то|кто-нибудь|кому-то)\b", re.IGNORECASE), "name the actor"),
    (
        "glossary",
        re.compile(
            r"\b(?:приговор\w*|бед(?:а|ы|у|е|ой)|выкат\w*|лейбл\w*|релизи(?:ть?|те|м)"
            r"|вершин\w* (?:git|ветки)|рендер(?:а|у|ом|е)?|взгляд\w*)\b"
            # Only the noun in a sentence, not a part of a term, of a list or of a code.
            r"|(?<=[а-яё] )(?:sync|hooks?)(?![\w,-]| (?:policy|status|wave|window))|^(?:sync|hooks?) (?=[а-яё])"
            r"|(?<!admission )\bwebhook\b",
            re.IGNORECASE,
        ),
        "use the term of the Russian glossary in CONTRIBUTING.md",
    ),
)
_FENCE: Final = re.compile(r"^(?: {0,3}|\s*)(```|~~~).*?^\s*\1\s*$", re.MULTILINE | re.DOTALL)
_MARKUP: Final = re.compile(r"``[^`]*``|`[^`]*`|\{\{.*?\}\}|<[^<>]*>|\]\([^)]*\)|https?://\S+")
_SENTENCE_END: Final = re.compile(
    r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ`\"'(«])|\n\s*\n|\n\s*(?:[-*#|>]|\d+\.)\s*|\s\|\s|:\n"
    # The end of a sentence before an entry in a section of a docstring, such as "Args:".
    r"|(?<=[.!?])\n\s+(?=\w+: )"
)
_DIRECTIVE: Final = re.compile(r"^(?:noqa|type:|fmt:|!|-\*-|pragma|ruff:|renovate)")


@dataclass(frozen=True, kw_only=True)
class Text:
    """One piece of prose: a docstring, a comment, a paragraph of a page or a description."""

    path: str
    line: int
    kind: str
    text: str

    @property
    def folder(self) -> str:
        """Return the folder of the file, for which findings are counted."""
        return str(Path(self.path).parent)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One place that breaks a rule."""

    text: Text
    rule: str
    sentence: str
    instead: str

    def __str__(self) -> str:
        return f"{self.text.path}:{self.text.line}: {self.rule}: {self.instead}: {self.sentence[:110]!r}"


def main() -> int:
    """Run the check or print a sample; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="print every finding of these files, allowed or not")
    parser.add_argument("--accept", action="store_true", help="lower the allowed numbers to today's")
    parser.add_argument("--sample", type=int, metavar="N", help="print N random docstrings and comments of the product")
    parser.add_argument("--seed", type=int, default=28)
    arguments = parser.parse_args()
    texts = list(all_texts())
    if arguments.sample:
        print_sample(texts, arguments.sample, arguments.seed)
        return 0
    findings = [finding for text in texts for finding in check(text)]
    if arguments.files:
        chosen = [finding for finding in findings if finding.text.path in arguments.files]
        print("\n".join(map(str, chosen)))
        return int(bool(chosen))
    return hold(findings, accept=arguments.accept)


def hold(findings: list[Finding], *, accept: bool) -> int:
    """Compare the findings of each folder with the allowed number; return the exit code."""
    allowed: dict[str, int] = json.loads(RATCHET.read_text("utf-8")) if RATCHET.exists() else {}
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.text.folder] = counts.get(finding.text.folder, 0) + 1
    if accept:
        lowered = {folder: min(count, allowed.get(folder, 0) if allowed else count) for folder, count in counts.items()}
        kept = {folder: count for folder, count in sorted(lowered.items()) if count}
        RATCHET.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(f"{RATCHET.name}: {sum(kept.values())} findings are allowed")
        return 0
    worse = [folder for folder, count in counts.items() if count > allowed.get(folder, 0)]
    for folder in worse:
        print(f"{folder}: {counts[folder]} findings, {allowed.get(folder, 0)} allowed; rewrite some of them")
        print("\n".join(f"  {finding}" for finding in findings if finding.text.folder == folder))
    if not worse:
        print(f"prose: {len(findings)} findings, {sum(allowed.values())} allowed")
    return int(bool(worse))


def check(text: Text) -> Iterator[Finding]:
    """Yield the findings in one text."""
    rules = RUSSIAN_RULES if RUSSIAN.fullmatch(text.path) else RULES
    for sentence in sentences(text.text):
        for rule, pattern, instead in rules:
            if pattern.search(sentence):
                yield Finding(text=text, rule=rule, sentence=sentence, instead=instead)
        if len(sentence.split()) > LONGEST_SENTENCE:
            instead = f"split this sentence of {len(sentence.split())} words"
            yield Finding(text=text, rule="length", sentence=sentence, instead=instead)


def sentences(text: str) -> list[str]:
    """Split prose into sentences, with code, links and markup taken out."""
    plain = _MARKUP.sub("X", _FENCE.sub("\n\n", text))
    parts = (" ".join(part.split()).strip(" *_#>|-") for part in _SENTENCE_END.split(plain) if part)
    return [part for part in parts if len(part.split()) > 1]


def all_texts() -> Iterator[Text]:
    """Yield every English and Russian text of the tracked files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    for path in sorted(filter(None, listed)):
        if path in GENERATED or not (ROOT / path).is_file():
            continue
        if path.startswith(CODE) and is_python(path):
            yield from of_python(path)
        elif is_page(path):
            yield from of_markdown(path)
        elif path.startswith(("component/", "plugin/")) and path.endswith((".yml", ".json")):
            yield from of_data(path)


def is_page(path: str) -> bool:
    """Return True for the pages in both languages and for the files that a contributor reads first."""
    english = path in {"README.md", "CONTRIBUTING.md"} or (path.startswith("docs/en/") and path.endswith(".md"))
    return english or bool(RUSSIAN.fullmatch(path))


def is_python(path: str) -> bool:
    """Return True for modules and for scripts that name Python in their first line."""
    if path.endswith(".py"):
        return True
    with (ROOT / path).open("rb") as file:
        return Path(path).suffix == "" and b"python3" in file.readline()


def of_python(path: str) -> Iterator[Text]:
    """Yield the docstrings and comments of a module; neighbouring comment lines are one text."""
    source = (ROOT / path).read_text("utf-8")
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node)
            if documented:
                yield Text(path=path, line=node.body[0].lineno, kind="docstring", text=documented)
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        words = token.string.lstrip("#: ").strip()
        if _DIRECTIVE.match(words):
            continue
        if block and token.start[0] != last + 1:
            yield Text(path=path, line=first, kind="comment", text=" ".join(block))
            block = []
        first = first if block else token.start[0]
        last = token.start[0]
        block.append(words)
    if block:
        yield Text(path=path, line=first, kind="comment", text=" ".join(block))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and every statement in it. No expression holds a documented definition, so none is searched."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from statements(child)


def of_markdown(path: str) -> Iterator[Text]:
    """Yield the paragraphs of a page."""
    text = _FENCE.sub(lambda fence: "\n" * fence.group().count("\n"), (ROOT / path).read_text("utf-8"))
    line = 1
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            yield Text(path=path, line=line, kind="paragraph", text=paragraph)
        line += paragraph.count("\n") + 2


def of_data(path: str) -> Iterator[Text]:
    """Yield the descriptions in a YAML or JSON file."""
    header = (ROOT / path).read_text("utf-8").partition("\n---\n")[0]
    for text in described(yaml.load(header, yaml.CSafeLoader)):
        yield Text(path=path, line=1, kind="description", text=text)


def described(node: Any) -> Iterator[str]:
    """Yield the values of the keys that hold prose, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in PROSE_KEYS and isinstance(value, str):
                yield value
            else:
                yield from described(value)
    elif isinstance(node, list):
        for value in node:
            yield from described(value)


def print_sample(texts: list[Text], count: int, seed: int) -> None:
    """Print random docstrings and comments of the product, numbered, with their places."""
    code = [text for text in texts if text.path.startswith("plugin/") and text.kind in {"docstring", "comment"}]
    chosen = random.Random(seed).sample(code, min(count, len(code)))  # noqa: S311 - a sample for a reader
    for number, text in enumerate(chosen, 1):
        print(f"{number}. {text.path}:{text.line} ({text.kind})\n   {' '.join(text.text.split())}\n")


if __name__ == "__main__":
    sys.exit(main())
