"""How a section says which credentials a provider is called with."""

from collections.abc import Sequence
from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section

_MOST_KEYS = 16


class KeySection(Section):
    """One of several keys of a provider."""

    name: str
    """The entry of `credentials`."""
    weight: int = pydantic.Field(default=1, ge=1, le=16)
    """The share of calls that go out with this key."""


def _distinct(keys: tuple[KeySection, ...]) -> tuple[KeySection, ...]:
    if len({key.name for key in keys}) < len(keys):
        raise ValueError("a key stands twice")
    return keys


_Keys = Annotated[
    tuple[KeySection, ...],
    pydantic.Field(min_length=1, max_length=_MOST_KEYS),
    pydantic.AfterValidator(_distinct),
    pydantic.Tag("keys"),
]

Credential = Annotated[
    Annotated[str, pydantic.Tag("name")] | _Keys,
    # With it a fault in the list is told once, and not also as a name that is no text.
    pydantic.Discriminator(
        lambda value: "keys" if isinstance(value, Sequence) and not isinstance(value, str) else "name"
    ),
]
"""An entry of `credentials`, or a list of 1 to 16 of them with weights."""


def keys_of(credential: str | Sequence[KeySection] | None) -> tuple[KeySection, ...]:
    """The keys that a section names, each with its weight; empty for none."""
    if credential is None:
        return ()
    return (KeySection(name=credential),) if isinstance(credential, str) else tuple(credential)
