"""What a file of the configuration says otherwise than the one in force, and what of it has to wait for a restart."""

from collections.abc import Iterator

from hedgerow_server.config.model import Section
from hedgerow_server.core.admin import Change
from hedgerow_server.core.slices import Work
from hedgerow_server.settings import Settings


def in_force(loaded: Settings, started: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The settings with what cannot change without a restart as it was at the start, and the keys held back by that."""
    server = started.server.model_copy(update={"drain_seconds": loaded.server.drain_seconds})
    telemetry = loaded.telemetry.started_as(started.telemetry)
    held_back = [*_unequal("server", server, loaded.server), *_unequal("telemetry", telemetry, loaded.telemetry)]
    update: dict[str, object] = {"server": server, "telemetry": telemetry}
    for name in ("store", "sharing", "ledger", "console"):
        held_back += _unequal(name, getattr(started, name), getattr(loaded, name))
        update[name] = getattr(started, name)
    return loaded.model_copy(update=update), tuple(held_back)


def _unequal(path: str, old: object, new: object) -> Iterator[str]:
    """The paths of the smallest values that differ."""
    if isinstance(old, Section) and type(old) is type(new):
        for name in type(old).model_fields:
            yield from _unequal(f"{path}.{name}", getattr(old, name), getattr(new, name))
    elif old != new:
        yield path


def differences(old: Settings, new: Settings) -> Work[list[Change]]:
    """What a file has added, removed and changed."""
    found: list[Change] = []
    for section in Settings.model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if not isinstance(before, dict):
            found += [Change(path, "changed") for path in _unequal(section, before, after)]
            continue
        for name, entry in after.items():
            if name not in before:
                found.append(Change(f"{section}.{name}", "added"))
            elif entry != before[name]:
                found.append(Change(f"{section}.{name}", "changed"))
            yield 1
        for name in before:
            if name not in after:
                found.append(Change(f"{section}.{name}", "removed"))
            yield 1
    return found
