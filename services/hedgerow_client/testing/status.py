"""Statuses as the gateway makes them: one ErrorInfo, each further detail at most once, and the trailers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from hedgerow_client.errors import DOMAIN, FieldViolation

Trailer = tuple[str, str | bytes]
NEVER = -1
"""The pushback that forbids another try."""
MODEL_TYPE = "hedgerow.router.v1.Model"
"""What ResourceInfo calls a model."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A status with its details, which google.rpc defines."""

    code: grpc.StatusCode
    """The status code."""
    reason: str
    """The name of an ErrorReason, such as "ERROR_REASON_QUOTA_EXCEEDED"; empty: a status that no gateway has made."""
    message: str
    """What happened, for a person."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The metadata of ErrorInfo."""
    field_violations: Sequence[FieldViolation] = ()
    """The fields of BadRequest."""
    subject: str = ""
    """What QuotaFailure, PreconditionFailure or ResourceInfo name."""
    retry_delay_s: float | None = None
    """The delay of RetryInfo; None: there is no RetryInfo."""
    pushback_ms: int | None = None
    """The trailer `grpc-retry-pushback-ms`, which gRPC's own retries obey: a delay, or NEVER. None: there is none."""

    @property
    def status(self) -> status_pb2.Status:
        """The status as a message."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self._details():
            status.details.add().Pack(detail)
        return status

    def trailers(self) -> tuple[Trailer, ...]:
        """What comes after the call, beside its report."""
        found: list[Trailer] = []
        if self.reason:
            found.append(("grpc-status-details-bin", self.status.SerializeToString()))
        if self.pushback_ms is not None:
            found.append(("grpc-retry-pushback-ms", str(self.pushback_ms)))
        return tuple(found)

    def _details(self) -> list[Message]:
        if not self.reason:
            return []
        info = error_details_pb2.ErrorInfo(domain=DOMAIN, reason=self.reason, metadata=self.metadata)
        return [info, *self._cause(), *self._retry()]

    def _cause(self) -> list[Message]:
        match self.code:
            case grpc.StatusCode.INVALID_ARGUMENT if self.field_violations:
                bad = error_details_pb2.BadRequest()
                for violation in self.field_violations:
                    bad.field_violations.add(field=violation.field, description=violation.description)
                return [bad]
            case grpc.StatusCode.NOT_FOUND:
                resource = error_details_pb2.ResourceInfo(resource_type=MODEL_TYPE, resource_name=self.subject)
                resource.description = self.message
                return [resource]
            case grpc.StatusCode.FAILED_PRECONDITION:
                failure = error_details_pb2.PreconditionFailure()
                rule = self.reason.removeprefix("ERROR_REASON_")
                failure.violations.add(type=rule, subject=self.subject, description=self.message)
                return [failure]
            case grpc.StatusCode.RESOURCE_EXHAUSTED:
                quota = error_details_pb2.QuotaFailure()
                quota.violations.add(subject=self.subject, description=self.message)
                return [quota]
            case _:
                return []

    def _retry(self) -> list[Message]:
        if self.retry_delay_s is None:
            return []
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(round(self.retry_delay_s * 1000))
        return [retry]
