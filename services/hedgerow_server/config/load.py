"""Reads the configuration file: YAML into typed sections, every fault with its file, line and what was expected."""

from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pydantic
import pydantic_core
import yaml

from hedgerow_server.config.model import Section

Settings = TypeVar("Settings", bound=Section)
Location = tuple[str | int, ...]
References = Callable[[Settings], Iterator[tuple[Location, str]]]


class Fault(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong: `line` counts from 1, `path` is dotted and may be empty."""

    file: str
    line: int
    path: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.path}: {self.expected}" if self.path else f"{where}: {self.expected}"


class ConfigError(Exception):
    """The file cannot be used; `faults` says why, one line each."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in sorted(faults)))
        self.faults = sorted(faults)


class _Lines:
    """Where each value of the file stands."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[Location, int] = {(): 1}
        self.faults: list[Fault] = []

    def value(self, node: yaml.Node, at: Location) -> object:
        """The plain value of a node; notes the lines of everything in it, and doubled keys as faults."""
        self._lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*at, index)) for index, item in enumerate(node.value)]
        return yaml.SafeLoader("").construct_object(node)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[Hashable, object]:
        values: dict[Hashable, object] = {}
        for key_node, value_node in node.value:
            key = self.value(key_node, (*at, "key", key_node.start_mark.line))
            if not isinstance(key, str):
                key = str(key_node.value)
            place: Location = (*at, key)
            self._lines[place] = key_node.start_mark.line + 1
            if key in values:
                self.faults.append(self.fault(place, "this key stands twice"))
            values[key] = self.value(value_node, place)
        return values

    def __contains__(self, at: Location) -> bool:
        return at in self._lines

    def fault(self, at: Location, expected: str) -> Fault:
        """A fault at a place, or at the nearest place above it that the file has."""
        known = at
        while known not in self._lines:
            known = known[:-1]
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")
        return Fault(self._file, self._lines[known], path, expected)


def load(path: Path, model: type[Settings], references: References[Settings]) -> Settings:
    """The settings in the file. `references` yields what a single value cannot show, such as a name that is not there.

    Raises ConfigError with every fault found.
    """
    lines = _Lines(str(path))
    plain = _parse(path, lines)
    try:
        settings = model.model_validate(plain)
    except pydantic.ValidationError as error:
        raise ConfigError(lines.faults + [_explain(lines, one) for one in error.errors()]) from None
    faults = lines.faults + [lines.fault(at, expected) for at, expected in references(settings)]
    if faults:
        raise ConfigError(faults)
    return settings


def _parse(path: Path, lines: _Lines) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError([Fault(str(path), 1, "", f"cannot be read: {reason}")]) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return {} if node is None else lines.value(node, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([Fault(str(path), line, "", f"not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Fault(str(path), 1, "", f"not YAML: {error}")]) from None


def _explain(lines: _Lines, error: pydantic_core.ErrorDetails) -> Fault:
    # Tags of unions stand in pydantic's location but not in the file.
    at: Location = ()
    for step in error["loc"]:
        if (*at, step) in lines or not at or step == error["loc"][-1]:
            at = (*at, step)
    kind = error["type"]
    if kind == "extra_forbidden":
        text = "unknown key"
    elif kind == "missing":
        text = "required key is missing"
    elif kind == "union_tag_invalid":
        text = f"expected one of {error['ctx']['expected_tags']}, not {error['ctx']['tag']!r}"
    elif kind == "union_tag_not_found":
        text = f"required key {error['ctx']['discriminator']} is missing"
    elif kind == "value_error":
        text = str(error["ctx"]["error"])
    else:
        text = error["msg"][0].lower() + error["msg"][1:]
        if isinstance(error["input"], str | int | float | bool):
            text += f", not {error['input']!r}"
    return lines.fault(at, text)
