"""What somebody has to look at: keys that a provider refuses, and rotations that do not succeed."""

import enum
import json
import logging
import time
from collections import Counter

import msgspec

_log = logging.getLogger(__name__)


class AlarmKind(enum.Enum):
    """What is wrong."""

    SET_ASIDE = "set_aside"
    """A provider goes on refusing the key, and there is no other."""
    ROTATION_OVERDUE = "rotation_overdue"
    """The key is older than its policy allows."""
    PROBE_FAILED = "probe_failed"
    """The provider refuses the next key; the one before stays in use."""


class Alarm(msgspec.Struct, frozen=True):
    """Something that is wrong now."""

    kind: AlarmKind
    credential: str
    """The configured name."""
    provider: str
    """The entry of `providers`; empty where none has a part in it."""
    reason: str
    """Why, in a few words or as ErrorReason; never a secret."""
    raised_unix_s: float
    """Since when, as Unix time."""


class Alarms:
    """All alarms of one router. Each is told once, as a line of the log, until it is over. On the event loop."""

    def __init__(self) -> None:
        self._raised: dict[tuple[AlarmKind, str, str], Alarm] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        """How often each kind was raised, by credential and kind."""

    def sound(self, kind: AlarmKind, credential: str, reason: str, provider: str = "") -> None:
        """Raises an alarm, unless it is raised already."""
        key = (kind, credential, provider)
        if key in self._raised:
            return
        self._raised[key] = Alarm(kind, credential, provider, reason, time.time())
        self.counts[credential, kind.value] += 1
        _log.error(
            "alarm event=credential_%s credential=%s provider=%s reason=%s",
            kind.value,
            credential,
            provider or "-",
            json.dumps(reason),
        )

    def over(self, kind: AlarmKind, credential: str, provider: str = "") -> None:
        """What was wrong is so no more."""
        if self._raised.pop((kind, credential, provider), None) is not None:
            _log.info(
                "alarm over event=credential_%s credential=%s provider=%s", kind.value, credential, provider or "-"
            )

    def refused(self, provider: str, credential: str, reason: str) -> None:
        """The provider refuses the key, and no other has come: see routing.refusal.Watcher."""
        self.sound(AlarmKind.SET_ASIDE, credential, reason, provider)

    def accepted(self, provider: str, credential: str) -> None:
        """The provider takes the key again, or there is another one."""
        self.over(AlarmKind.SET_ASIDE, credential, provider)

    def of(self, credential: str) -> tuple[Alarm, ...]:
        """What is wrong with a credential, oldest first."""
        return tuple(one for one in self._raised.values() if one.credential == credential)

    def forget(self, credential: str) -> None:
        """There is no such credential any more."""
        for key in [key for key in self._raised if key[1] == credential]:
            del self._raised[key]
