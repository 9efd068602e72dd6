"""Read ``ARGOCD_OPTS`` as the argocd CLI does (argo-cd v2.13.2 util/config/env.go:23-60). Pure."""

import shlex
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import ProblemMessage, settings

# Options whose value is never a secret and can be shown: paths, names and words of argocd.
_OPEN: Final = frozenset({
    "--config", "--server-crt", "--client-crt", "--client-crt-key", "--grpc-web-root-path", "--logformat",
    "--loglevel", "--port-forward-namespace", "--http-retry-max", "--kube-context", "--redis-name",
    "--controller-name", "--server-name", "--repo-server-name", "--redis-haproxy-name", "--redis-compress",
    "--argocd-context",
})  # fmt: skip
# Options of argocd that take a value. The others are flags: only the bare name, =true and =false make sense (argo-cd
# v2.13.2 cmd/argocd/commands/root.go:66-82).
_VALUED: Final = _OPEN | {"--header"}
_OWN: Final = {"--auth-token": "ARGOCD_AUTH_TOKEN", "--server": "ARGOCD_SERVER"}
_NO_SERVER: Final = settings.BYPASSES_SERVER.fill()
#: The options with which argocd would bypass the server that this job uses, and the reason to reject each option.
_UNUSABLE: Final[Mapping[str, str]] = MappingProxyType({
    "--core": settings.READS_CLUSTER.fill(),
    "--port-forward": _NO_SERVER,
    "--port-forward-namespace": _NO_SERVER,
})  # fmt: skip


def parse(opts: str) -> dict[str, str]:
    """Return the options by name, as argocd reads them. A flag without a value is ``"true"``.

    Source: argo-cd v2.13.2 util/config/env.go:23-60.
    """
    options: dict[str, str] = {}
    split = words(opts)
    for position, word in enumerate(split):
        if word.startswith("--"):
            option, separator, value = word.partition("=")
            following = split[position + 1] if position + 1 < len(split) else ""
            options[option] = (
                value if separator else following if not following.startswith("--") and following else "true"
            )
    return options


def words(opts: str) -> list[str]:
    """Split like a shell. If a quote is unbalanced, split on whitespace instead."""
    try:
        return shlex.split(opts)
    except ValueError:
        return opts.split()


def secrets(opts: str) -> Iterator[str]:
    """Yield every part of the options that can be a secret: all but option names and the values of harmless options.

    If the quotes around a header are missing, its value consists of several words. So every word that follows no
    option counts as a secret.
    """
    before = ""
    for word in words(opts):
        option, separator, value = word.partition("=")
        if not word.startswith("--"):
            # The value of a short option can follow it directly: -HName:value.
            option, value = before, word.removeprefix("-H")
        if option not in _OPEN:
            yield from _secret_parts(value)
        before = option if word.startswith("--") and not separator else ""


def problems(opts: str) -> Iterator[tuple[ProblemMessage, dict[str, str]]]:
    """Yield the message of each mistake with its fields, without any word that can be a secret."""
    try:
        split = shlex.split(opts)
    except ValueError:
        yield settings.OPTION_QUOTE, {}
        return
    takes_value, stray = False, list[str]()
    for position, word in enumerate(split, start=1):
        option = word.partition("=")[0]
        if option in _OWN:
            yield settings.OPTION_OWN, {"option": option, "instead": f"<{_OWN[option]}>"}
            takes_value = True
        elif option in _UNUSABLE and word != f"{option}=false":
            yield settings.OPTION_UNUSABLE, {"option": option, "reason": _UNUSABLE[option]}
            takes_value = option in _VALUED and "=" not in word
        elif word.startswith("--"):
            takes_value = "=" not in word and option in _VALUED
        elif takes_value:
            takes_value = False
        else:
            stray.append(str(position))
    if stray:
        # argocd exits with code 1 if there are such words (argo-cd v2.13.2 util/config/env.go:44).
        is_one = len(stray) == 1
        yield (
            settings.OPTION_STRAY,
            {"words": f"{'word' if is_one else 'words'} {', '.join(stray)}", "verb": "is" if is_one else "are"},
        )


def _secret_parts(value: str) -> Iterator[str]:
    """Yield the value, its parts between commas, and the values of headers in it, with and without their quotes."""
    for part in (value, *value.split(",")):
        bare = part.strip("\"'")
        name, colon, rest = bare.partition(":")
        yield from (part, bare)
        if colon and name.replace("-", "").isalnum():
            yield rest.strip()
