"""Pages of the documentation that explain what a check examines."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Page and anchor by the name of the check; the pages are those of ``docs/en``.
PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "settings": "reference/settings/",
        "Argo CD": "reference/settings/",
        "proxies": "guides/network/",
        "name": "troubleshooting/#exit-code-30",
        "port": "troubleshooting/#exit-code-30",
        "TLS": "guides/network/",
        "http": "guides/network/",
        "argocd": "guides/argocd-account/#the-command-argocd",
        "version": "reference/compatibility/#argo-cd",
        "sign-in": "guides/keyless/#when-it-is-refused",
        "token": "guides/argocd-account/#the-token",
        "account": "troubleshooting/#exit-code-31",
        "application": "troubleshooting/#exit-code-14",
        "rights": "guides/argocd-account/#its-rights",
        "owner": "guides/argocd-account/#its-rights",
        "source": "guides/what-to-expect/",
        "proof": "guides/what-to-expect/",
        "sync": "troubleshooting/#it-has-no-automated-sync-policy",
        "time": "reference/settings/",
        "history": "guides/what-to-expect/",
        "reports": "reference/component/#reports",
    }
)


def link(check: str, docs_url: str) -> str:
    """Return the address of the page about the check, or "" if the documentation's address is unknown."""
    page = PAGES.get(check, "")
    return f"{docs_url.rstrip('/')}/{page}" if docs_url and page else ""
