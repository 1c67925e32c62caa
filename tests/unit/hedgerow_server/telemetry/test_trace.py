"""The caller's trace context goes on to the provider, or nothing does."""

import pytest
from hedgerow_server.telemetry.trace import forwarded
from unit.hedgerow_server.calls import call

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "parent",
    [
        PARENT,
        PARENT.replace("-01", "-00"),
        f"cc{PARENT[2:]}",
        f"cc{PARENT[2:]}-what-comes-later",
    ],
)
def test_a_trace_context_goes_on_unchanged(parent: str) -> None:
    """Later versions may add to it (W3C Trace Context, 3.2.4)."""
    assert forwarded(call({"traceparent": parent})) == (("traceparent", parent),)


def test_the_state_goes_with_it() -> None:
    headers = (("traceparent", PARENT), ("tracestate", "vendor=1"))
    assert forwarded(call(dict(headers))) == headers


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        PARENT.upper(),
        PARENT[:-1],
        f"{PARENT}0",
        f"{PARENT}-more",
        f"ff{PARENT[2:]}",
        PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        PARENT.replace("b7ad6b7169203331", "0" * 16),
        f" {PARENT}",
        f"{PARENT}\n",
    ],
)
def test_a_malformed_trace_context_is_dropped_and_the_state_with_it(parent: str) -> None:
    assert forwarded(call({"traceparent": parent, "tracestate": "vendor=1"})) == ()


def test_state_without_context_is_dropped() -> None:
    assert forwarded(call({"tracestate": "vendor=1"})) == ()


@pytest.mark.parametrize(("length", "kept"), [(512, True), (513, False)])
def test_state_has_a_limit(length: int, kept: bool) -> None:
    state = "v=" + "x" * (length - 2)
    assert (("tracestate", state) in forwarded(call({"traceparent": PARENT, "tracestate": state}))) is kept
