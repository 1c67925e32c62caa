"""Failed calls as exceptions, read from a status alone and from real calls of both clients."""

from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from hedgerow_client import AsyncClient, Client, chat, errors
from hedgerow_client.errors import FieldViolation, HedgerowError, from_status, read_trailers
from unit.hedgerow_client.fake_gateway import REPORT, REQUEST_ID, Failure, FakeGateway

RICH = Failure(
    grpc.StatusCode.INVALID_ARGUMENT,
    "chat.temperature must be at most 2",
    metadata={"field": "chat.temperature"},
    more=(
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field="chat.temperature", description="at most 2")
            ]
        ),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
    ),
)


def assert_rich(error: HedgerowError) -> None:
    assert isinstance(error, errors.InvalidArgumentError)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == "ERROR_REASON_REQUEST_INVALID"
    assert error.message == "chat.temperature must be at most 2"
    assert error.metadata == {"field": "chat.temperature"}
    assert error.field_violations == (FieldViolation("chat.temperature", "at most 2"),)
    assert error.retry_delay == timedelta(seconds=1.5)
    assert error.request_id == REQUEST_ID
    assert error.report == REPORT


def test_a_failed_unary_call_carries_all_details(gateway: FakeGateway) -> None:
    gateway.failure = RICH
    with Client(gateway.target) as client, pytest.raises(HedgerowError) as caught:
        client.complete(chat("any", "hi"))
    assert_rich(caught.value)


def test_a_failed_stream_carries_all_details(gateway: FakeGateway) -> None:
    gateway.failure = RICH
    with Client(gateway.target) as client, pytest.raises(HedgerowError) as caught:
        client.stream(chat("any", "hi")).collect()
    assert_rich(caught.value)


async def test_a_failed_asyncio_call_carries_all_details(gateway: FakeGateway) -> None:
    gateway.failure = RICH
    async with AsyncClient(gateway.target) as client:
        with pytest.raises(HedgerowError) as caught:
            await client.complete(chat("any", "hi"))
    assert_rich(caught.value)


async def test_a_failed_asyncio_stream_carries_all_details(gateway: FakeGateway) -> None:
    gateway.failure = RICH
    async with AsyncClient(gateway.target) as client:
        with pytest.raises(HedgerowError) as caught:
            await client.stream(chat("any", "hi")).collect()
    assert_rich(caught.value)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_code_has_a_class_of_the_tree(code: grpc.StatusCode) -> None:
    error = from_status(Failure(code).status)
    name = f"{''.join(word.title() for word in code.name.split('_'))}Error"
    named = {"CancelledError": errors.CallCancelledError}.get(name, getattr(errors, name, errors.CallError))
    assert type(error) is named
    assert error.code is code


def test_a_status_of_another_domain_has_no_reason() -> None:
    status = status_pb2.Status(code=14, message="upstream connect error")
    status.details.add().Pack(error_details_pb2.ErrorInfo(domain="envoy", reason="NO_HEALTHY_UPSTREAM"))
    error = from_status(status)
    assert (error.reason, dict(error.metadata)) == ("", {})


@pytest.mark.parametrize("name", ["hedgerow-report-bin", "grpc-status-details-bin"])
def test_malformed_trailers_count_as_absent(name: str) -> None:
    trailers = read_trailers([(name, b"\xff\xff\xff"), ("x-request-id", "r")])
    assert (trailers.report, trailers.status, trailers.request_id) == (None, None, "r")


@pytest.mark.parametrize(("pushback", "refused"), [("250", False), ("-1", True), (None, False)])
def test_a_refused_retry_is_told(gateway: FakeGateway, pushback: str | None, refused: bool) -> None:
    trailers = (("grpc-retry-pushback-ms", pushback),) if pushback else ()
    gateway.failure = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, trailers=trailers)
    with Client(gateway.target) as client, pytest.raises(errors.ResourceExhaustedError) as caught:
        client.complete(chat("any", "hi"))
    assert caught.value.retry_refused is refused


def test_an_unreachable_gateway_is_unavailable_without_a_reason() -> None:
    with Client("127.0.0.1:1", timeout=10) as client, pytest.raises(errors.UnavailableError) as caught:
        client.list_models()
    assert (caught.value.reason, caught.value.request_id) == ("", "")


def test_the_text_of_an_error_says_code_reason_and_message() -> None:
    assert str(from_status(RICH.status)) == (
        "INVALID_ARGUMENT (ERROR_REASON_REQUEST_INVALID): chat.temperature must be at most 2"
    )


def test_a_deadline_that_passes_is_its_own_class(gateway: FakeGateway) -> None:
    with Client(gateway.target, timeout=0.05) as client, pytest.raises(errors.DeadlineExceededError):
        client.complete(chat("silent", "hi"))
