"""A request comes in: which dialect, which behaviour, and the note in the book.

Paths: those of the dialects (and, with recordings, those of the recordings); `/_sim/book`; and `/_sim/chunk-bytes/N`
before any other path, which sends the body of the answer in pieces of N bytes.
"""

import itertools
import random
import re
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from hedgerow_sim import behaviours
from hedgerow_sim.behaviours import Turn
from hedgerow_sim.book import Book, Entry
from hedgerow_sim.dialects.port import Dialect, Incoming, Kind, Refusal, Signature
from hedgerow_sim.laws import Law
from hedgerow_sim.perform import perform
from hedgerow_sim.replay import Library
from hedgerow_sim.script import Script

_CHUNK_BYTES: Final = re.compile(r"/_sim/chunk-bytes/(\d{1,9})(?=/)")
_BOOK: Final = "/_sim/book"


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
        self._key = key
        self._library = library
        self._replay_only = replay_only
        # Apart from the book's numbers, which begin anew when it is emptied: ids must not.
        self._calls = itertools.count(1)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Plays one request's answer."""
        path, _, query = request.raw_path.partition("?")
        piece: int | None = None
        if path.startswith("/_sim/"):
            if (match := _CHUNK_BYTES.match(path)) is None:
                return self._admin(request, path, query)
            piece, path = int(match[1]) or None, path[match.end() :]
        peer = "{}:{}".format(*(request.get_extra_info("peername") or ("", 0))[:2])
        entry = self._book.begin(path, request.headers.items(), peer)
        with self._book.keeping(entry):
            incoming = Incoming(path, query, request.headers, await request.read())
            return await perform(request, self._script(request.method, incoming, entry), entry, piece)

    def _script(self, method: str, incoming: Incoming, entry: Entry) -> Script:
        call = next(self._calls)
        path, body = incoming.path, incoming.body
        dialect = next((one for one in self._dialects if one.serves(path)), self._dialects[-1])
        try:
            self._admit(dialect, incoming)
            rng = random.Random(self._seed << 32 | call)
            if self._library is not None and (found := self._library.find(path, body)) is not None:
                entry.model, entry.stream, entry.record = found.model, found.stream, found.recording.id
                return found.recording.script(self._law, rng)
            self._serves(dialect, path, method)
            job = dialect.read(incoming)
            entry.model, entry.stream, entry.input_tokens = job.model, job.stream, job.input_tokens
            return behaviours.behaviour(job.model)(Turn(job, dialect, incoming, self._law, rng, call))
        except Refusal as refusal:
            return behaviours.refuse(dialect, refusal, call, incoming)

    def _admit(self, dialect: Dialect, incoming: Incoming) -> None:
        if self._key is None or (given := dialect.key(incoming)) == self._key or isinstance(given, Signature):
            return
        raise Refusal(Kind.NO_KEY) if given is None else Refusal(Kind.BAD_KEY, about=_masked(given))

    def _serves(self, dialect: Dialect, path: str, method: str) -> None:
        if self._replay_only:
            raise Refusal(Kind.NO_PATH, f"No recording fits {method} {path}.")
        if not dialect.serves(path):
            raise Refusal(Kind.NO_PATH, about=f"{method} {path}")
        if method != "POST":
            raise Refusal(Kind.METHOD, about=f"{method} {path}")

    def _admin(self, request: web.BaseRequest, path: str, query: str) -> web.Response:
        if path == _BOOK and request.method == "DELETE":
            self._book.empty()
            return web.Response(status=HTTPStatus.NO_CONTENT)
        if path == _BOOK and request.method == "GET":
            last = re.fullmatch(r"last=(\d{1,9})", query)
            page = self._book.page(int(last[1]) if last else None)
            return web.Response(body=msgspec.json.encode(page), content_type="application/json")
        text = "GET or DELETE /_sim/book[?last=N], or /_sim/chunk-bytes/N/… with a provider's path\n"
        return web.Response(status=HTTPStatus.NOT_FOUND, text=text)


def _masked(key: str) -> str:
    """A key as OpenAI repeats it: the first eight and the last four characters."""
    return key[:8] + "*" * max(len(key) - 12, 4) + key[-4:] if len(key) > 12 else "*" * len(key)
