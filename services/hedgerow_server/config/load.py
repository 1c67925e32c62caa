"""Reads the configuration file: YAML into typed sections, every fault with its file, line and what was expected."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pydantic
import pydantic_core
import yaml
from yaml.constructor import ConstructorError

from hedgerow_server.config.model import Section

Settings = TypeVar("Settings", bound=Section)
Location = tuple[str | int, ...]
References = Callable[[Settings], Iterator[tuple[Location, str]]]

_MAX_REPEATS = 100_000
"""The most values that aliases may repeat: a few lines of aliases of aliases could stand for billions."""


class Fault(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong: `line` counts from 1, `path` is dotted and may be empty. Its text is one line, and holds
    no string value of the file: it may be a secret in the wrong place.
    """

    file: str
    line: int
    path: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        text = f"{where}: {self.path}: {self.expected}" if self.path else f"{where}: {self.expected}"
        return "".join(c if c.isprintable() else "?" for c in text)


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
        self._seen: set[int] = set()
        self._repeats = 0
        self.faults: list[Fault] = []

    def value(self, node: yaml.Node, at: Location) -> object:
        """The plain value of a node; notes the lines of everything in it, and doubled keys as faults. Raises
        ConstructorError.
        """
        self._lines.setdefault(at, node.start_mark.line + 1)
        self._count(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*at, index)) for index, item in enumerate(node.value)]
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise ConstructorError(None, None, f"a value that is no {kind}", node.start_mark) from None

    def _count(self, node: yaml.Node) -> None:
        if id(node) not in self._seen:
            self._seen.add(id(node))
            return
        self._repeats += 1
        if self._repeats > _MAX_REPEATS:
            raise ConstructorError(None, None, f"aliases repeat more than {_MAX_REPEATS} values", node.start_mark)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key that is not plain text", key_node.start_mark)
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise ConstructorError(None, None, "merge keys (<<) are not taken", key_node.start_mark)
            # Whatever it looks like: a route may be called 7 or "no".
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


def load(path: Path, model: type[Settings], references: References[Settings], text: bytes | None = None) -> Settings:
    """The settings in the file. `references` yields what a single value cannot show, such as a name that is not there.
    With `text` that is what stands in the file, and the path only its name.

    Raises ConfigError with every fault found.
    """
    lines = _Lines(str(path))
    plain = _parse(path, lines, text)
    try:
        settings = model.model_validate(plain)
    except pydantic.ValidationError as error:
        raise ConfigError(lines.faults + [_explain(lines, one) for one in _own(error.errors())]) from None
    faults = lines.faults + [lines.fault(at, expected) for at, expected in references(settings)]
    if faults:
        raise ConfigError(faults)
    return settings


def _parse(path: Path, lines: _Lines, given: bytes | None) -> object:
    text = _read(path, given)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        plain = None if node is None else lines.value(node, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        # "but found another document" says little without what comes before it.
        problem = str(error.problem)
        if problem.startswith("but ") and error.context:
            problem = f"{error.context}, {problem}"
        raise _unusable(path, line, f"not YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _unusable(path, line, f"not YAML: {error.reason}") from None
    except RecursionError:
        raise _unusable(path, 1, "values are nested too deeply, or within themselves") from None
    return {} if plain is None else plain


def _read(path: Path, given: bytes | None) -> str:
    try:
        return (path.read_bytes() if given is None else given).decode()
    except OSError as error:
        raise _unusable(path, 1, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _unusable(path, line, "cannot be read: not UTF-8 text") from None


def _unusable(path: Path, line: int, why: str) -> ConfigError:
    return ConfigError([Fault(str(path), line, "", why)])


def _own(errors: list[pydantic_core.ErrorDetails]) -> list[pydantic_core.ErrorDetails]:
    # A list whose entries are wrong is also called too short by pydantic: it counts the good ones.
    places = {one["loc"][:length] for one in errors for length in range(len(one["loc"]))}
    return [one for one in errors if one["type"] != "too_short" or one["loc"] not in places]


def _explain(lines: _Lines, error: pydantic_core.ErrorDetails) -> Fault:
    # Tags of unions and marks of keys stand in pydantic's location but not in the file.
    at: Location = ()
    for step in error["loc"]:
        if (*at, step) in lines:
            at = (*at, step)
    if error["type"] == "missing":
        at = (*at, error["loc"][-1])
    return lines.fault(at, _expected(error))


def _expected(error: pydantic_core.ErrorDetails) -> str:
    given, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "required key is missing"
        case "union_tag_invalid":
            text = f"{context['discriminator']} should be one of {context['expected_tags']}"
        case "union_tag_not_found":
            text = f"required key {context['discriminator']} is missing"
        case "value_error":
            text = str(context["error"])
        case "too_short":
            text = f"expected {context['min_length']} or more entries, not {context['actual_length']}"
        case "too_long":
            text = f"expected at most {context['max_length']} entries, not {context['actual_length']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            text = "expected a mapping"
        case "tuple_type":
            text = "expected a list"
        case _:
            subject = "the key" if error["loc"][-1] == "[key]" else "the text"
            text = error["msg"].replace("Input", "the value", 1).replace("String", subject, 1)
    # A number helps to see what is wrong with it. A string is not shown: it may be a secret.
    if isinstance(given, float) or (isinstance(given, int) and given.bit_length() <= 64):
        text += f", not {given}"
    return text if given is not None else f"{text}, but there is nothing"
