"""Read how many requests Argo CD's API server has counted."""

import re
from collections import Counter
from typing import Final

from sandbox.layout import ADDRESS, Layout
from sandbox.probes import call

_STARTED: Final = re.compile(r'grpc_server_started_total\{grpc_method="(.+?)",grpc_service="(.+?)",.*?\} (\S+)')
_SECONDS: Final = 5.0


def count(layout: Layout) -> Counter[str]:
    """Return the requests since the API server started, by service and method: ``application.ApplicationService/Get``.

    The requests of the command line (gRPC-Web) and of the REST API end in the same gRPC server, which counts them
    once.
    """
    url = f"http://{ADDRESS}:{layout.ports['argocd-server-metrics']}/metrics"
    text = call("GET", url, seconds=_SECONDS).decode()
    return Counter({f"{service}/{method}": int(float(number)) for method, service, number in _STARTED.findall(text)})
