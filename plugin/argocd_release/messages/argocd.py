"""The texts about calls of the argocd command, of Argo CD's API and of Dex, and about the HTTP client."""

from typing import Final

from argocd_release.messages import Message

# The argocd command and the API.
APPLICATION_MISSING: Final = Message("there is no application {application} that this token can see")
APPLICATION_DENIED: Final = Message(
    "permission denied: applications, get, */{application} (or there is no such application)"
)
NO_RESPONSE: Final = Message("no response within {seconds} s")
NO_TIME_FOR_CALL: Final = "no time is left for this call"
ARGOCD_KILLED: Final = "argocd was killed"
ARGOCD_SILENT: Final = "argocd failed without a message"
ARGOCD_PRINTED_NO_APPLICATION: Final = Message("argocd printed no application: {error}")
ARGOCD_PRINTED_NO_LIST: Final = Message("argocd printed no list of applications: {error}")
FROM_PROXY: Final = Message("{message} (from a proxy in front of Argo CD, not from Argo CD)")
NO_APPLICATION: Final = Message("the response is not an application: {error}")
NO_LIST: Final = Message("the response is not a list of applications: {error}")
NO_JSON: Final = Message("the response is not JSON: {error}")
FOUND_NO_APPLICATION: Final = Message("expected a JSON document with an application, found {text!r}")
FOUND_NO_LIST: Final = Message("expected a list, found {text!r}")
FOUND_NO_END: Final = Message("expected a complete list, found {text!r}")
NOTHING: Final = "nothing"
HTTP_STATUS: Final = Message("HTTP status {status}")
CALL_END: Final = Message(", {result}")
WITHOUT_RESPONSE: Final = "no response"
MANIFEST_OF: Final = Message("the manifest of {subject}")
OPTIONS_FILE_UNREADABLE: Final = Message("a file among the options cannot be read: {error}")

# The sign-in through Dex.
TOKEN_NOT_REQUESTED: Final = Message("cannot request a token from Argo CD: {error}")
DEX_CLIENT_UNKNOWN: Final = "Dex does not know the client argo-cd-cli: check that this is Argo CD's own Dex"
DEX_REFUSED: Final = (
    "Dex refused the job's ID token. Its log shows the reason: the audience or the project is not allowed, the token "
    "has expired, its issuer is another one, or the connector lacks userNameKey or scopes"
)
DEX_CONNECTOR_MISSING: Final = Message("Dex has no connector {connector}: check <RELEASE_DEX_CONNECTOR>")
DEX_EXCHANGE_FORBIDDEN: Final = (
    "Dex does not allow token exchange: add its grant type to oauth2.grantTypes, or remove oauth2.grantTypes"
)
DEX_MISSING: Final = "this Argo CD has no Dex: unset <RELEASE_DEX_CONNECTOR> to use the ID token itself"
DEX_FAILED: Final = "Dex failed; its log shows the reason"
DEX_UNREACHABLE: Final = "Dex is not running, or Argo CD cannot reach it"
DEX_GAVE_NO_TOKEN: Final = Message("Dex returned no token: HTTP {status} {text}")

# The HTTP client.
NO_TIME_LEFT: Final = "no time is left"
REDIRECTS_NOWHERE: Final = "it redirects to an invalid address"
REDIRECTS_TOO_OFTEN: Final = Message("it redirects more than {count} times")
NO_HTTP_ADDRESS: Final = "this is not an http or https address"
RESPONSE_TOO_LARGE: Final = Message("the response is larger than {megabytes} MB")
RESPONSE_INCOMPLETE: Final = Message("no complete response within {seconds} s")
NAME_SERVER_SILENT: Final = Message("the name server did not respond within {seconds} s")
NO_HOST_NAME: Final = Message("{host!r} is not a host name: {error}")
NESTED_TOO_DEEPLY: Final = "the document is nested too deeply"
