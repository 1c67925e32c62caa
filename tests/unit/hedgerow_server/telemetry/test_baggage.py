"""Which of a caller's headers providers are told."""

import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.telemetry.baggage import listed, propagated
from hedgerow_server.telemetry.section import TelemetrySection
from hedgerow_server.telemetry.trace import forwarded

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _call(**metadata: str) -> Call:
    def nothing(call: Call) -> object:
        raise NotImplementedError

    call = Call(Method("S/M", Kind.UNARY, nothing, nothing), {"traceparent": PARENT, **metadata}, b"")  # type: ignore[arg-type]
    call.request_id = "r-1"
    return call


def test_baggage_stays_here_by_default() -> None:
    headers = propagated(forwarded, TelemetrySection())
    assert headers(_call(baggage="tier=gold")) == (("traceparent", PARENT),)


def test_only_listed_members_go_on_with_their_properties() -> None:
    headers = propagated(forwarded, TelemetrySection(propagate_baggage=("tier", "lane")))
    found = dict(headers(_call(baggage="user=ann, tier=gold;ttl=5 ,lane = 2,tiers=no")))
    assert found == {"traceparent": PARENT, "baggage": "tier=gold;ttl=5,lane = 2"}


def test_the_id_of_the_call_goes_on_where_that_is_wanted() -> None:
    headers = propagated(forwarded, TelemetrySection(propagate_request_id=True))
    assert dict(headers(_call()))["x-request-id"] == "r-1"


@pytest.mark.parametrize(
    "baggage", ["", "tier", "tier=a\nb", "tier=\x7f", "tier=é", "tier=" + "x" * 8192, ",".join(["tier=a"] * 65)]
)
def test_what_is_no_baggage_goes_nowhere(baggage: str) -> None:
    assert listed(baggage, frozenset({"tier"})) == ""
