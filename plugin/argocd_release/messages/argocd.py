"""The texts about the connection to Argo CD: calls, sign-in, the doctor's checks of the network, and the versions."""

from typing import Final

from argocd_release.messages import Message, ProblemMessage

# The argocd command and the API.
APPLICATION_MISSING: Final = Message('there is no application "{application}" that this token can see')
APPLICATION_DENIED: Final = Message(
    "permission denied: applications, get, */{application} (Argo CD also says this if there is no such application)"
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
LOG_INCOMPLETE: Final = "the response ended before the log"
MANIFEST_OF: Final = Message("the manifest of {subject}")
OPTIONS_FILE_UNREADABLE: Final = Message("cannot read a file that the argocd options name: {error}")

NO_COMMANDS: Final = Message(
    "the job reaches Argo CD through the proxy {proxy}, over HTTP only. The log lacks the output of argocd app wait "
    "and argocd app get"
)

# The sign-in through Dex.
TOKEN_NOT_REQUESTED: Final = Message("cannot request a token from Argo CD: {error}")
DEX_CLIENT_UNKNOWN: Final = "Dex does not know the client argo-cd-cli: check that this is Argo CD's own Dex"
DEX_REFUSED: Final = (
    "Dex refused the job's ID token. Its log shows the reason: the audience or the project is not allowed, the token "
    "has expired, its issuer is another one, or the connector lacks userNameKey or scopes"
)
DEX_CONNECTOR_MISSING: Final = Message('Dex has no connector "{connector}": check <RELEASE_DEX_CONNECTOR>')
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
PROXY_REFUSES: Final = Message("the proxy {proxy} refuses to connect to {server}: {status}")
PROXY_INVALID: Final = "the URL of the proxy is invalid"
PROXY_UNREACHABLE: Final = Message("the proxy {proxy} cannot be used: {reason}")
NAME_SERVER_SILENT: Final = Message("the name server did not respond within {seconds} s")
NO_HOST_NAME: Final = Message("{host!r} is not a host name: {error}")
NESTED_TOO_DEEPLY: Final = "the document is nested too deeply"


# The name and the port.
NAME_RESOLVED: Final = Message("{host} resolves to {addresses}")
NAME_UNKNOWN: Final = ProblemMessage(
    "{host} cannot be resolved: {reason}",
    "check the spelling of <ARGOCD_SERVER>. The name of a Kubernetes Service can only be resolved inside its cluster",
    code="name-unknown",
)
PORT_OPEN: Final = Message("port {port} accepts connections")
PORT_SILENT: Final = ProblemMessage(
    "{host} port {port} did not respond within {seconds} s: a firewall drops the packets, or there is no route",
    "check the firewalls, the NetworkPolicies and the route from the runner to this address",
    code="port-silent",
)
PORT_CLOSED: Final = ProblemMessage(
    "{host} port {port} refuses connections: {reason}",
    "check the port in <ARGOCD_SERVER>, and check that argocd-server, or its ingress, is running",
    code="port-closed",
)

# The HTTP proxy.
PROXY_PASSES: Final = Message("the proxy {proxy} opens a connection to Argo CD")
PROXY_DOWN: Final = ProblemMessage(
    "{reason}",
    "check the host and the port in <RELEASE_PROXY>, and check that the proxy runs and that the runner reaches it",
    code="proxy-down",
)
PROXY_ACCOUNT: Final = ProblemMessage(
    "the proxy {proxy} demands a valid user name and password: HTTP 407",
    "set <RELEASE_PROXY> to http://USER:PASSWORD@{proxy} in a masked CI/CD variable, and percent-encode special "
    "characters in the user name and the password",
    code="proxy-account",
)
PROXY_FORBIDS: Final = ProblemMessage(
    "the proxy {proxy} does not allow connections to {server}: HTTP {status}",
    "ask the administrator of the proxy to allow CONNECT to {server}",
    code="proxy-forbids",
)
PROXY_NO_SERVER: Final = ProblemMessage(
    "the proxy {proxy} does not reach {server}: HTTP {status}",
    "check the host and the port in <ARGOCD_SERVER>, and check that argocd-server runs and that the proxy reaches it",
    code="proxy-no-server",
)

# TLS.
TLS_UNWANTED: Final = ProblemMessage(
    "the server speaks TLS, but the options contain --plaintext", "remove --plaintext", code="tls-unwanted"
)
PLAINTEXT: Final = Message("TLS is off because of --plaintext, so the token is sent unencrypted")
TRUSTED: Final = Message("the certificate is trusted, and valid until {end}")
CERTIFICATE_SELF_SIGNED: Final = ProblemMessage(
    "the certificate of the server is self-signed",
    "set <RELEASE_ARGOCD_CA> to this certificate",
    code="certificate-unknown",
)
CERTIFICATE_UNKNOWN: Final = ProblemMessage(
    "the certificate of the server is signed by an authority that this job does not trust",
    "set <RELEASE_ARGOCD_CA> to the certificate of the authority, or of the server",
    code="certificate-unknown",
)
CERTIFICATE_EXPIRED: Final = ProblemMessage(
    "the certificate of the server has expired", "renew the certificate", code="certificate-expired"
)
CERTIFICATE_EARLY: Final = ProblemMessage(
    "the certificate of the server is not valid yet",
    "compare the clocks of the runner and of the server",
    code="certificate-early",
)
CERTIFICATE_NAME: Final = ProblemMessage(
    "the certificate of the server is not valid for {host}, only for {names}",
    "set <ARGOCD_SERVER> to one of these names, or issue a certificate for {host}",
    code="certificate-name",
)
ANOTHER_NAME: Final = Message("another name")
TLS_SILENT: Final = ProblemMessage(
    "the server accepts the connection, but does not respond within {seconds} s",
    "check the port in <ARGOCD_SERVER>, and check that argocd-server responds",
    code="tls-silent",
)
TLS_MISSING: Final = ProblemMessage(
    "the server speaks plaintext, not TLS", "add the option --plaintext, or use the port for TLS", code="tls-missing"
)
TLS_FAILED: Final = ProblemMessage(
    "the TLS handshake failed: {error}", "check which program listens on that port", code="tls-failed"
)
OPTIONS_FILE: Final = ProblemMessage("{error}", "check the paths in <ARGOCD_OPTS>", code="options-file")
CONNECTION_RESET: Final = ProblemMessage(
    "the server or a proxy closes the connection at once",
    "check the firewalls and IP allow lists between the runner and Argo CD, and check that each proxy on the way has "
    "a backend",
    code="connection-reset",
)

# HTTP.
ARGO_CD_RESPONDS: Final = Message("Argo CD responds")
CLIENT_CERTIFICATE: Final = ProblemMessage(
    "the server requires a client certificate",
    "add the options --client-crt FILE and --client-crt-key FILE",
    code="client-certificate",
)
PATH_NEEDED: Final = ProblemMessage(
    "Argo CD is served under the path {path}", "add the option --grpc-web-root-path {path}", code="path"
)
PATH_UNNEEDED: Final = ProblemMessage(
    "Argo CD is served at the root of this address, not under a path", "remove --grpc-web-root-path", code="path"
)
HTTP_SILENT: Final = ProblemMessage(
    "the server did not respond over HTTP: {reason}",
    "find the proxy or firewall that closes the connection",
    code="http-silent",
)
KUBERNETES: Final = ProblemMessage(
    "this is the API server of Kubernetes, not Argo CD",
    "set <ARGOCD_SERVER> to the address of argocd-server",
    code="kubernetes",
)
FORBIDDEN: Final = ProblemMessage(
    "{proxy} refuses the request: HTTP {status}",
    "allow the runner's address in the proxy, or use the option --header to send the header that the proxy expects",
    code="forbidden",
)
PROXY: Final = Message("a proxy")
PROXY_NAMED: Final = Message("a proxy ({server})")
NOT_FOUND: Final = ProblemMessage(
    "there is no Argo CD at this address: HTTP {status}",
    "check the host in <ARGOCD_SERVER>. If Argo CD is served under a path, add --grpc-web-root-path /PATH",
    code="not-found",
)
GATEWAY: Final = ProblemMessage(
    "the ingress responds, but argocd-server behind it does not: HTTP {status}",
    "check that argocd-server runs, and that the ingress uses the right port and protocol to reach it",
    code="gateway",
)
NOT_ARGOCD: Final = ProblemMessage(
    "{page} responds instead of Argo CD: HTTP {status}",
    "check <ARGOCD_SERVER>, and whether the address leads to a login page or a captive portal",
    code="not-argocd",
)
PAGE_TITLED: Final = Message("a page “{title}”")
OTHER_PROGRAM: Final = Message("another program")
REDIRECTS_TO_TLS: Final = ProblemMessage("the server redirects to https", "remove --plaintext", code="redirects-to-tls")
GITLAB: Final = ProblemMessage(
    "this is GitLab, not Argo CD", "set <ARGOCD_SERVER> to the host of Argo CD", code="gitlab"
)
LOGIN_PAGE: Final = ProblemMessage(
    "a login page responds instead of Argo CD: {site}",
    "add the option --header 'Name: value' to send a service token that the login page accepts, or use an address "
    "without a login page",
    code="login-page",
)

# The argocd command and the versions.
ARGOCD_OVER_GRPC: Final = Message("the argocd command reaches Argo CD over gRPC")
ARGOCD_OVER_WEB: Final = Message("the argocd command reaches Argo CD over gRPC-Web")
ARGOCD_FAILS: Final = ProblemMessage(
    "the argocd command does not reach Argo CD: {error}",
    "if a proxy in between does not support gRPC, add the option --grpc-web",
    code="argocd-fails",
)
ARGOCD_MISSING: Final = ProblemMessage("{error}", "{fix}", code="argocd-missing")
GRPC_BLOCKED: Final = ProblemMessage(
    "gRPC does not reach Argo CD: every argocd command first tries gRPC, fails, and then uses gRPC-Web",
    "add the option --grpc-web",
    code="grpc-blocked",
)
NOT_TESTED: Final = Message(
    "argocd {client} and Argo CD {server} are further apart than any two tested versions ({tested}). If something "
    "looks wrong, use a job image whose argocd has the server's version"
)
TESTED_PAIR: Final = Message("{client} with {server}")
VERSIONS_APART: Final = ProblemMessage(
    "{message}", "use an argocd command that has the same version as the server", code="versions-apart"
)
VERSION: Final = Message("Argo CD {version}")
LEAKS_CREDENTIALS: Final = ProblemMessage(
    "Argo CD {version} shows the credentials of a project's repositories to every token with the right "
    "`projects, get` (CVE-2025-55190)",
    "update Argo CD to 3.1.2 or newer (2.13.9, 2.14.16 and 3.0.14 fix it too, but these release lines get no further "
    "fixes)",
    code="server-leaks-credentials",
)
UNMAINTAINED: Final = ProblemMessage(
    "Argo CD {version} gets no more fixes", "update to Argo CD 3", code="server-unmaintained"
)
