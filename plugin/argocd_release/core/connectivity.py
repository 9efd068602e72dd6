"""Find out whether an error message of Argo CD, or of a program that it runs, reports an outage.

An outage is a failure that does not depend on the revision, such as a failed connection or a full disk. Go programs put
a prefix before the message of an inner error, so the parser reads messages from left to right. The prefixes tell which
component has written the innermost message. This component is called the speaker here. Only the speaker's own phrases
can report an outage. So a name, a path or a template in the message cannot be mistaken for a network error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Speaker(Enum):
    """The component that has written the innermost part of an error message."""

    ARGO_CD = "Argo CD"
    RENDERER = "the renderer"
    GIT = "git"
    REGISTRY = "the chart repository"
    CLUSTER = "the cluster"


class OutageKind(Enum):
    """The reason for an outage, such as an expired credential or a full disk."""

    UNREACHABLE = auto()
    #: The component has refused or stopped its work, because of a rate limit or too little memory.
    OVERLOADED = auto()
    #: The cluster does not accept Argo CD's credential.
    CREDENTIAL = auto()
    CERTIFICATE = auto()
    #: The cluster cannot call a conversion or admission webhook.
    WEBHOOK = auto()
    DISK_FULL = auto()


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A failure that does not depend on the revision: the component that has failed, and the kind of failure."""

    speaker: Speaker
    kind: OutageKind


def _any_of(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.MULTILINE)


# The prefixes that Argo CD puts before an error, each with the component that has written the message after it. None
# means that the prefix does not tell which component it was. Source: argo-cd v2.13.2 controller/state.go,
# controller/cache/cache.go, reposerver/repository/repository.go, util/helm; gitops-engine pkg/cache/cluster.go.
_LAYERS: Final[tuple[tuple[Speaker | None, re.Pattern[str]], ...]] = (
    (
        None,
        _any_of(
            r"(?:Comparison|InvalidSpec|Unknown|Sync)Error: ",
            r"Failed to load target state: |Failed to hydrate: |Manifest generation error \(cached\): ",
            r"failed to (?:generate manifests?|initialize repository resources)(?: for source \d+ of \d+)?: ",
            r"error testing repository connectivity: ",
        ),
    ),
    (
        Speaker.GIT,
        _any_of(
            r"failed to list refs: |unable to resolve git revision[^:]{0,200}+: ",
            r"Failed to (?:fetch \S++|checkout (?:revision )?\S++|initialize git repo): ",
        ),
    ),
    (
        Speaker.CLUSTER,
        _any_of(
            r"Failed to load live state: |Failed to compare desired state to live state: ",
            r'failed to get (?:cluster (?:info|version) for|version info from)[^"]{0,40}+"[^"]{0,300}+"+: ',
            r"error (?:synchronizing cache state|getting cluster|getting cluster cache) ?: ",
            r"failed to (?:sync cluster|load initial state of resource) \S++ ?",
            r"failed to (?:load open api schema while [^:]{0,60}+|get server version): ",
            r"error getting (?:openapi resources|openapi schema|openapi data|gvk parser): ",
        ),
    ),
    (
        Speaker.REGISTRY,
        _any_of(
            r"error (?:fetching chart|pulling OCI chart|logging into OCI registry|loading repo index): ",
            r"error (?:building helm chart dependencies|making HTTP request|getting helm repos|resolving OCI tags): ",
            r"failed to (?:fetch chart|pull OCI chart|build (?:helm )?dependencies|get tags): ",
            r"failed to (?:add|login to) (?:helm )?(?:repository|registry)(?: \S++)?: ",
        ),
    ),
    (
        Speaker.RENDERER,
        _any_of(
            r"plugin sidecar failed\. |error generating manifests(?: in cmp)?: ",
            r"failed to execute helm template command: ",
            r"error resolving (?:helm )?(?:value files?|value file path|set-file path): ",
        ),
    ),
    # All other prefixes that can stand before a gRPC error or before the output of a command.
    (None, _any_of(r'[a-z][^`"\n:]{2,100}+: (?=rpc error: code = |`)')),
)
_RPC: Final = re.compile(r"rpc error: code = (\w++) desc = ")
_GONE_CODES: Final = frozenset({"Unavailable", "DeadlineExceeded", "Canceled"})
_ANSWER_CODES: Final = frozenset({
    "AlreadyExists", "FailedPrecondition", "InvalidArgument", "NotFound", "PermissionDenied", "Unauthenticated",
    "Unimplemented",
})  # fmt: skip
# The error of a command that Argo CD ran (argoproj/pkg v0.13.7 exec/exec.go CmdError). The pattern ignores the text of
# the command, because users can choose the names and values in it.
_COMMAND: Final = re.compile(r"`(?:\S*/)?([\w.-]++)(?: (?:[^`\n]|`(?! failed )|\n)*+)?` failed ")
_FETCHING: Final = re.compile(r"`(?:\S*/)?helm (?:dependency|pull|fetch|registry|repo|show|inspect)\b")
_EXITED: Final = re.compile(r"exit status \d++(?:: ?|$)")
_STOPPED: Final = re.compile(r"timeout after \d")
_KILLED: Final = re.compile(
    r"signal: killed|fork/exec \S++ (?:resource temporarily unavailable|cannot allocate memory)"
)
# The error of a git command that kustomize ran (kustomize/api v0.17.2 internal/git/gitrunner.go).
_KUSTOMIZE_GIT: Final = re.compile(r"failed to run '\S*git (?:[^'\n]){1,2000}+': ")

# Messages of Go's packages net, net/http, crypto and x509 about requests and connections.
_REQUEST: Final = r'\b(?:Get|Head|Post|Put|Patch|Delete|Options) \\?"[a-z+]{2,10}://[^"\s]{1,2000}+": '
_TLS: Final = r"tls: (?:failed|first record|handshake|bad|unknown)"
_UNTRUSTED: Final = r"(?:tls: failed to verify certificate: )?x509: "
_BROKEN: Final = (
    r"(?:dial (?:tcp|udp|unix)\b|proxyconnect tcp: |(?:unexpected )?EOF\b|net/http: |http2: |http: server "
    r"|stream error: |context (?:deadline exceeded|canceled)|(?:read|write) (?:tcp|udp|unix) |i/o timeout|connect: "
    r"|connection (?:refused|reset)|read: connection |write: broken pipe|remote error: tls: |lookup \S|dialing "
    rf'|no endpoints available for service|service "[^"]{{1,260}}+" not found|getting credentials: |{_TLS})'
)
_CONNECTION: Final = (
    r"\bdial (?:tcp|udp|unix)[ :]|\blookup [\w.-]{1,253}+(?: on [\w.:\[\]]{1,60}+)?: (?:no such host|server misbehaving"
    r"|i/o timeout|Temporary failure)"
)
_ENDED: Final = r"(?:^|: )(?:unexpected )?EOF(?=[\"'\s.]*+$)"
_SLOW: Final = r"context deadline exceeded|i/o timeout|Client\.Timeout|TLS handshake timeout"
_FULL: Final = r"no space left on device|disk quota exceeded"
_TOO_MANY: Final = r"\btoomanyrequests\b|\b429 Too Many Requests|too many requests"

# Phrases which prove that the component has responded, so that there is no outage. They override the phrases in
# _OUTAGES.
_ANSWERS: Final = {
    Speaker.RENDERER: _any_of(
        # Sources: helm v3.15.4 pkg/engine/engine.go, pkg/releaseutil/manifest_sorter.go, pkg/chartutil,
        # pkg/action/install.go.
        r"Error: (?:INSTALLATION FAILED: )?(?:execution error at \(|template: |parse error at \(|YAML parse error on )",
        r"Error: (?:INSTALLATION FAILED: )?(?:cannot load |values don't meet |chart requires |failed to parse )",
        r"Error: an error occurred while checking for chart dependencies|found in Chart\.yaml, but missing",
        r"MalformedYAMLError: |Failed to evaluate jsonnet |RUNTIME ERROR: ",
    ),
    Speaker.GIT: _any_of(
        r"repository not found|authentication required|authorization failed|authentication failed for |access denied",
        r"permission denied|could not read (?:username|password) for |couldn't find remote ref|pathspec '",
        r"invalid refspec|knownhosts: |unable to authenticate|remote repository is empty|invalid credentials",
        r"returned error: 4(?!29)\d\d|reference not found",
    ),
    Speaker.REGISTRY: _any_of(r": (?:401|403|404) |response status code (?:401|403|404)\b|\bnot found\b(?! in )"),
    Speaker.CLUSTER: _any_of(
        r'\bis forbidden: |" is invalid: |denied the request|denied request: |is not managed$',
        r"can not be managed when in namespaced mode",
    ),
    Speaker.ARGO_CD: _any_of(
        r"(?:^|\s)(?:Failed to unmarshal |error converting YAML|Failed to evaluate jsonnet |Failed to open \")",
        r"(?:^|\s)error validating data|app path does not exist$|unable to resolve '|couldn't find remote ref",
        r"repository not found|authentication required|authorization failed|is not permitted in project",
        r"error unmarshalling|error reading helm chart",
    ),
}
_GO: Final = (
    (OutageKind.CERTIFICATE, _any_of(_REQUEST + _UNTRUSTED)),
    (OutageKind.UNREACHABLE, _any_of(_REQUEST + _BROKEN)),
)
# For each component, the phrases that report an outage. The first phrase that matches decides the kind.
_OUTAGES: Final[Mapping[Speaker, tuple[tuple[OutageKind, re.Pattern[str]], ...]]] = {
    Speaker.RENDERER: (
        (OutageKind.DISK_FULL, _any_of(rf"\b(?:write|mkdir|open|create|rename|sync) \S{{1,1000}}+ (?:{_FULL})")),
        *_GO,
        # Source: kustomize/api v0.17.2 internal/loader/fileloader.go, internal/utils/errtimeout.go.
        (OutageKind.OVERLOADED, _any_of(r"HTTP Error: status code 429\b")),
        (
            OutageKind.UNREACHABLE,
            _any_of(_CONNECTION, r"HTTP Error: status code 5\d\d\b|: hit \d[\dms.]{0,12}+ timeout running '"),
        ),
    ),
    Speaker.GIT: (
        (OutageKind.DISK_FULL, _any_of(_FULL)),
        *_GO,
        (OutageKind.OVERLOADED, _any_of(r"returned error: 429|status code: 429", _TOO_MANY)),
        (OutageKind.CERTIFICATE, _any_of(r"unable to access '[^']{1,2000}+': .{0,60}certificate|x509: ")),
        (
            OutageKind.UNREACHABLE,
            _any_of(
                # Messages of curl (repeated by git), of OpenSSH, and of git itself about an interrupted transfer.
                r"unable to access '[^']{1,2000}+': (?:Failed to connect|Could not resolve|Couldn't |Recv )",
                r"unable to access '[^']{1,2000}+': (?:Send |Operation |Empty reply|gnutls_|GnuTLS |OpenSSL )",
                r"unable to access '[^']{1,2000}+': (?:SSL |Proxy |Connection |Received HTTP code|HTTP/2 |transfer )",
                r"The requested URL returned error: 5\d\d|RPC failed; |remote end hung up|early EOF",
                r"unexpected disconnect|^(?:kex|ssh)_exchange_identification: |^Connection (?:closed|reset) by ",
                # Sources: go-git v5.12.0 plumbing/transport/http/common.go; golang.org/x/crypto/ssh.
                r"status code: 5\d\d|\bssh: |connection (?:reset|refused|timed out)|failed to list refs: ",
                _CONNECTION,
                _SLOW,
                _ENDED,
            ),
        ),
    ),
    Speaker.REGISTRY: (
        (OutageKind.DISK_FULL, _any_of(_FULL)),
        *_GO,
        (OutageKind.OVERLOADED, _any_of(_TOO_MANY, r"response status code 429\b|failed to get index: 429")),
        (OutageKind.CERTIFICATE, _any_of("x509: ")),
        (
            OutageKind.UNREACHABLE,
            _any_of(
                # Sources: helm v3.15.4 pkg/getter/httpgetter.go; containerd v1.7.12 remotes; oras-go v2.5.0 errcode;
                # argo-cd v2.13.2 util/helm/client.go.
                r": 5\d\d [A-Z]|response status code 5\d\d\b|failed to get index: 5\d\d|failed to do request: ",
                # Helm prints this message, without a reason, if it could not read the index of a dependency's
                # repository (internal/resolver/resolver.go:128).
                r"no cached repository for helm-manager-|connection reset by peer",
                _CONNECTION,
                _SLOW,
                _ENDED,
            ),
        ),
    ),
    Speaker.CLUSTER: (
        # Sources: apiextensions-apiserver v0.31.0 pkg/apiserver/conversion/webhook_converter.go; apiserver
        # pkg/util/webhook.
        (OutageKind.WEBHOOK, _any_of(r'conversion webhook for |failed calling webhook "')),
        (OutageKind.DISK_FULL, _any_of(_FULL, "etcdserver: mvcc: database space exceeded")),
        (OutageKind.CERTIFICATE, _any_of(_UNTRUSTED)),
        (
            OutageKind.CREDENTIAL,
            _any_of(
                r"server has asked for the client to provide credentials|(?:^|: )Unauthorized$|invalid bearer token",
                r"exec: executable \S{1,200}+ (?:failed with exit code|not found)|exec plugin: ",
            ),
        ),
        (
            OutageKind.OVERLOADED,
            _any_of("server has received too many requests|Too many requests: |client rate limiter Wait "),
        ),
        (
            OutageKind.UNREACHABLE,
            _any_of(
                # Sources: apimachinery v0.31.0 pkg/api/errors/errors.go; client-go rest.
                r"server is currently unable to handle|unable to return a response in the time allotted|etcdserver: ",
                r"apiserver not ready|(?:^|: )Timeout: |http2: client connection lost|storage is \(re\)initializing",
                r"server responded with the status code 5\d\d|has prevented the request from succeeding",
                r"error trying to reach service|connection (?:refused|reset)|network is unreachable|no route to host",
                _CONNECTION,
                _SLOW,
                _ENDED,
                _TLS,
                _REQUEST + _BROKEN,
            ),
        ),
    ),
    Speaker.ARGO_CD: (
        (OutageKind.DISK_FULL, _any_of(_FULL)),
        (OutageKind.CERTIFICATE, _any_of(r"\bx509: ")),
        (
            OutageKind.OVERLOADED,
            _any_of(_TOO_MANY, "status code received from server: 429|failed with status code 429"),
        ),
        (OutageKind.CREDENTIAL, _any_of("server has asked for the client to provide credentials")),
        (
            OutageKind.UNREACHABLE,
            _any_of(
                # This also matches a TLS alert, which argocd prints after the URL of its request.
                _REQUEST + _BROKEN,
                # Messages of grpc-go, of Go's package net, and of argocd itself (argo-cd v2.13.2 pkg/apiclient).
                r"Failed to establish connection|failed with status code \d|HTTP status code received from server",
                r"connection error: desc = |transport is closing|error reading from server|transport: ",
                r"timeout awaiting|connection (?:refused|reset|timed out)|broken pipe|no such host|server misbehaving",
                r"no route to host|network is unreachable|operation timed out|ssh: handshake failed: ",
                r"hung up unexpectedly|server is currently unable to handle|status code:? 5\d\d\b",
                r": 5\d\d (?:Internal|Bad|Service|Gateway)",
                _CONNECTION,
                _SLOW,
                _ENDED,
                _TLS,
            ),
        ),
    ),
}


def outage(message: str, speaker: Speaker = Speaker.ARGO_CD) -> Outage | None:
    """Return the outage that an error message reports, or None if it reports another failure.

    Args:
        message: the error message.
        speaker: the component that has written the message, unless a prefix names another one.
    """
    speaker, words, gone = _spoken(message, speaker)
    if gone is not None:
        return Outage(speaker=speaker, kind=gone)
    if speaker is Speaker.RENDERER and (run := _KUSTOMIZE_GIT.search(words)):
        speaker, words = Speaker.GIT, words[run.end() :]
    if _ANSWERS[speaker].search(words):
        return None
    kind = next((kind for kind, pattern in _OUTAGES[speaker] if pattern.search(words)), None)
    return Outage(speaker=speaker, kind=kind) if kind else None


def is_outage(message: str) -> bool:
    """Return True if an error message of Argo CD reports an outage."""
    return outage(message) is not None


def _spoken(message: str, speaker: Speaker) -> tuple[Speaker, str, OutageKind | None]:
    """Split an error message at its prefixes.

    Return three values: the component that has written the innermost message, this message, and the kind of outage. The
    kind is None unless a prefix already reports an outage.
    """
    rest = message.strip()
    while True:
        if code := _RPC.match(rest):
            rest = rest[code.end() :]
            if code[1] in _GONE_CODES:
                return Speaker.ARGO_CD, rest, OutageKind.UNREACHABLE
            if code[1] in _ANSWER_CODES:
                return speaker, "", None
        elif layer := next(((match, by) for by, pattern in _LAYERS if (match := pattern.match(rest))), None):
            rest, speaker = rest[layer[0].end() :], layer[1] or speaker
        elif command := _COMMAND.match(rest):
            speaker = _program(rest, command[1])
            rest = rest[command.end() :]
            if _STOPPED.match(rest):
                return speaker, rest, OutageKind.UNREACHABLE
            if _KILLED.match(rest):
                return speaker, rest, OutageKind.OVERLOADED
            exited = _EXITED.match(rest)
            return speaker, rest[exited.end() :] if exited else rest, None
        else:
            return speaker, rest, None


def _program(rest: str, name: str) -> Speaker:
    if name == "git":
        return Speaker.GIT
    return Speaker.REGISTRY if _FETCHING.match(rest) else Speaker.RENDERER
