"""The site's generated parts of bin/generate, from small examples."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from scenarios import SCENARIOS
from tests.docs.pages import ROOT


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    spec = importlib.util.spec_from_file_location("benchmarks", ROOT / "bin" / "benchmarks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmarks", module)
    spec.loader.exec_module(module)
    return module


def measured() -> dict[str, object]:
    plain = {
        "verdict": "timed-out",
        "right": False,
        "seconds": 45.2,
        "cpu_seconds": 0.5,
        "peak_mb": 105,
        "requests": 12,
    }
    ours = {"verdict": "degraded", "right": True, "seconds": 17.6, "cpu_seconds": 0.9, "peak_mb": 151, "requests": 40}
    crash = {"name": "crash-loop", "title": "Crash loop", "title_ru": "crash loop", "expected": "degraded"}
    moved = {
        "name": "moved",
        "title": "RELEASE_A | in its title",
        "title_ru": "RELEASE_A | в заголовке",
        "expected": "delivered",
    }
    return {
        "argocd": "v2.13.2",
        "argocd-release": "0.1.0",
        "date": "2026-11-24",
        "runs": 1,
        "timeout": 45,
        "scenarios": [
            crash | {"tools": {"plain": plain, "argocd-release": ours}},
            moved | {"tools": {"argocd-release": ours | {"verdict": "delivered", "seconds": 2.04, "peak_mb": 120}}},
        ],
    }


def test_without_measurements_there_is_no_page(generator: ModuleType, tmp_path: Path) -> None:
    assert generator.pages(tmp_path) == {}


def test_the_page_of_the_benchmark(generator: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "benchmark.json").write_text(json.dumps(measured()))
    pages = generator.pages(tmp_path)
    assert set(pages) == {
        f"docs/{name}" for lang in ("en", "ru") for name in (f"{lang}/benchmarks.md", f"generated/measured.{lang}.md")
    }
    assert "wrong in 1, in 0 of them green" in pages["docs/generated/measured.en.md"].replace("\n", " ")
    english = pages["docs/en/benchmarks.md"]
    assert "On 2026-11-24 we ran 2 scenarios on a real Argo CD v2.13.2, with argocd-release 0.1.0." in english
    assert "|  | plain script | argocd-release |" in english
    assert "| right verdict | 0 / 1 | 1 / 1 |" in english
    assert "| right verdict | 0 / 0 | 1 / 1 |" in english
    assert "| seconds, all scenarios together | 45 | 18 |" in english
    assert "| peak memory, MB | 105 | 151 |" in english
    assert "| Crash loop | degraded | ✗ timed-out, 45.2 s | ✓ degraded, 17.6 s |" in english
    assert r"| RELEASE_A \| in its title | delivered |  | ✓ delivered, 2.0 s |" in english
    russian = pages["docs/ru/benchmarks.md"]
    assert "## Общая часть {#common-ground}" in russian
    assert "| crash loop | degraded |" in russian
    assert "|  | простой скрипт | argocd-release |" in russian


def test_the_tables_of_large_groups_and_many_jobs(generator: ModuleType, tmp_path: Path) -> None:
    about = {"argocd": "v2.13.2", "argocd-release": "0.1.0", "date": "2026-11-24", "cores": 2}
    cost = {
        "started_cpu": 5.2,
        "cpu_share": 0.139,
        "requests": 3036,
        "poll_kilobytes": 7739.4,
        "peak_mb": 102,
        "late": 4.5,
    }
    runs = [{"applications": 1000, "chosen": chosen, **cost} for chosen in ("a selector for all", "3 names")]
    rates = {"wait": {"mean": 2.5, "peak": 9}}
    at_once = {"jobs": 100, "applications": 50, "start_seconds": 70, "wrong": ["web-1: 20"], "rates": rates}
    sizes = {"before": {"server_mb": 100, "server_files": 40}, "after": {"server_mb": 101, "server_files": 41}}
    soak = {"jobs": 500, "seconds": 800, "files_left": ["x"], "processes_left": 3, "jobs_failed": 2}
    (tmp_path / "docs").mkdir()
    for path, document in {
        generator.RECORDED_PATH: about | {"resources": 10, "load": 0.5, "runs": runs},
        generator.JOBS_PATH: {"at_once": about | at_once, "soak": about | soak | sizes},
    }.items():
        (tmp_path / path).write_text(json.dumps(document), "utf-8")
    pages = generator.pages(tmp_path)
    assert "| 1000 | 5.2 s | 13.9 % of a core | 3036 | 7739 | 102 | 4.5 s |" in pages["docs/generated/curve.en.md"]
    assert "| 3 names, on a server of 1000 | 5.2 s |" in pages["docs/generated/curve.en.md"]
    english = pages["docs/generated/jobs.en.md"]
    assert "100 jobs waited at the same time for 50 applications" in english
    assert "Wrong verdicts: 1. argocd-release 0.1.0" in english
    assert "| all jobs wait, and nothing changes | 2.5 | 9 |" in english
    assert "took 800 s. Wrong verdicts: 2. Temporary files left: 1. Processes left: 3." in english
    assert "| memory, MB | 100 | 101 |" in english
    assert pages.keys() == {
        f"docs/generated/{name}.{language}.md" for name in ("curve", "jobs") for language in ("en", "ru")
    }


def test_the_comparison_says_what_was_measured_of_many() -> None:
    measured = json.loads((ROOT / "docs" / "benchmark-sets.json").read_text("utf-8"))
    (most,) = (
        run
        for run in measured["runs"]
        if (run["situation"], run["applications"], run["tool"]) == ("delivered", 200, "argocd-release")
    )
    share = round(100 * most["cpu_seconds"] / most["seconds"])
    english, russian = ((ROOT / "docs" / language / "comparison.md").read_text("utf-8") for language in ("en", "ru"))
    assert f"200 in {most['peak_mb']} MB and {share} % of a core" in english
    assert f"200 — в {most['peak_mb']} МБ и {share} % ядра" in russian


def test_fields_of_a_report_by_their_path(generator: ModuleType) -> None:
    del generator
    from reference import report  # noqa: PLC0415 - found by the fixture's path

    schema = {
        "properties": {
            "format": {"const": 1, "description": "Of this report.", "x-description-ru": "Отчёта."},
            "pods": {"type": "array", "items": {"properties": {"name": {"type": "string"}}}},
            "seen": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"sync": {"$ref": "#/$defs/sync"}}}]},
        }
    }
    assert next(iter(report(schema, "ru"))) == ("`format`", "`1`", "Отчёта.")
    assert list(report(schema, "en")) == [
        ("`format`", "`1`", "Of this report."),
        ("`pods`", "array", ""),
        ("`pods[].name`", "string", ""),
        ("`seen`", "null or object", ""),
        ("`seen.sync`", "string", ""),
    ]


def test_scenarios_are_called_as_they_are_declared(generator: ModuleType) -> None:
    """In both languages: the record of the benchmark repeats what stood there when it was made."""
    measured = json.loads((ROOT / generator.PATH).read_text("utf-8"))
    shown = {each["name"]: (each["title"], each["title_ru"]) for each in measured["scenarios"]}
    declared = {name: (scenario.title, scenario.ru) for name, scenario in SCENARIOS.items()}
    assert shown == {name: declared[name] for name in shown}
    assert [name for name, (_, russian) in declared.items() if not russian] == []
