"""Read how many requests Argo CD's API server has counted."""

import re
from collections import Counter
from typing import Final

from sandbox.layout import ADDRESS, Layout
from sandbox.probes import call

_STARTED: Final = re.compile(r'grpc_server_started_total\{grpc_method="(.+?)",grpc_service="(.+?)",.*?\} (\S+)')
_SECONDS: Final = 5.0


def count(layout: Layout) -> Counter[str]:
    """Return the number of requests since the start of the API server, by their gRPC service and method.

    A key is for example ``application.ApplicationService/Get``. Requests of the CLI and of the REST API are both
    counted, because the same gRPC server handles them.
    """
    url = f"http://{ADDRESS}:{layout.ports['argocd-server-metrics']}/metrics"
    text = call("GET", url, seconds=_SECONDS).decode()
    return Counter({f"{service}/{method}": int(float(number)) for method, service, number in _STARTED.findall(text)})
