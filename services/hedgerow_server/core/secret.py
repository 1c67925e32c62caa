"""A secret that cannot be shown by accident."""

from collections.abc import Callable
from typing import NoReturn


class Secret:
    """Holds a credential for a provider. Only `reveal` gives it away; every other way of printing it says nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The credential itself, for the one header that carries it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret()"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "Secret()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


Reveal = Callable[[], Secret]
"""A secret as it is now. Raises CredentialUnavailable while there is none."""
RevealNamed = Callable[[str], Secret]
"""The same of an entry of `credentials`."""


def later(reveal: RevealNamed, name: str | None) -> Reveal | None:
    """The secret of an entry, whenever it is asked for. None without a name."""
    return None if name is None else lambda: reveal(name)
