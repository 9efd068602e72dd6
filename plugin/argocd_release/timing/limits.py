"""Time limits of single calls, in seconds.

Every limit is an upper bound: a call also ends at the deadline of the job, and within a second of SIGTERM.
"""

from typing import Final

#: A request to Argo CD's HTTP API. Without its answer a look shows less, but the verdict stands.
API_CALL: Final = 3.0
#: A stream of changes from Argo CD's HTTP API. It ends with the job, or when a proxy cuts it.
STREAM: Final = 86400.0
#: A log that is followed until its program ends. The deadline of the job ends it sooner.
FOLLOW: Final = 3600.0
#: A request, a connection or a TLS handshake that the doctor makes.
DOCTOR_CALL: Final = 3.0
#: An argocd process that the doctor starts.
DOCTOR_PROCESS: Final = 10.0
#: The whole checklist of the doctor. RELEASE_TIMEOUT applies if it is shorter.
DOCTOR: Final = 60.0
#: The advice of the doctor after a verdict. The reports are written before.
ADVICE: Final = 12.0
#: An exchange of the job's ID token for a token of Dex.
SIGN_IN: Final = 10.0
#: The pause between two attempts to sign in while Argo CD cannot be reached.
SIGN_IN_PAUSE: Final = 1.0
#: The pause after a renewal that failed.
RENEWAL_PAUSE: Final = 10.0
#: A request to GitLab's API.
GITLAB_CALL: Final = 3.0
#: The pause before the second request to GitLab; it doubles with each request.
GITLAB_PAUSE: Final = 0.5
#: All requests to GitLab after SIGTERM.
GITLAB_AFTER_SIGNAL: Final = 0.5
#: A request of the deployed address.
SITE_CALL: Final = 5.0
#: The pause between two requests of the deployed address.
SITE_PAUSE: Final = 2.0
