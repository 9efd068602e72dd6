import time

import pytest

from argocd_release.core.outage import is_outage

RPC = "rpc error: code = Unknown desc = "


@pytest.mark.parametrize(
    "message",
    [
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 1.2.3.4"',
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        f'{RPC}Get "https://git.example.com/x/info/refs?service=git-upload-pack": dial tcp: lookup git: no such host',
        f"{RPC}failed to list refs: some words",
        f'{RPC}Get "https://git.example.com/x": EOF',
        f"{RPC}`git fetch origin --tags --force` failed exit status 128: fatal: The requested URL returned error: 502",
        f"{RPC}`git fetch origin` failed timeout after 1m30s",
        f'{RPC}unexpected client error: unexpected requesting "https://x" status code: 503',
        f"{RPC}read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer",
        f"{RPC}failed to fetch https://charts.example.com/index.yaml : 503 Service Unavailable",
        "Failed to load live state: the server is currently unable to handle the request",
    ],
)
def test_what_tells_of_an_outage(message: str) -> None:
    assert is_outage(message)


@pytest.mark.parametrize(
    "message",
    [
        f"{RPC}app path does not exist",
        f"{RPC}repository not found",
        f"{RPC}failed to list refs: repository not found",
        f"{RPC}failed to list refs: authentication required",
        f"{RPC}unable to resolve 'mian' to a commit SHA",
        f'{RPC}Failed to unmarshal "web.yaml": error converting YAML to JSON: yaml: line 3: unexpected EOF',
        "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5000 vs. 4000)",
        "error validating data: port 502 is not allowed",
        "",
    ],
)
def test_what_is_an_answer(message: str) -> None:
    assert not is_outage(message)


@pytest.mark.parametrize("part", ["EOF ", ": EOF", "unable to resolve '", "code = ", "status: ", "\"' .", "A"])
def test_hostile_text_costs_no_time(part: str) -> None:
    text = part * (10_000 // len(part))
    started = time.process_time()
    is_outage(text)
    assert time.process_time() - started < 0.1
