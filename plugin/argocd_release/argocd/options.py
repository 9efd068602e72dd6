"""Read ``ARGOCD_OPTS`` as the argocd CLI does (argo-cd v2.13.2 util/config/env.go:23-60). Pure."""

import shlex
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

_RULE: Final = "use only long argocd options, such as --grpc-web --header 'Name: value'"
# Options whose value can be shown in links and messages: paths, addresses and words of argocd.
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
_NO_SERVER: Final = "it makes argocd bypass <ARGOCD_SERVER>, which this job asks too"
#: Options with which argocd does not use the server that this job uses, each with the reason.
_UNUSABLE: Final[Mapping[str, str]] = MappingProxyType({
    "--core": "it makes argocd read the cluster itself instead of asking the Argo CD server",
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

    If the quotes of a header are missing, it is spread over several words. So every word out of place counts as
    secret.
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


def problems(opts: str) -> Iterator[tuple[str, str]]:
    """Yield each mistake and its fix, without any word that can be a secret."""
    try:
        split = shlex.split(opts)
    except ValueError:
        yield "a quote is not closed", f"close the quote; {_RULE}"
        return
    takes_value, stray = False, list[str]()
    for position, word in enumerate(split, start=1):
        option = word.partition("=")[0]
        if option in _OWN:
            yield f"{option} belongs into <{_OWN[option]}>", f"remove {option} here, and set <{_OWN[option]}>"
            takes_value = True
        elif option in _UNUSABLE and word != f"{option}=false":
            yield f"{option} cannot be used here: {_UNUSABLE[option]}", f"remove {option}"
            takes_value = option in _VALUED and "=" not in word
        elif word.startswith("--"):
            takes_value = "=" not in word and option in _VALUED
        elif takes_value:
            takes_value = False
        else:
            stray.append(str(position))
    if stray:
        # argocd exits 1 on these (util/config/env.go:44).
        which = f"word {stray[0]} is" if len(stray) == 1 else f"words {', '.join(stray)} are"
        yield f"{which} neither an option nor the value of one (are quotes missing?)", _RULE


def _secret_parts(value: str) -> Iterator[str]:
    """Yield the value, and the value of each header in it, without the quotes of an unbalanced text."""
    for part in (value, *value.split(",")):
        bare = part.strip("\"'")
        name, colon, rest = bare.partition(":")
        yield from (part, bare)
        if colon and name.replace("-", "").isalnum():
            yield rest.strip()
