"""Thoughts as `reasoning_details`: pieces of several types, some of which hold no text (OpenRouter, Vercel, Snowflake).
They must go back as they came.
"""

from typing import Any

from hedgerow_server.providers.loose import text_of

_GROWING = ("text", "summary")


class Details:
    """The details of one answer; fragments of a piece are joined."""

    __slots__ = ("whole",)

    def __init__(self) -> None:
        self.whole: list[Any] = []

    def add(self, details: Any) -> str:
        """Takes more; returns the text in it."""
        said = []
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, dict):
                said += [text_of(detail.get(name)) for name in _GROWING]
                self._join(detail)
        return "".join(said)

    def _join(self, detail: dict[str, Any]) -> None:
        last = self.whole[-1] if self.whole else {}
        goes_on = any(name in detail or name in last for name in _GROWING) and "data" not in detail
        if goes_on and all(detail.get(name, last.get(name)) == last.get(name) for name in ("type", "index", "id")):
            grown = {name: text_of(last.get(name)) + text_of(detail.get(name)) for name in _GROWING if name in detail}
            last.update({name: value for name, value in detail.items() if value is not None} | grown)
        else:
            self.whole.append(dict(detail))
