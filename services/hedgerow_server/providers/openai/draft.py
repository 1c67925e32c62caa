"""What a request is built with: whose words it may speak, and what it could not say."""

import msgspec

from hedgerow_server.core.error import FieldViolation, RequestInvalid
from hedgerow_server.core.event import Warning, WarningCode
from hedgerow_server.providers.openai.state import DIALECT

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Draft:
    """Collects the warnings of one request. `field` is always the dotted path in the caller's request."""

    __slots__ = ("_state_dropped", "names", "provider", "warnings")

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.names = (provider, "openai", DIALECT)
        """The names under which callers address this provider, the most particular first."""
        self.warnings: list[Warning] = []
        self._state_dropped = False

    def ignored(self, field: str, message: str) -> None:
        """The parameter is not sent."""
        self.warnings.append(Warning(WarningCode.PARAMETER_IGNORED, field, message))

    def changed(self, field: str, message: str) -> None:
        """The parameter is sent with another value."""
        self.warnings.append(Warning(WarningCode.PARAMETER_CHANGED, field, message))

    def state_dropped(self, field: str) -> None:
        """State of another provider is not sent. Said once a request."""
        if not self._state_dropped:
            self._state_dropped = True
            message = "State of another provider was not sent."
            self.warnings.append(Warning(WarningCode.PROVIDER_STATE_DROPPED, field, message))

    def invalid(self, field: str, description: str) -> RequestInvalid:
        """The error for a field that the provider cannot take."""
        return RequestInvalid(
            f"{field}: {description}",
            metadata={"field": field, "provider": self.provider},
            violations=(FieldViolation(field, description),),
        )

    def json_object(self, text: str | bytes, field: str) -> msgspec.Raw:
        """JSON text that is sent as it is. Raises RequestInvalid when it is not an object."""
        self.members(text, field)
        return msgspec.Raw(text)

    def members(self, text: str | bytes, field: str) -> dict[str, msgspec.Raw]:
        """The members of an object in JSON text. Raises RequestInvalid when it is not one."""
        try:
            return _OBJECT.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self.invalid(field, "must be the text of a JSON object") from None
