"""Render the HTML page of a release from the JSON report. The page is one file that loads nothing.

The page is in English and in Russian. Two radio buttons and a style rule switch between them, without a script.

The report contains text from outside. The template engine escapes this text, and ``view`` limits its size. Links only
lead to addresses with http or https. In addition, the page's Content-Security-Policy forbids loading and running
anything.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from argocd_release.reports.page.language import words
from argocd_release.reports.page.view import view

if TYPE_CHECKING:
    from jinja2 import Environment

# The Content-Security-Policy of the page. It allows only the style sheet with this hash, and no scripts, images, fonts,
# frames and forms.
POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"


def render(report: Mapping[str, Any]) -> str:
    """Return the HTML page for a JSON report, which must conform to ``report.schema.json``."""
    from markupsafe import Markup  # noqa: PLC0415

    # This takes 26 ms of CPU time at the end of the job, or 5 ms if the template is compiled in advance. That is not
    # worth a generated module of 690 lines.
    template = engine().from_string(read("page.html.j2"))
    style = "".join(read("page.css").splitlines())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Do not escape the style sheet, because it is a file of this package, and the policy contains its hash.
    return template.render(
        page=view(report),
        t=words(),
        policy=POLICY.format(hash=digest),
        style=Markup(style),  # noqa: S704
    )


def engine() -> "Environment":
    """Return the template engine."""
    # At the start of the job, this import would delay the first look by 40 ms.
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def read(name: str) -> str:
    """Return the text of a file of this package."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")
