"""Errors as gRPC says them: one ErrorInfo, each other detail at most once, and whether to come back."""

from collections.abc import Iterable

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hedgerow_server.core.error import (
    FieldViolation,
    HedgerowError,
    MessageTooLarge,
    ModelNotFound,
    NoCandidate,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    RequestInvalid,
    every_error,
)
from hedgerow_server.doors.status import DETAILS_BYTES, code_of, pushback, status, text_of, trailers

DETAILS = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.ResourceInfo,
    error_details_pb2.PreconditionFailure,
    error_details_pb2.QuotaFailure,
    error_details_pb2.RetryInfo,
)
ERRORS = list(every_error().values())


def unpacked(details: Iterable[any_pb2.Any]) -> list[Message]:
    """The details, each as what it is."""
    found: list[Message] = []
    for one in details:
        kind = next(kind for kind in DETAILS if one.Is(kind.DESCRIPTOR))
        found.append(kind.FromString(one.value))
    return found


def details(error: HedgerowError) -> dict[str, Message]:
    """The details of an error by the name of their kind; each kind stands once."""
    found = unpacked(status(error).details)
    by_name = {type(one).__name__: one for one in found}
    assert len(by_name) == len(found)
    return by_name


def full(kind: type[HedgerowError], **more: object) -> HedgerowError:
    """An error of this class that has everything an error can have."""
    given: dict[str, object] = {
        "metadata": {"provider": "sim"},
        "violations": (FieldViolation("chat.top_k", "no"),),
        "retry_delay_s": 1.5,
        "resource": ("hedgerow.router.v1.Model", "fsat"),
        "subject": "route.providers",
    }
    return kind("Something happened.", **(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_exactly_one_error_info_of_our_domain(kind: type[HedgerowError]) -> None:
    for error in (kind("Something happened."), full(kind)):
        message = status(error)
        assert grpc.StatusCode[kind.code].value[0] == message.code
        assert code_of(error) is grpc.StatusCode[kind.code]
        info = details(error)["ErrorInfo"]
        assert isinstance(info, error_details_pb2.ErrorInfo)
        assert (info.reason, info.domain) == (f"ERROR_REASON_{kind.reason}", "hedgerow")
        assert dict(info.metadata) == error.metadata


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_with_everything_has_each_detail_once(kind: type[HedgerowError]) -> None:
    expected = {"ErrorInfo", "BadRequest", "ResourceInfo", "RetryInfo"}
    expected |= {"PreconditionFailure"} if kind.code == "FAILED_PRECONDITION" else set()
    expected |= {"QuotaFailure"} if kind.code == "RESOURCE_EXHAUSTED" else set()
    assert set(details(full(kind))) == expected


def test_bad_fields_are_named() -> None:
    violations = (FieldViolation("chat.top_p", "must be 0 to 1"), FieldViolation("chat.seed", "no"))
    bad = details(RequestInvalid("x", violations=violations))["BadRequest"]
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert [(one.field, one.description) for one in bad.field_violations] == [
        ("chat.top_p", "must be 0 to 1"),
        ("chat.seed", "no"),
    ]


def test_what_was_not_found_is_named() -> None:
    info = details(ModelNotFound("x", resource=("hedgerow.router.v1.Model", "fsat")))["ResourceInfo"]
    assert isinstance(info, error_details_pb2.ResourceInfo)
    assert (info.resource_type, info.resource_name) == ("hedgerow.router.v1.Model", "fsat")


def test_the_rule_that_left_no_candidate_is_named() -> None:
    failure = details(NoCandidate("x", subject="route.providers"))["PreconditionFailure"]
    assert isinstance(failure, error_details_pb2.PreconditionFailure)
    assert [(one.type, one.subject) for one in failure.violations] == [("NO_CANDIDATE", "route.providers")]


def test_the_limit_that_was_hit_is_named() -> None:
    failure = details(MessageTooLarge("x", subject="message_bytes"))["QuotaFailure"]
    assert isinstance(failure, error_details_pb2.QuotaFailure)
    assert [one.subject for one in failure.violations] == ["message_bytes"]


@pytest.mark.parametrize(("delay_s", "nanos"), [(0.0, 0), (1.5, 500_000_000), (0.0004, 0), (3600.0, 0)])
def test_when_to_come_back_is_told_where_it_is_known(delay_s: float, nanos: int) -> None:
    info = details(ProviderThrottled("x", retry_delay_s=delay_s))["RetryInfo"]
    assert isinstance(info, error_details_pb2.RetryInfo)
    assert (info.retry_delay.seconds, info.retry_delay.nanos) == (int(delay_s), nanos)


def test_when_to_come_back_is_not_made_up() -> None:
    assert "RetryInfo" not in details(ProviderThrottled("x"))


POSITIVE = {
    *("OVERLOADED", "DRAINING", "PROVIDER_THROTTLED"),
    *("IDENTITY_UNAVAILABLE", "IDEMPOTENCY_UNAVAILABLE", "LEDGER_UNAVAILABLE", "LIMITS_UNAVAILABLE"),
}
"""Shed, drain, throttle, and callers who cannot be told yet: the only ones that invite a retry."""
NEVER = {
    *("MESSAGE_TOO_LARGE", "READER_TOO_SLOW", "PROVIDER_QUOTA_SPENT", "PROVIDER_UNAVAILABLE", "PROVIDER_AUTH"),
    *("PROVIDER_MODEL_UNAVAILABLE", "UPSTREAM_PROTOCOL", "STREAM_CUT", "STREAM_STALLED", "FIRST_TOKEN_TIMEOUT"),
    *("CREDENTIAL_UNAVAILABLE", "SWITCHED_OFF", "QUOTA_EXCEEDED", "BUDGET_SPENT", "GUARDRAIL_UNAVAILABLE"),
}
"""Codes that clients may retry by themselves, though it would not help."""


@pytest.mark.parametrize("kind", ERRORS)
def test_pushback_follows_the_contract(kind: type[HedgerowError]) -> None:
    """With a delay and without one; None: there is no such trailer, as the client does not retry anyway or decides."""
    with_delay = "1500" if kind.reason in POSITIVE else "-1" if kind.reason in NEVER else None
    without = "-1" if kind.reason in NEVER else None
    assert pushback(kind("x", retry_delay_s=1.5)) == with_delay
    assert pushback(kind("x")) == without


def test_a_delay_that_has_passed_means_at_once() -> None:
    assert pushback(ProviderThrottled("x", retry_delay_s=-3.0)) == "1"


def test_a_provider_that_is_down_and_says_when_it_is_back_is_still_not_retried_by_itself() -> None:
    error = ProviderUnavailable("x", retry_delay_s=30.0)
    assert pushback(error) == "-1"
    assert "RetryInfo" in details(error)


def test_a_status_is_printable_ascii() -> None:
    text = text_of(RequestInvalid("é\n100 %\x00 漢 plain"))
    assert text == "??100 ?? ? plain"


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀", "\udcff"])
def test_the_status_of_any_error_is_short_and_keeps_its_reason(kind: type[HedgerowError], letter: str) -> None:
    long = letter * 5000
    error = kind(
        long,
        metadata={f"key{number}": long for number in range(20)},
        violations=tuple(FieldViolation(long, long) for _ in range(50)),
        resource=("hedgerow.router.v1.Model", long),
        retry_delay_s=1e6,
        subject=long,
    )
    found = details(error)
    assert status(error).ByteSize() <= DETAILS_BYTES
    info, bad = found["ErrorInfo"], found["BadRequest"]
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert info.reason == f"ERROR_REASON_{kind.reason}"
    assert "key0" in info.metadata
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert bad.field_violations


def test_as_many_violations_are_told_as_there_is_room_for() -> None:
    violations = tuple(FieldViolation(f"chat.messages[{number}]", "wrong") for number in range(100))
    bad = details(RequestInvalid("x", violations=violations))["BadRequest"]
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert 10 < len(bad.field_violations) < 100
    assert [one.field for one in bad.field_violations][:2] == ["chat.messages[0]", "chat.messages[1]"]


def test_the_trailers_of_a_success_are_the_id_and_the_report() -> None:
    assert trailers("req-7", b"report", None) == (("x-request-id", "req-7"), ("hedgerow-report-bin", b"report"))


def test_the_trailers_of_a_failure_hold_the_whole_status_as_well() -> None:
    error = ProviderRejectedRequest("The provider refused it.")
    names = dict(trailers("req-7", b"report", error))
    assert set(names) == {"x-request-id", "hedgerow-report-bin", "grpc-status-details-bin"}
    details_bin = names["grpc-status-details-bin"]
    assert isinstance(details_bin, bytes)
    assert status_pb2.Status.FromString(details_bin) == status(error)


def test_the_trailers_say_whether_to_come_back() -> None:
    assert dict(trailers("", b"", ProviderThrottled("x", retry_delay_s=2)))["grpc-retry-pushback-ms"] == "2000"
    assert "grpc-retry-pushback-ms" not in dict(trailers("", b"", ProviderThrottled("x")))
