"""The files of the catalogue: one family's models, read strictly."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.core.model import ModelFacts

Facts = dict[str, Any]

_FIELDS = {field.name for field in msgspec.structs.fields(ModelFacts)}
_WORDS = {
    "kind": ("chat", "embed"),
    "input_modalities": ("text", "image", "audio", "file", "video"),
    "output_modalities": ("text", "image", "audio"),
}
_NUMBERS = ("context_tokens", "max_output_tokens", "dimensions", "embed_batch_limit")
_MAX_NAME = 256
_MAX_NUMBER = 2**31 - 1
_KEYS = ("family", "listed", "models")


class Page(msgspec.Struct, frozen=True):
    """What one file says of one family. A model that is None is taken out, and so is a fact that is None."""

    family: str
    models: dict[str, Facts | None]
    listed: bool | None = None
    """Whether a key of the provider reaches every model; None: the file does not say."""


class _Wrong(Exception):
    def __init__(self, expected: str, *at: str) -> None:
        super().__init__(expected)
        self.expected, self.at = expected, at


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C one where it is built
    """Takes no key twice, which YAML forbids and PyYAML does not mind."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def read(path: Path) -> Page:
    """The page in a file. Raises ConfigError, which tells file, line, model and field."""
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise _unusable(path, 1, "", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _unusable(path, line, "", "cannot be read: not UTF-8 text") from None
    try:
        return _page(yaml.load(text, _Loader))  # noqa: S506 (it is a safe loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _unusable(path, line, "", f"not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unusable(path, 1, "", f"not YAML: {str(error).splitlines()[0]}") from None
    except _Wrong as error:
        raise _unusable(path, _line(text, error.at), ".".join(error.at), error.expected) from None


def _page(plain: object) -> Page:
    if not isinstance(plain, dict):
        raise _Wrong("expected a mapping with family and models")
    for key in plain:
        if key not in _KEYS:
            raise _Wrong(f"unknown key, expected one of {', '.join(_KEYS)}", str(key))
    family, models, listed = (plain.get(key) for key in _KEYS[:1] + _KEYS[2:] + _KEYS[1:2])
    if not isinstance(family, str) or not family:
        raise _Wrong("expected the name of a family", "family")
    if not isinstance(models, dict):
        raise _Wrong("expected a mapping of models", "models")
    if listed is not None and not isinstance(listed, bool):
        raise _Wrong("expected true or false", "listed")
    for name, facts in models.items():
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or not name.isprintable() or " " in name:
            raise _Wrong(f"expected a name of 1 to {_MAX_NAME} characters without spaces", "models", str(name))
        if facts is not None:
            _check(name, facts)
    return Page(family, models, listed)


def _check(name: str, facts: object) -> None:
    """Raises _Wrong at the first fact that cannot be one."""
    if not isinstance(facts, dict):
        raise _Wrong("expected a mapping of facts", "models", name)
    for field in facts:
        if field not in _FIELDS:
            raise _Wrong("unknown key", "models", name, str(field))
    for field, expected in _faults(facts):
        raise _Wrong(expected, "models", name, field)
    try:
        model_facts(facts)
    except msgspec.ValidationError as error:
        expected, _, at = str(error).partition(" - at `$.")
        raise _Wrong(expected[:1].lower() + expected[1:], "models", name, at.rstrip("`").split("[")[0]) from None


def _faults(facts: Facts) -> Iterator[tuple[str, str]]:
    for field, words in _WORDS.items():
        value = facts.get(field)
        given = value if isinstance(value, list) else [value]
        if value is not None and not all(word in words for word in given):
            yield field, f"expected {'one of ' if field == 'kind' else 'a list of '}{', '.join(words)}"
    for field in _NUMBERS:
        value = facts.get(field)
        if value is not None and (type(value) is not int or not 0 < value <= _MAX_NUMBER):
            yield field, f"expected a number from 1 to {_MAX_NUMBER}"
    if isinstance(facts.get("retires"), dt.datetime):
        yield "retires", "expected a date without a time"


def model_facts(facts: Facts) -> ModelFacts:
    """The facts as a struct. Raises msgspec.ValidationError."""
    return msgspec.convert({field: value for field, value in facts.items() if value is not None}, ModelFacts)


def _line(text: str, at: tuple[str, ...]) -> int:
    """The line of a place, or of the nearest above it that the text has. Reads the text again: only errors ask."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for step in at:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in pairs if pair[0].value == step), None)
        if found is None:
            return line
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _unusable(path: Path, line: int, at: str, expected: str) -> ConfigError:
    return ConfigError([Fault(str(path), line, at, expected)])
