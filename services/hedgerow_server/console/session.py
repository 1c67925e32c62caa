"""Who is logged in: sessions in the memory of this process.

The id is known to the browser alone; here stands its hash. A session holds no credential, only what it takes to look
up again who that is, which every request does.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from hedgerow_server.identity.logins import Standing

_ID_BYTES = 32


class Session(msgspec.Struct, eq=False):
    """One login. Times are Unix times in seconds."""

    standing: Standing
    csrf: str
    """What every form of this session sends back."""
    opened_unix_s: float
    used_unix_s: float

    def __repr__(self) -> str:
        return "Session()"


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, *, idle_s: float, lifetime_s: float, most: int, clock: Callable[[], float] = time.time) -> None:
        self._idle_s = idle_s
        self._lifetime_s = lifetime_s
        self._most = most
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()  # the one that was used last is at the end

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, standing: Standing) -> tuple[str, Session]:
        """A new session and its id, which nothing here keeps."""
        self._let_go()
        now_s = self._clock()
        session_id = secrets.token_urlsafe(_ID_BYTES)
        session = Session(standing, secrets.token_urlsafe(_ID_BYTES), now_s, now_s)
        self._sessions[_mark(session_id)] = session
        return session_id, session

    def find(self, session_id: str, *, used: bool = True) -> Session | None:
        """The session of an id; None where there is none or it has ended. It goes on by being `used`: by somebody, not
        by a page that brings itself up to date.
        """
        mark = _mark(session_id)
        session = self._sessions.get(mark)
        if session is None:
            return None
        now_s = self._clock()
        if now_s >= self.ends_unix_s(session):
            del self._sessions[mark]
            return None
        if used:
            session.used_unix_s = now_s
            self._sessions.move_to_end(mark)
        return session

    def end(self, session_id: str) -> Session | None:
        """Ends a session, and gives what it was."""
        return self._sessions.pop(_mark(session_id), None)

    def ends_unix_s(self, session: Session) -> float:
        """When a session ends if nobody uses it any more."""
        return min(session.used_unix_s + self._idle_s, session.opened_unix_s + self._lifetime_s)

    def _let_go(self) -> None:
        now_s = self._clock()
        if len(self._sessions) >= self._most:
            for mark in [mark for mark, one in self._sessions.items() if now_s >= self.ends_unix_s(one)]:
                del self._sessions[mark]
        while len(self._sessions) >= self._most:
            self._sessions.popitem(last=False)


def _mark(session_id: str) -> bytes:
    """What a session is found by: neither a look into memory nor the time of a look-up tells an id."""
    return hashlib.sha256(session_id.encode()).digest()
