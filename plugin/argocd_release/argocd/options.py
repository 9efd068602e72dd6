"""``ARGOCD_OPTS``, as the argocd CLI reads it (argo-cd v2.13.2 util/config/env.go:23-60). Pure."""

import shlex
from collections.abc import Iterator
from typing import Final

from argocd_release.core.text import one_line

_RULE: Final = (
    "it must be long options of argocd, such as --grpc-web --header 'Name: value'; "
    "the token and the server have settings of their own"
)


# Options of argocd that take a value; of the rest only the bare name and =true, =false make sense
# (argo-cd v2.13.2 cmd/argocd/commands/root.go:66-82).
_VALUED: Final = frozenset({
    "--config", "--server-crt", "--client-crt", "--client-crt-key", "--grpc-web-root-path", "--logformat",
    "--loglevel", "--header", "--port-forward-namespace", "--http-retry-max", "--kube-context", "--redis-name",
    "--controller-name", "--server-name", "--repo-server-name", "--redis-haproxy-name", "--redis-compress",
    "--argocd-context",
})  # fmt: skip


_OWN: Final = {"--auth-token": "ARGOCD_AUTH_TOKEN", "--server": "ARGOCD_SERVER"}


def parse(opts: str) -> dict[str, str]:
    """Options of ``ARGOCD_OPTS`` by name, as argocd reads them; a flag without a value is ``"true"``.

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
    """Its words as a shell would take them; where a quote is not closed, whatever white space parts."""
    try:
        return shlex.split(opts)
    except ValueError:
        return opts.split()


def problems(opts: str) -> Iterator[str]:
    """What argocd could not read in them, or would read twice; each without the name of the variable."""
    try:
        split = shlex.split(opts)
    except ValueError:
        yield f"a quote is not closed; {_RULE}"
        return
    takes_value = False
    for word in split:
        option = word.partition("=")[0]
        if option in _OWN:
            yield f"{option} belongs into {_OWN[option]}"
            takes_value = True
        elif word.startswith("--"):
            takes_value = "=" not in word
            if takes_value and option not in _VALUED:
                takes_value = False
        elif takes_value:
            takes_value = False
        else:
            # argocd exits 1 on these (util/config/env.go:44).
            yield f"{one_line(word, limit=60)!r} is out of place; {_RULE}"
