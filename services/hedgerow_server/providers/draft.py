"""What a request is built with: whose words it may speak, and what it could not say."""

import msgspec

from hedgerow_server.core.error import FieldViolation, RequestInvalid
from hedgerow_server.core.event import Warning, WarningCode
from hedgerow_server.core.request import ChatSpec, EmbedSpec

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Draft:
    """Collects the warnings of one request. `field` is always the dotted path in the caller's request."""

    __slots__ = ("_state_dropped", "names", "provider", "warnings")

    def __init__(self, provider: str, *also: str) -> None:
        """`provider` is the configured name, `also` the names of its dialect."""
        self.provider = provider
        self.names = (provider, *also)
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
        """Opaque JSON that is sent as it is, such as an item that came back. Raises RequestInvalid when it is none.
        JSON in the contract's own text fields was checked before.
        """
        self.members(text, field)
        return msgspec.Raw(text.encode() if isinstance(text, str) else text)

    def members(self, text: str | bytes, field: str) -> dict[str, msgspec.Raw]:
        """The members of an object in JSON text. Raises RequestInvalid when it is not one."""
        try:
            return _OBJECT.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self.invalid(field, "must be the text of a JSON object") from None

    def options(self, spec: ChatSpec | EmbedSpec, field: str) -> tuple[str, dict[str, msgspec.Raw]]:
        """The caller's options for this provider and the field that holds them; of several names the most particular
        wins. Empty where there are none. Raises RequestInvalid.
        """
        if isinstance(spec, ChatSpec) and spec.bound is not None and spec.bound[0] not in self.names:
            raise self.invalid(spec.bound[1], f"can only be followed by a provider of the dialect {spec.bound[0]}")
        given = spec.provider_options
        if not given:
            return field, {}
        name = next((name for name in self.names if name in given), None)
        path = f"{field}[{name!r}]" if name is not None else field
        members = self.members(given[name], path) if name is not None else {}
        for other in spec.for_any:
            if other != name:
                self._add(members, given[other], f"{field}[{other!r}]", taken=other in self.names)
        return path, members

    def _add(self, members: dict[str, msgspec.Raw], text: str, path: str, *, taken: bool) -> None:
        """Adds what is for whoever answers, beside what is for this provider alone."""
        for name, value in self.members(text, path).items():
            if taken:
                members.setdefault(name, value)
            elif name != "store" or bytes(value) != b"false":  # whoever has no such parameter keeps nothing
                self.ignored(f"{path}.{name}", "The provider has no such parameter.")

    def with_members(
        self, body: bytes, members: dict[str, msgspec.Raw], field: str, forbidden: frozenset[str]
    ) -> bytes:
        """The JSON object `body` with more members, which the caller gave in `field`. Raises RequestInvalid for one
        that is `forbidden`: what the gateway sets is not overridden.
        """
        if taken := sorted(members.keys() & forbidden):
            raise self.invalid(field, f"must not hold {taken[0]!r}, which the gateway sets itself")
        if not members:
            return body
        return body[:-1] + (b"," if body != b"{}" else b"") + msgspec.json.encode(members)[1:]

    def with_options(self, body: bytes, spec: ChatSpec | EmbedSpec, field: str, forbidden: frozenset[str]) -> bytes:
        """The JSON object `body` with the members of the caller's options for this provider; see `options` and
        `with_members`.
        """
        path, members = self.options(spec, field)
        return self.with_members(body, members, path, forbidden)
