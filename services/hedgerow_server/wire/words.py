"""Errors in the words of the API that a caller speaks: the contract has other names for many fields."""

from typing import Protocol, runtime_checkable

from hedgerow_server.core.error import FieldViolation, HedgerowError


@runtime_checkable
class Wording(Protocol):
    """The form of a call that knows its fields by two names."""

    def named(self, field: str) -> str:
        """The caller's name of a field of the contract; one that is the caller's already stays."""


def in_words(error: HedgerowError, form: object) -> HedgerowError:
    """The error as the caller of a call of this form knows its fields."""
    fields = [one.field for one in error.violations] or [error.metadata.get("field", "")]
    if not isinstance(form, Wording) or not any(fields):
        return error
    message, metadata = error.message, dict(error.metadata)
    for field in fields:
        if message.startswith(field):
            message = form.named(field) + message[len(field) :]
    if "field" in metadata:
        metadata["field"] = form.named(metadata["field"])
    return type(error)(
        message,
        metadata=metadata,
        violations=tuple(FieldViolation(form.named(one.field), one.description) for one in error.violations),
        retry_delay_s=error.retry_delay_s,
        resource=error.resource,
        subject=form.named(error.subject) if error.subject in fields else error.subject,
    )
