"""The only place that makes a gRPC status of an error.

All trailers of a call stay below 4 KiB together, because C-core and Java drop a status whose trailers exceed 8 KiB:
texts are cut here, and the report (wire/report.py) has a room of its own.
"""

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.text import cut

DOMAIN = "hedgerow"
DETAILS_BYTES = 1_200
_MESSAGE_BYTES = 240
_VALUE_BYTES = 96
_DESCRIPTION_BYTES = 160
_INFO_BYTES = 440
_ANY_BYTES = 64
"""What packing a detail costs at most."""
_TYPE_PREFIX = "type.googleapis.com/"

Trailers = tuple[tuple[str, str | bytes], ...]


def code_of(error: HedgerowError) -> grpc.StatusCode:
    """The gRPC status code of an error."""
    return grpc.StatusCode[error.code]


def text_of(error: HedgerowError) -> str:
    """The status message: printable ASCII, so that its percent-encoding costs nothing, and short."""
    return cut("".join(c if " " <= c <= "~" and c != "%" else "?" for c in error.message), _MESSAGE_BYTES)


def status(error: HedgerowError) -> status_pb2.Status:
    """The whole status: exactly one ErrorInfo, and each other detail at most once."""
    message = status_pb2.Status(code=code_of(error).value[0], message=text_of(error))
    _add(message, _error_info(error))
    for detail in _further(error, DETAILS_BYTES - message.ByteSize() - _ANY_BYTES):
        _add(message, detail)
    return message


def _error_info(error: HedgerowError) -> error_details_pb2.ErrorInfo:
    """Never left out for want of room: metadata is, from the end."""
    info = error_details_pb2.ErrorInfo(reason=f"ERROR_REASON_{error.reason}", domain=DOMAIN)
    for key, value in error.metadata.items():
        short = cut(value, _VALUE_BYTES)
        if info.ByteSize() + len(key) + len(short.encode()) + 8 > _INFO_BYTES:
            break
        info.metadata[key] = short
    return info


def _further(error: HedgerowError, room: int) -> list[Message]:
    details: list[Message] = []
    if error.violations:
        details.append(_bad_request(error, room))
    if error.resource is not None:
        kind, name = error.resource
        details.append(
            error_details_pb2.ResourceInfo(
                resource_type=kind, resource_name=cut(name, _VALUE_BYTES), description=text_of(error)
            )
        )
    if error.code == "FAILED_PRECONDITION":
        failure = error_details_pb2.PreconditionFailure()
        failure.violations.add(type=error.reason, subject=cut(error.subject, _VALUE_BYTES), description=text_of(error))
        details.append(failure)
    if error.code == "RESOURCE_EXHAUSTED":
        quota = error_details_pb2.QuotaFailure()
        quota.violations.add(subject=cut(error.subject, _VALUE_BYTES), description=text_of(error))
        details.append(quota)
    if error.retry_delay_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(round(error.retry_delay_s * 1000))
        details.append(retry)
    return details


def _bad_request(error: HedgerowError, room: int) -> error_details_pb2.BadRequest:
    """As many violations as there is room for; the first always fits."""
    bad = error_details_pb2.BadRequest()
    for violation in error.violations:
        one = error_details_pb2.BadRequest.FieldViolation(
            field=cut(violation.field, 2 * _VALUE_BYTES), description=cut(violation.description, _DESCRIPTION_BYTES)
        )
        room -= one.ByteSize() + 4
        if room < 0 and bad.field_violations:
            break
        bad.field_violations.append(one)
    return bad


def _add(message: status_pb2.Status, detail: Message) -> None:
    packed = Any(type_url=_TYPE_PREFIX + detail.DESCRIPTOR.full_name, value=detail.SerializeToString())
    if message.ByteSize() + packed.ByteSize() + 4 <= DETAILS_BYTES:
        message.details.append(packed)


def pushback(error: HedgerowError) -> str | None:
    """What `grpc-retry-pushback-ms` says: a delay for what is worth a retry, -1 for a failure that a client might
    retry by itself but should not, None where clients do not retry anyway.
    """
    if error.retryable and error.retry_delay_s is not None:
        # With 0 C-core's clients neither try again nor fail: they wait for their deadline.
        return str(max(1, round(error.retry_delay_s * 1000)))
    if not error.retryable and error.code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED"):
        return "-1"
    return None


def trailers(request_id: str, report: bytes, error: HedgerowError | None) -> Trailers:
    """The trailers of a call."""
    fixed: Trailers = (("x-request-id", request_id), ("hedgerow-report-bin", report))
    if error is None:
        return fixed
    fixed += (("grpc-status-details-bin", status(error).SerializeToString()),)
    delay = pushback(error)
    return fixed if delay is None else (*fixed, ("grpc-retry-pushback-ms", delay))
