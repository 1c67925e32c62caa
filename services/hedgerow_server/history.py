"""The configurations that were in force, for a way back."""

import pickle
import time
from collections import deque

import msgspec

from hedgerow_server.config.reload import Told
from hedgerow_server.config.worker import PIECE, fingerprint, pieces
from hedgerow_server.core.admin import ConfigState, KeptConfig
from hedgerow_server.core.error import ConfigNotKept
from hedgerow_server.settings import Settings

EARLIER = 5
"""How many are kept beside the one in force."""
_MOST_BYTES = 64 * 1024 * 1024
"""How much all of them take at most; the one before that in force is kept whatever it takes."""
_SHOWN = 12


class Kept(msgspec.Struct, frozen=True):
    """A configuration, as the process that reads files has told it: no object of it is alive."""

    hash: str
    pieces: tuple[tuple[bytes, bytes], ...]
    loaded_unix_s: float
    """When it came in force."""

    routes: int = 0
    """How many it has."""

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(len(data) for _, data in self.pieces)

    def told(self) -> Told:
        """What its file said."""
        return Told(self.hash, deque(self.pieces))


def kept(told: Told) -> Kept:
    """What is to be kept of a file, before it is put together."""
    return Kept(told.fingerprint, tuple(told.pieces), time.time())


def first(settings: Settings) -> Kept:
    """What is to be kept of the configuration that a router is started with."""
    found = tuple((PIECE, pickle.dumps(one, protocol=pickle.HIGHEST_PROTOCOL)) for one in pieces(settings))
    return Kept(fingerprint(settings), found, time.time(), len(settings.routes))


class History:
    """Which configurations there were, in the order in which they came. Going back leaves the later ones, so that one
    can go forward again, until another comes.
    """

    def __init__(self, now: Kept) -> None:
        self._all = [now]
        self._at = 0

    @property
    def now(self) -> Kept:
        """The one in force."""
        return self._all[self._at]

    def known(self, digest: str) -> Kept | None:
        """The latest one with this hash; None: there is none."""
        return next((one for one in reversed(self._all) if one.hash == digest), None)

    def holds(self, one: Kept) -> bool:
        """Whether it was in force already."""
        return any(entry is one for entry in self._all)

    def enter(self, one: Kept, routes: int, now_s: float) -> None:
        """It is in force since `now_s`, Unix time in seconds: a new one, or one of these."""
        told = msgspec.structs.replace(one, routes=routes, loaded_unix_s=now_s)
        for at, entry in enumerate(self._all):
            if entry is one:
                self._all[at], self._at = told, at
                return
        self._all[self._at + 1 :] = [told]
        while len(self._all) > EARLIER + 1 or (
            len(self._all) > 2 and sum(each.size for each in self._all) > _MOST_BYTES
        ):
            del self._all[0]
        self._at = len(self._all) - 1

    def find(self, beginning: str) -> Kept:
        """The one before that in force; or the latest one whose hash begins so. Raises ConfigNotKept."""
        if not beginning:
            if self._at == 0:
                raise self._not_kept("No configuration was in force before this one.", "")
            return self._all[self._at - 1]
        for entry in reversed(self._all):
            if entry.hash.startswith(beginning):
                return entry
        raise self._not_kept(f"No configuration {beginning[:_SHOWN]} is kept.", beginning)

    def listed(self) -> tuple[KeptConfig, ...]:
        """All of them, oldest first."""
        return tuple(
            KeptConfig(one.hash, one.loaded_unix_s, at == self._at, one.routes) for at, one in enumerate(self._all)
        )

    def _bytes(self) -> int:
        return sum(one.size for one in self._all)

    def _not_kept(self, why: str, beginning: str) -> ConfigNotKept:
        shown = beginning[:_SHOWN]
        metadata = {"hash": shown, "kept": str(len(self._all))}
        return ConfigNotKept(why, metadata=metadata, resource=("configuration", shown))


class Memo(msgspec.Struct, frozen=True):
    """What a process needs to go on where another one is: which configurations there were, and which is in force."""

    history: History
    state: ConfigState
