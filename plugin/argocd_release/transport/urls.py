"""Split the URLs of servers, redirects and proxies, each of which can be malformed."""

from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from argocd_release.messages import argocd as texts

_SCHEMES: Final = frozenset({"http", "https"})


def http_parts(url: str) -> SplitResult | None:
    """Split the URL. Return None if it is malformed, or if its scheme is not http or https."""
    parts = _parts(url)
    return parts if parts is not None and parts.scheme in _SCHEMES else None


def _parts(url: str) -> SplitResult | None:
    """Split the URL. Return None if it is malformed."""
    try:
        parts = urlsplit(url)
        # Python parses the port only when it is read.
        _ = parts.port
    except ValueError:
        return None
    return parts


def redirected(url: str, location: str) -> str:
    """Return the URL to which a response to a request for ``url`` redirects, or "" if it is invalid."""
    try:
        target = urljoin(url, location)
    except ValueError:
        return ""
    return target if http_parts(target) is not None else ""


def split_proxy(url: str) -> SplitResult:
    """Split the URL of a proxy.

    Raises:
        OSError: the URL is invalid. The error does not contain it, because it can contain a password.
    """
    parts = _parts(url)
    if parts is None or not parts.hostname or parts.port == 0 or parts.query or parts.fragment:
        raise OSError(texts.PROXY_INVALID)
    return parts


def proxy_of_environment(url: SplitResult) -> str:
    """Return the URL of the proxy that the environment variables name for this URL, or an empty string."""
    # Import this module only if it is needed, because importing it takes longer than a request.
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

    if proxy_bypass(url.netloc.rpartition("@")[2]):
        return ""
    proxies: dict[str, Any] = getproxies()
    proxy = str(proxies.get(url.scheme) or proxies.get("all") or "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"
