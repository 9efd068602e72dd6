"""Draw the pictures of the site in Chromium: Mermaid's diagrams, job logs as GitLab shows them, and report pages.

The pictures are committed, so building the site needs no Chromium. ``--check`` draws nothing. It fails if a picture is
older than its source, by the hashes in ``docs/pictures.json``.
"""

import argparse
import base64
import hashlib
import html
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from argocd_release.reports.page import render

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
STATE: Final = DOCS / "pictures.json"
CHROMIUM: Final = "/usr/bin/chromium"
LOGS: Final = ("delivered", "crash-loop")
PAGES: Final = ("green", "red")
LANGUAGES: Final = ("en", "ru")
# The widths in pixels of a screen and of a phone, and the maximum heights. The rest of a page needs no picture.
PAGE_SIZES: Final = {1280: 1000, 360: 1400}
# The preview of a link in a messenger. GitLab shows `logo.png` of the default branch as the project's avatar.
SOCIAL: Final = (1200, 630)
LOGO: Final = 192
MERMAID: Final = "12.3.0"
MERMAID_SHA256: Final = "be0684e8d20bfc874df12c0f04927a5c482f57f2200eec54cca52a4583fd4040"
# A log of this width in pixels is readable on a phone. It begins with the banner, which this line encloses.
LOG_WIDTH: Final = 400
RULE: Final = "=" * 45
# The colours of lines in GitLab's dark theme, for the codes that argocd-release prints (joblog.py).
PAINT: Final = (
    (re.compile(r"^(RELEASE SUCCESSFUL)$", re.MULTILINE), "#37b24d;font-weight:bold"),
    (re.compile(r"^(RELEASE FAILED|cause: .*)$", re.MULTILINE), "#ff7b72;font-weight:bold"),
    (re.compile(r"^(next: .*)$", re.MULTILINE), "#e3b341;font-weight:bold"),
    (re.compile(r"^(\$ .*)$", re.MULTILINE), "#56d4dd;font-weight:bold"),
)
# Labels are text in the SVG, which the style sheet of the site colours (docs/theme/assets/site.css). So the diagrams
# have a dark mode.
MERMAID_SETTINGS: Final = {
    "startOnLoad": False,
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False, "nodeSpacing": 16, "rankSpacing": 32, "padding": 6, "wrappingWidth": 260},
    "fontFamily": "sans-serif",
    "themeVariables": {"fontSize": "13px"},
    "deterministicIds": True,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        wrong = stale()
        print("".join(f"{name} is not of its present source, run: bin/dev pictures\n" for name in wrong), end="")
        return 1 if wrong else 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        draw_logs(browser)
        draw_pages(browser)
        draw_logos(browser)
        draw_diagrams(browser)
        browser.close()
    STATE.write_text(json.dumps(dict(sources()), indent=2) + "\n", "utf-8")
    return 0


def sources() -> Iterator[tuple[str, str]]:
    """Yield each picture with the hash of its source."""
    for name in LOGS:
        yield f"pictures/en/{name}.webp", digest(log_page((DOCS / "logs" / f"{name}.log").read_text("utf-8")))
    for name, language, width in product(PAGES, LANGUAGES, PAGE_SIZES):
        yield page_picture(name, language, width), digest(report_page(name, language))
    yield "../logo.png", digest(logo_page())
    yield "theme/assets/social.png", digest(social_page())
    for file in sorted((DOCS / "diagrams").glob("*.mmd")):
        yield f"diagrams/{file.stem}.svg", digest(file.read_text("utf-8") + json.dumps(MERMAID_SETTINGS))


def stale() -> list[str]:
    """Return the pictures that are missing or do not match their source."""
    drawn = json.loads(STATE.read_text("utf-8")) if STATE.exists() else {}
    return [name for name, source in sources() if drawn.get(name) != source or not (DOCS / name).exists()]


def draw_logs(browser: Browser) -> None:
    for name in LOGS:
        log = log_page((DOCS / "logs" / f"{name}.log").read_text("utf-8"))
        # Draw two pixels per point, for the screens of phones.
        draw(browser, DOCS / "pictures" / "en" / f"{name}.webp", log, LOG_WIDTH, scale=2)


def draw_pages(browser: Browser) -> None:
    for name, language, width in product(PAGES, LANGUAGES, PAGE_SIZES):
        target = DOCS / page_picture(name, language, width)
        draw(browser, target, report_page(name, language), width, most=PAGE_SIZES[width])


def page_picture(name: str, language: str, width: int) -> str:
    return f"pictures/{language}/page-{name}-{width}.webp"


def draw_logos(browser: Browser) -> None:
    for content, (width, height), target in (
        (logo_page(), (LOGO, LOGO), DOCS.parent / "logo.png"),
        (social_page(), SOCIAL, DOCS / "theme" / "assets" / "social.png"),
    ):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_content(content)
        page.screenshot(path=target, omit_background=True)
        print(f"wrote {target.name}, {target.stat().st_size / 1000:.0f} kB")
        page.close()


def logo() -> str:
    return (DOCS / "theme" / "assets" / "logo.svg").read_text("utf-8")


def logo_page() -> str:
    return f"<!doctype html><style>body {{ margin: 0 }} svg {{ display: block; width: 100vw }}</style>{logo()}"


def social_page() -> str:
    return f"""<!doctype html><meta charset="utf-8"><style>
      body {{ margin: 0; height: {SOCIAL[1]}px; background: #1f2547; color: #fff; font-family: sans-serif;
             display: flex; flex-direction: column; justify-content: center; padding: 0 80px; box-sizing: border-box; }}
      div {{ display: flex; align-items: center; gap: 36px; font-size: 76px; font-weight: bold; }}
      svg {{ width: 120px; height: 120px; }}
      p {{ font-size: 40px; line-height: 1.35; margin: 48px 0 0; color: #d5daf5; }}
    </style><div>{logo()}argocd-release</div>
    <p>Is my commit running and healthy in the cluster,<br>and if not, why?</p>"""


def report_page(name: str, language: str) -> str:
    """Return the page of a recorded report, in the language in which it opens."""
    report = json.loads((DOCS / "reports" / f"{name}.json").read_text("utf-8"))
    return render(report | {"language": language})


def draw(browser: Browser, target: Path, content: str, width: int, *, scale: int = 1, most: int = 100_000) -> None:
    """Draw a document into a file, whose name ends with the format.

    Args:
        browser: the browser.
        target: the file.
        content: the document, as HTML.
        width: the width of the window in points.
        scale: the number of pixels per point.
        most: the maximum height of the picture in points.
    """
    page = browser.new_page(viewport={"width": width, "height": 100})
    session = page.context.new_cdp_session(page)
    page.set_content(content)
    height = min(page.evaluate("document.documentElement.scrollHeight"), most)
    page.set_viewport_size({"width": width, "height": height})
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
    kind = target.suffix.removeprefix(".")
    quality = {"quality": 50} if kind == "webp" else {}
    picture = session.send("Page.captureScreenshot", {"format": kind, "clip": clip} | quality)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(base64.b64decode(picture["data"]))
    print(f"wrote {target.relative_to(DOCS)}, {width} by {height}, {target.stat().st_size / 1000:.0f} kB")
    page.close()


def log_page(log: str) -> str:
    """Return a page that looks like GitLab's job log. It contains the banner of the log."""
    start = log.index(f"{RULE}\nRELEASE")
    end = log.index(RULE, log.index(RULE, start + 1) + 1) + len(RULE)
    text = html.escape(log[start:end])
    for pattern, style in PAINT:
        text = pattern.sub(rf'<span style="color:{style}">\1</span>', text)
    lines = "".join(
        f"<div><b>{number}</b><span>{line or ' '}</span></div>" for number, line in enumerate(text.split("\n"), 1)
    )
    return f"""<!doctype html><meta charset="utf-8"><style>
      body {{ margin: 0; padding: 10px 0; background: #1f1e24; color: #ececef;
             font: 12.5px/1.5 "DejaVu Sans Mono", monospace; }}
      div {{ display: flex; }}
      b {{ color: #89888d; font-weight: normal; min-width: 2em; text-align: right; margin-right: 8px; }}
      div > span {{ white-space: pre-wrap; overflow-wrap: anywhere; padding-right: 8px; }}
    </style>{lines}"""


def draw_diagrams(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<!doctype html><body></body>")
    page.add_script_tag(content=mermaid())
    page.evaluate("settings => mermaid.initialize(settings)", MERMAID_SETTINGS)
    for file in sorted((DOCS / "diagrams").glob("*.mmd")):
        named = [f"d-{file.stem.replace('.', '-')}", file.read_text("utf-8")]
        drawn = page.evaluate("async ([id, text]) => (await mermaid.render(id, text)).svg", named)
        target = file.with_suffix(".svg")
        target.write_text(plain(drawn, file.stem), "utf-8")
        print(f"wrote {target.relative_to(DOCS)}, {target.stat().st_size / 1000:.0f} kB")


def plain(svg: str, name: str) -> str:
    """Return the drawing on one line and without Mermaid's style sheet, so that the site can embed and colour it."""
    svg = re.sub(r"<style>.*?</style>|<filter.*?</filter>|<defs>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:style|data-[a-z-]+|aria-roledescription|role)="[^"]*"', "", svg).replace(' width="100%"', "")
    for marker in re.findall(r'<marker id="([^"]+)"', svg):
        if f"url(#{marker})" not in svg:
            svg = re.sub(rf'<marker id="{marker}".*?</marker>', "", svg, flags=re.DOTALL)
    svg = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), svg)
    width = re.search(r'viewBox="\S+ \S+ (\S+) ', svg)
    size = f' style="max-width:{width[1]}px"' if width else ""
    title = name.partition(".")[0]
    # Mermaid draws the outline of a round node twice. Remove the one in a hand-drawn style.
    svg = re.sub(r'(<path d="M[^"]{4000,}")[^>]*></path>', "", svg)
    return re.sub(r"\s*\n\s*", " ", svg).replace("<svg ", f'<svg role="img" aria-label="{title}"{size} ', 1) + "\n"


def mermaid() -> str:
    """Return the script of Mermaid for the browser, from its npm package.

    Raises:
        ValueError: the package does not have the expected hash, or does not contain the script.
    """
    with tempfile.TemporaryDirectory() as folder:
        npm = Path(sys.executable).with_name("npm")
        subprocess.run([npm, "pack", "--silent", f"mermaid@{MERMAID}"], cwd=folder, check=True, capture_output=True)
        package = Path(folder) / f"mermaid-{MERMAID}.tgz"
        if hashlib.sha256(package.read_bytes()).hexdigest() != MERMAID_SHA256:
            raise ValueError(f"{package.name} is not the package that this script knows")
        with tarfile.open(package) as archive:
            script = archive.extractfile("package/dist/mermaid.min.js")
            if script is None:
                raise ValueError(f"{package.name} holds no mermaid.min.js")
            return script.read().decode()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
