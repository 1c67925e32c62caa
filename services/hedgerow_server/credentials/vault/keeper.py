"""What the thread of one Vault does each time it wakes up."""

import logging
import random
import time
from collections.abc import Collection, Sequence

from hedgerow_server.credentials.vault.api import Api
from hedgerow_server.credentials.vault.entry import Entry
from hedgerow_server.credentials.vault.fault import Trouble, VaultFault
from hedgerow_server.credentials.vault.login import method
from hedgerow_server.credentials.vault.section import VaultSection
from hedgerow_server.credentials.vault.session import NotLoggedIn, Session
from hedgerow_server.credentials.vault.watch import Watch, watch

_log = logging.getLogger(__name__)
_BACK_OFF_S = 0.1
_BACK_OFF_MAX_S = 1.0
"""The longest time between two looks at a Vault that is away: what was rotated meanwhile is there soon after."""
_DENIED_S = 0.5
_DENIED_MAX_S = 30.0
_DOUBLINGS = 10
_RELOGIN_S = 0.5
"""Gateways whose tokens were revoked together log in again spread over this time."""


class Keeper:
    """Keeps the credentials of one Vault. For one thread."""

    def __init__(self, section: VaultSection, lots: random.Random) -> None:
        self._api = Api(section)
        self._session = Session(self._api, method(section.login), lots)
        self._poll_s = section.poll_seconds
        self._lots = lots
        self._watches: dict[Entry, Watch] = {}
        self._epoch = 0
        self._failures = 0
        self._retry_s = 0.0
        self._away = ""
        self._away_since_s = 0.0

    def round(self, entries: Sequence[Entry], asked: Collection[Entry]) -> float | None:
        """Does all that is due, first for those that were asked for; returns the seconds until something is due again,
        None: nothing.
        """
        if asked or time.monotonic() >= self._retry_s:
            try:
                self._session.step()
                self._note_login()
                for entry in (*asked, *(one for one in entries if one not in asked)):
                    self._keep(entry, asked=entry in asked)
            except VaultFault as fault:
                self._is_away(entries, fault)
            else:
                self._is_back()
        return self._wait_s(entries)

    def drop(self, entry: Entry) -> None:
        """Takes back what a credential has. A Vault that is away ends it by itself."""
        one = self._watches.pop(entry, None)
        if one is None or self._away:
            return
        try:
            one.end(self._api)
        except VaultFault as fault:
            _log.warning("credential %s: not taken back: %s", entry.held.name, fault)

    def close(self) -> None:
        """Takes back everything, and the token."""
        for entry in tuple(self._watches):
            self.drop(entry)
        try:
            if not self._away:
                self._session.close()
        except VaultFault as fault:
            _log.warning("our token was not taken back: %s", fault)
        self._api.close()

    def _keep(self, entry: Entry, *, asked: bool) -> None:
        one = self._watches.get(entry)
        if one is None:
            one = self._watches[entry] = watch(entry.section, entry.held, self._poll_s, self._lots)
        while entry.released:
            one.release(entry.released.pop())
        if not asked and time.monotonic() < one.due_s:
            return
        try:
            self._step(one, asked=asked)
        except NotLoggedIn:
            raise
        except VaultFault as fault:
            if fault.passing:
                raise
            self._failed(entry, one, fault)
        else:
            entry.failures = 0

    def _note_login(self) -> None:
        """Leases die with the token that made them: after another login all are looked at."""
        if self._epoch != self._session.epoch:
            self._epoch = self._session.epoch
            for one in self._watches.values():
                one.due_s = 0.0

    def _step(self, one: Watch, *, asked: bool) -> None:
        try:
            one.step(self._api, self._session.epoch, asked=asked)
        except VaultFault as fault:
            if fault.trouble is not Trouble.DENIED or not self._session.lost():
                raise
            if not asked:
                time.sleep(self._lots.uniform(0, _RELOGIN_S))
            self._session.step()
            self._note_login()
            one.step(self._api, self._session.epoch, asked=asked)

    def _failed(self, entry: Entry, one: Watch, fault: VaultFault) -> None:
        if entry.held.problem != str(fault):
            _log.warning("credential %s: %s", entry.held.name, fault)
        entry.held.fail(str(fault))
        wait_s = min(_DENIED_S * 2 ** min(entry.failures, _DOUBLINGS), _DENIED_MAX_S)
        entry.failures += 1
        one.due_s = time.monotonic() + wait_s * self._lots.uniform(0.8, 1.2)

    def _is_away(self, entries: Sequence[Entry], fault: VaultFault) -> None:
        text = str(fault)
        now_s = time.monotonic()
        if not self._away:
            self._away_since_s = now_s
        if self._away != text:
            _log.warning("%s; the last good secrets stay in use", text)
        self._away = text
        for entry in entries:
            entry.held.fail(text)
        for one in self._watches.values():
            one.missed()
        wait_s = min(_BACK_OFF_S * 2 ** min(self._failures, _DOUBLINGS), _BACK_OFF_MAX_S)
        self._failures += 1
        self._retry_s = now_s + wait_s * self._lots.uniform(0.5, 1)

    def _is_back(self) -> None:
        if self._away:
            _log.info("Vault serves us again, after %.1f s", time.monotonic() - self._away_since_s)
        self._away, self._failures, self._retry_s = "", 0, 0.0

    def _wait_s(self, entries: Sequence[Entry]) -> float | None:
        now_s = time.monotonic()
        if self._away:
            return max(0.0, self._retry_s - now_s)
        due = [self._watches[entry].due_s for entry in entries if entry in self._watches]
        if self._session.due_s is not None:
            due.append(self._session.due_s)
        return max(0.0, min(due) - now_s) if due else None
