"""What one configuration would change in another, for people: entry by entry, value by value."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from hedgerow_server.config.masked import masked
from hedgerow_server.config.model import Section
from hedgerow_server.core.plan import FieldChange, PlannedChange
from hedgerow_server.core.slices import Work
from hedgerow_server.core.text import cut
from hedgerow_server.settings import Settings

MOST_CHANGES = 1_000
"""Entries that are told."""
_MOST_FIELDS = 500
"""Values of one entry that are told."""
_MOST_BYTES = 2 * 1024 * 1024
"""Of all values together."""
_VALUE_BYTES = 2_048
_AREAS = {
    "routes": "route",
    "providers": "provider",
    "credentials": "credential",
    "quotas": "quota",
    "budgets": "budget",
    "pricing": "price",
    "guardrails": "guardrail",
    "cache": "cache",
    "identity": "identity",
}
_ORDER = (*_AREAS.values(), "other")
# Collections of entries within a section, which are told of one by one.
_WITHIN = {"guardrails": ("guards",), "pricing": ("overrides", "discounts"), "identity": ("roles",)}
_KEY = re.compile(r"[^.\[\]]+")
_GONE = object()
"""Stands for a value that is not there."""

_Entry = tuple[str, str, object, object]
"""Area, path, the entry as it is and as it would be."""


def changes(old: Settings, new: Settings, restart_keys: Sequence[str]) -> Work[tuple[tuple[PlannedChange, ...], int]]:
    """What would change, sorted, as far as there is room for it; and how many changes there are. `restart_keys` are
    paths of values that need a restart.
    """
    entries: list[_Entry] = []
    for section in Settings.model_fields:
        for entry in _entries(section, getattr(old, section), getattr(new, section)):
            yield 1
            if entry is not None:
                entries.append(entry)
    entries.sort(key=lambda one: (_ORDER.index(one[0]), one[1]))
    told: list[PlannedChange] = []
    credentials = {*old.credentials, *new.credentials}
    room = _MOST_BYTES
    for entry in entries[:MOST_CHANGES]:
        change = _change(entry, restart_keys, credentials)
        room -= sum(len(one.path) + len(one.before or "") + len(one.after or "") for one in change.fields)
        if room < 0:
            break
        told.append(change)
        yield 8
    return tuple(told), len(entries)


def named_files(settings: Settings) -> Work[tuple[str, ...]]:
    """The dotted paths of values that name files."""
    found: list[str] = []
    for section in Settings.model_fields:
        # Ten thousand of them, and no file.
        if section != "routes":
            found.extend(_files(section, getattr(settings, section)))
            yield 4
    return tuple(found)


def _files(path: str, value: object) -> Iterator[str]:
    if isinstance(value, Path):
        yield path
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _files(f"{path}.{name}", getattr(value, name))
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _files(f"{path}.{name}", one)
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            yield from _files(f"{path}[{at}]", one)


def _entries(section: str, old: object, new: object) -> Iterator[_Entry | None]:
    """The entries of a section that are not equal; None for one that is."""
    area = _AREAS.get(section, "other")
    if old == new:
        yield None
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _named(area, section, old, new)
    elif isinstance(old, tuple) and isinstance(new, tuple):
        yield from _listed(area, section, old, new)
    elif type(old) is not type(new) or section not in _WITHIN:
        yield area, section, *_pair(old, new)
    else:
        for name in _WITHIN[section]:
            yield from _entries_within(area, f"{section}.{name}", getattr(old, name), getattr(new, name))
        rest = [_plain(one) for one in (old, new)]
        for one in rest:
            assert isinstance(one, dict)
            for name in _WITHIN[section]:
                one.pop(name, None)
        yield (area, section, rest[0], rest[1]) if rest[0] != rest[1] else None


def _entries_within(area: str, path: str, old: object, new: object) -> Iterator[_Entry | None]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _named(area, path, old, new)
    elif isinstance(old, tuple) and isinstance(new, tuple):
        yield from _listed(area, path, old, new)


def _named(area: str, path: str, old: dict[str, object], new: dict[str, object]) -> Iterator[_Entry | None]:
    for name in (*old, *(name for name in new if name not in old)):
        before, after = old.get(name, _GONE), new.get(name, _GONE)
        yield (area, f"{path}.{name}", *_pair(before, after)) if before != after else None


def _listed(area: str, path: str, old: Sequence[object], new: Sequence[object]) -> Iterator[_Entry | None]:
    was, would = _keyed(old), _keyed(new)
    for name in (*was, *(name for name in would if name not in was)):
        one, other = was.get(name, _GONE), would.get(name, _GONE)
        yield (area, f"{path}[{name}]", *_pair(one, other)) if one != other else None
    orders = _orders(was, would)
    if orders is not None:
        yield area, path, {"order": orders[0]}, {"order": orders[1]}


def _pair(old: object, new: object) -> tuple[object, object]:
    """Both as JSON has them: with defaults where there are two, else what the file says of the one."""
    alone = any(one is _GONE or one is None for one in (old, new))
    return _plain(old, alone=alone), _plain(new, alone=alone)


def _plain(value: object, *, alone: bool = False) -> object:
    return value.model_dump(mode="json", exclude_unset=alone) if isinstance(value, Section) else value


def _change(entry: _Entry, restart_keys: Sequence[str], credentials: Collection[str]) -> PlannedChange:
    area, path, old, new = entry
    # A section that may be left out is None then.
    kind = "added" if old in (_GONE, None) else "removed" if new in (_GONE, None) else "changed"
    fields: list[FieldChange] = []
    for at, before, after in _differences("", _set(old), _set(new), whole=kind == "changed"):
        if len(fields) == _MOST_FIELDS:
            break
        was, would = (None if area == "credential" else _shown(path, at, one, credentials) for one in (before, after))
        fields.append(FieldChange(at, was, would, needs_restart=_waits(f"{path}.{at}", restart_keys)))
    return PlannedChange(area, path, kind, tuple(fields))


def _set(value: object) -> object:
    return {} if value in (_GONE, None) else value


def _differences(path: str, old: object, new: object, *, whole: bool) -> Iterator[tuple[str, object, object]]:
    """The smallest values that differ, with their paths. Not `whole`: one side is not there, and of the other only what
    is set is told, a value for each key.
    """
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and (whole or not path):
        for name in (*old, *(name for name in new if name not in old)):
            at = f"{path}.{name}" if path else name
            one, other = old.get(name, _GONE), new.get(name, _GONE)
            if whole or not (_empty(one) and _empty(other)):
                yield from _differences(at, one, other, whole=whole)
        return
    lists = [one if isinstance(one, list) else [] if one is _GONE else None for one in (old, new)]
    if lists[0] is None or lists[1] is None or not _have_names([*lists[0], *lists[1]]):
        yield path, old, new
        return
    was, would = _keyed(lists[0]), _keyed(lists[1])
    for name in (*was, *(name for name in would if name not in was)):
        yield from _differences(f"{path}[{name}]", was.get(name, _GONE), would.get(name, _GONE), whole=whole)
    orders = _orders(was, would)
    if orders is not None:
        yield f"{path} (order)", *orders


def _empty(value: object) -> bool:
    return value is _GONE or value in (None, "", [], {})


def _have_names(entries: Sequence[object]) -> bool:
    return bool(entries) and all(_name(one) for one in entries)


def _name(entry: object) -> str:
    """What people would call an entry of a list; empty where it has nothing of the kind."""
    if isinstance(entry, Section):
        return _name(dict(entry))
    if not isinstance(entry, dict):
        return ""
    if entry.get("provider") and entry.get("model"):
        region = f"@{entry['region']}" if entry.get("region") else ""
        return f"{entry['provider']}/{entry['model']}{region}"
    for unit in ("requests", "tokens", "concurrency", "usd"):
        if "concurrency" in entry and entry.get(unit) is not None:
            return f"{unit} per {entry['per']}" if entry.get("per") else unit
    for key in ("name", "issuer", "when"):
        if isinstance(entry.get(key), str):
            return str(entry[key])
    return f"above {entry['above_input_tokens']}" if "above_input_tokens" in entry else ""


def _keyed(entries: Sequence[object]) -> dict[str, object]:
    """The entries of a list by their names; the second of a name has its number behind it."""
    found: dict[str, object] = {}
    for entry in entries:
        name, number = _name(entry), 1
        key = name
        while key in found:
            number += 1
            key = f"{name}#{number}"
        found[key] = entry
    return found


def _orders(old: dict[str, object], new: dict[str, object]) -> tuple[list[str], list[str]] | None:
    """The names in both, as they stand in each; None where that is the same."""
    both = [[name for name in one if name in other] for one, other in ((old, new), (new, old))]
    return (both[0], both[1]) if both[0] != both[1] else None


def _waits(path: str, restart_keys: Sequence[str]) -> bool:
    """Whether a value is one of those that need a restart, or within one, or has one within it."""
    return any(
        path == key or path.startswith((f"{key}.", f"{key}[")) or key.startswith(f"{path}.") for key in restart_keys
    )


def _shown(entry: str, path: str, value: object, credentials: Collection[str]) -> str | None:
    """A value as it is told: no more of it than may be seen, and of what is inside it only what is set."""
    if value is _GONE or value is None:
        return None
    seen = masked(_filled(value), credentials, _KEY.findall(f"{entry}.{path}"))
    text = seen if isinstance(seen, str) else json.dumps(seen, ensure_ascii=False, separators=(", ", ": "))
    return cut(text, _VALUE_BYTES)


def _filled(value: object) -> object:
    if isinstance(value, dict):
        return {name: _filled(one) for name, one in value.items() if not _empty(one)}
    return [_filled(one) for one in value] if isinstance(value, list) else value
