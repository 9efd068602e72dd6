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
from typing import Any, Final

from argocd_release.reports.page.language import words
from argocd_release.reports.page.view import view

# The Content-Security-Policy of the page. It allows only the style sheet with this hash, and no scripts, images, fonts,
# frames and forms.
POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"


def render(report: Mapping[str, Any]) -> str:
    """Return the HTML page for a JSON report, which must conform to ``report.schema.json``."""
    # This takes 26 ms of CPU time at the end of the job, or 5 ms if the template is compiled in advance. That is not
    # worth a generated module of 690 lines.
    return fill(read("page.html.j2"), "".join(read("page.css").splitlines()), page=view(report), t=words())


def fill(template: str, style: str, **values: object) -> str:
    """Fill the template of a page. Add the style sheet, and a content security policy that allows nothing else.

    Args:
        template: the text of the template, with the placeholders ``policy`` and ``style``.
        style: the style sheet.
        values: the other values for the template. The template engine escapes them.
    """
    # At the start of the job, these imports would delay the first look by 40 ms.
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    engine = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Do not escape the style sheet, because it is a file of this package, and the policy contains its hash.
    return engine.from_string(template).render(
        **values,
        policy=POLICY.format(hash=digest),
        style=Markup(style),  # noqa: S704
    )


def read(name: str) -> str:
    """Return the text of a file of this package."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")
