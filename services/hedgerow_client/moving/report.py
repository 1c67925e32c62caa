"""What an import says about the keys of its source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What becomes of a key."""

    MAPS = "maps"
    """Hedgerow does the same."""
    PARTLY = "partly"
    """Hedgerow does something near, or needs a hand."""
    NO = "no"
    """It is left out."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of another gateway's configuration, as the tables of docs/moving have it."""

    verdict: Verdict
    """What becomes of it."""
    text: str
    """Where it goes; for what does not map, why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that did not map, or not wholly."""

    path: str
    """Where it stands in the source, such as "model_list[0].litellm_params.timeout"."""
    verdict: Verdict
    """PARTLY or NO."""
    text: str
    """Why, and what to do instead. Never the value: it may be a secret."""

    def __str__(self) -> str:
        word = "partly" if self.verdict is Verdict.PARTLY else "not imported"
        return f"{self.path}: {word}: {self.text}"


@dataclass(slots=True)
class Report:
    """All notes of an import, each once."""

    notes: list[Note] = field(default_factory=list)
    """The notes, in the order of the source."""

    def partly(self, path: str, text: str) -> None:
        """Something near has been written, or a hand is needed."""
        self._add(Note(path, Verdict.PARTLY, text))

    def left_out(self, path: str, text: str) -> None:
        """Nothing has been written for it."""
        self._add(Note(path, Verdict.NO, text))

    def _add(self, note: Note) -> None:
        if note not in self.notes:
            self.notes.append(note)


class Source:
    """A mapping of the source that remembers what was read of it, so that nothing is left unsaid."""

    def __init__(self, values: Any, path: str, keys: Mapping[str, Key], report: Report) -> None:
        """`keys` says what becomes of the mapping's keys. What is no mapping is reported, and read as an empty one."""
        self.path = path
        self.report = report
        self._keys = keys
        self._taken: set[str] = set()
        if values is not None and not isinstance(values, Mapping):
            report.left_out(path, "expected a mapping")
            values = {}
        self._values: dict[str, Any] = {str(key): value for key, value in (values or {}).items()}

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def at(self, key: str) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def take(self, key: str, *, quiet: bool = False) -> Any:
        """The value of a key, None where there is none. Notes what the table says of keys that map partly, unless the
        reader says it better (`quiet`).
        """
        self._taken.add(key)
        value = self._values.get(key)
        known = self._keys.get(key)
        if not quiet and value is not None and known is not None and known.verdict is Verdict.PARTLY:
            self.report.partly(self.at(key), known.text)
        return value

    def text(self, key: str, *, quiet: bool = False) -> str:
        """The value of a key as text; empty where there is none."""
        value = self.take(key, quiet=quiet)
        return "" if value is None else str(value)

    def number(self, key: str) -> float | None:
        """The value of a key as a number above 0; None where there is none. What is no such number is reported."""
        value = self.take(key)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if number > 0:
            return number
        self.report.left_out(self.at(key), "expected a number above 0 that stands in the file")
        return None

    def items(self, key: str) -> Sequence[Any]:
        """The value of a key as a list; what is no list is reported."""
        value = self.take(key)
        if value is None:
            return ()
        if isinstance(value, list):
            return value
        self.report.left_out(self.at(key), "expected a list")
        return ()

    def rest(self) -> None:
        """Reports every key that was not read."""
        for key in self._unread():
            known = self._keys.get(key)
            text = known.text if known is not None else "the import does not know this key"
            self.report.left_out(self.at(key), text)

    def _unread(self) -> Iterator[str]:
        for key, value in self._values.items():
            nothing = value is None or value is False or value in ({}, [], "")
            if key not in self._taken and not nothing:
                yield key
