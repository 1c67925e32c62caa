"""A request comes in: which provider, which dialect, which behaviour, and the note in the book.

Paths: those of the dialects (and, with recordings, those of the recordings), and what ``admin`` serves below `/_sim`.
Before any provider's path may stand `/_sim/as/NAME`, which makes it NAME's, and `/_sim/chunk-bytes/N`, which sends the
body of the answer in pieces of N bytes.
"""

import itertools
import random
import re
from collections.abc import Callable
from typing import Final

from aiohttp import web

from hedgerow_sim import admin, behaviours
from hedgerow_sim.book import Book, Entry
from hedgerow_sim.dialects.models import Models
from hedgerow_sim.dialects.port import Dialect, Incoming, Kind, Refusal, Signature
from hedgerow_sim.laws import Law
from hedgerow_sim.limits import Gate
from hedgerow_sim.perform import Performer
from hedgerow_sim.providers import Switchboard
from hedgerow_sim.replay import Library
from hedgerow_sim.script import Script
from hedgerow_sim.turn import Turn, refuse

_PREFIX: Final = re.compile(r"/_sim/(?:as/(?P<name>[A-Za-z0-9._-]{1,64})|chunk-bytes/(?P<piece>\d{1,9}))(?=/)")


class Handler:
    """Answers every request of the server."""

    def __init__(
        self,
        dialects: tuple[Dialect, ...],
        law: Law,
        book: Book,
        *,
        seed: int = 0,
        key: str | None = None,
        library: Library | None = None,
        replay_only: bool = False,
    ) -> None:
        self._dialects = dialects
        self._law = law
        self._book = book
        self._seed = seed
        self._library = library
        self._replay_only = replay_only
        self._catalogue = behaviours.catalogue()
        self._switchboard = Switchboard(keys=None if key is None else (key,))
        self._admin = admin.Admin(book, self._switchboard, self._catalogue)
        self._performer = Performer(book)
        # Apart from the book's numbers, which begin anew when it is emptied: ids must not.
        self._calls = itertools.count(1)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Plays one request's answer."""
        path, _, query = request.raw_path.partition("?")
        piece: int | None = None
        name = ""
        while path.startswith("/_sim/"):
            if (match := _PREFIX.match(path)) is None:
                return await self._admin.answer(request, path, query)
            name = match["name"] or name
            piece = int(match["piece"] or 0) or piece
            path = path[match.end() :]
        peer = "{}:{}".format(*(request.get_extra_info("peername") or ("", 0))[:2])
        entry = self._book.begin(path, request.headers.items(), peer, name)
        with self._book.keeping(entry):
            body = await _read(request, entry)
            script = self._script(request.method, Incoming(path, query, request.headers, body), entry)
            return await self._performer.perform(request, script, entry, piece)

    def watch(self, sockets: Callable[[], int]) -> None:
        """Tells how to count the connections of the server."""
        self._admin.sockets = sockets

    async def close(self) -> None:
        """Ends what goes on without a connection."""
        await self._performer.close()

    def _script(self, method: str, incoming: Incoming, entry: Entry) -> Script:
        call = next(self._calls)
        path, body = incoming.path, incoming.body
        dialect = next((one for one in self._dialects if one.serves(path)), self._dialects[-1])
        switched = self._switchboard.law(entry.provider)
        law = self._law if switched is None or switched.law is None else switched.law
        try:
            self._admit(dialect, incoming)
            rng = random.Random(self._seed << 32 | call)
            if self._library is not None and (found := self._library.find(path, body)) is not None:
                entry.model, entry.stream, entry.record = found.model, found.stream, found.recording.id
                return found.recording.script(law, rng)
            self._serves(dialect, path, method)
            job = dialect.read(incoming)
            entry.model, entry.stream, entry.input_tokens = job.model, job.stream, job.input_tokens
            turn = Turn(job, dialect, incoming, law, rng, call, self._switchboard.provider(entry.provider))
            gate = self._switchboard.gate(entry.provider)
            return self._behaved(turn) if gate is None else self._limited(turn, gate)
        except Refusal as refusal:
            return refuse(dialect, refusal, call, incoming)

    def _behaved(self, turn: Turn) -> Script:
        outage = self._switchboard.outage(turn.provider.name)
        if outage is not None and outage.fault is not None:
            behaviour = self._catalogue.named(outage.fault)
        else:
            behaviour = self._catalogue.behaviour(turn.job.model)
        if behaviour is None:
            # A misspelt fault must not look healthy.
            raise Refusal(Kind.NO_MODEL, about=turn.job.model)
        return behaviour(turn)

    def _limited(self, turn: Turn, gate: Gate) -> Script:
        job, key = turn.job, turn.dialect.key(turn.incoming)
        who = key.access_key if isinstance(key, Signature) else key
        admitted = gate.admit((who, job.model), job.input_tokens)
        if not admitted.lacking:
            return gate.played(admitted, self._behaved(turn))
        text = f"Rate limit reached for {job.model} on {admitted.lacking}."
        refusal = Refusal(Kind.RATE_LIMIT, text, after_s=admitted.after_s)
        return gate.played(admitted, refuse(turn.dialect, refusal, turn.call, turn.incoming))

    def _admit(self, dialect: Dialect, incoming: Incoming) -> None:
        keys = self._switchboard.keys
        if keys is None or (given := dialect.key(incoming)) in keys:
            return
        if isinstance(given, Signature):
            if given.passes(keys):
                return
            text = "The security token included in the request is invalid."
            raise Refusal(Kind.BAD_KEY, text, code="UnrecognizedClientException")
        raise Refusal(Kind.NO_KEY) if given is None else Refusal(Kind.BAD_KEY, about=_masked(given))

    def _serves(self, dialect: Dialect, path: str, method: str) -> None:
        if self._replay_only:
            raise Refusal(Kind.NO_PATH, f"No recording fits {method} {path}.")
        if not dialect.serves(path):
            raise Refusal(Kind.NO_PATH, about=f"{method} {path}")
        if method != ("GET" if isinstance(dialect, Models) else "POST"):
            raise Refusal(Kind.METHOD, about=f"{method} {path}")


async def _read(request: web.BaseRequest, entry: Entry) -> bytes:
    """The body, with a note of how many bytes came in all, were it only a part."""
    head = sum(len(name) + len(value) + 4 for name, value in request.raw_headers)
    head += len(f"{request.method} {request.raw_path} HTTP/1.1\r\n\r\n")
    entry.received_bytes = head
    try:
        return await request.read()
    finally:
        entry.received_bytes = head + request.content.total_bytes


def _masked(key: str) -> str:
    """A key as OpenAI repeats it: the first eight and the last four characters."""
    return key[:8] + "*" * max(len(key) - 12, 4) + key[-4:] if len(key) > 12 else "*" * len(key)
