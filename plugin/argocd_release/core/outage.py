"""Texts that tell of a connection, a server or a network, never of what was asked of it. Pure."""

import re
from typing import Final

# gRPC's, Go's net and net/http, go-git's, git's and helm's words.
_OUTAGE: Final = re.compile(
    r"Failed to establish connection|failed with status code \d"
    r"|unexpected HTTP status code received from server"
    r"|code = (?:Unavailable|DeadlineExceeded|Canceled)|context deadline exceeded"
    r"|dial (?:tcp|udp|unix)|no such host|server misbehaving|connection (?:refused|reset|timed out)|broken pipe"
    r"|i/o timeout|TLS handshake timeout|Client\.Timeout|timeout awaiting|failed timeout after|operation timed out"
    r"|(?:returned error|status code|status): ?5\d\d|\b50[0234] (?:Internal|Bad Gateway|Service|Gateway)"
    r"|transport is closing|error reading from server|could not resolve host|could not connect to server"
    r"|network is unreachable|no route to host|hung up unexpectedly|server is currently unable to handle"
    r"|failed to list refs|x509:|tls:|(?:^|: )(?:unexpected )?EOF(?=[\"'\s.]*$)",
    re.IGNORECASE,
)


# What a server that was reached said of what it was asked.
_ANSWER: Final = re.compile(
    r"failed to unmarshal|error converting YAML"
    r"|repository not found|authentication required|authorization failed|couldn't find remote ref"
    r"|unable to resolve '[^']{0,200}' to a commit",
    re.IGNORECASE,
)


def is_outage(message: str) -> bool:
    """Whether the message says that somebody could not be reached, or went away, rather than what they answered."""
    return _OUTAGE.search(message) is not None and _ANSWER.search(message) is None
