"""The page's HTML: the template filled with what the JSON report says, in one file that asks nobody for anything.

What the report says is somebody else's text. The template engine escapes all of it, ``view`` bounds it, links lead to
web addresses only, and the page's own policy lets nothing be loaded or run, were it there all the same.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from argocd_release.reports.page.view import view

if TYPE_CHECKING:
    from jinja2 import Environment

# No script, no picture, no font, no frame, no form; and of styles only the one below.
POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"


def render(report: Mapping[str, Any]) -> str:
    """The page of a report that is valid by ``report.schema.json``."""
    # A library that takes longer to load than a release to be waited for may begin.
    from jinja2 import Template  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    from argocd_release.reports.page import compiled  # noqa: PLC0415

    style = read("page.css")
    template = Template.from_module_dict(engine(), vars(compiled), {})
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style is ours, and to the letter what its hash is of.
    return template.render(page=view(report), policy=POLICY.format(hash=digest), style=Markup(style))  # noqa: S704


def engine() -> "Environment":
    """What the template is filled with; bin/generate compiles it, for that takes longer than all else here."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def read(name: str) -> str:
    """A file of this package."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")
