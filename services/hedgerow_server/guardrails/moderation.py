"""A guard behind OpenAI's moderation endpoint, or one of the same shape: POST BASE_URL/moderations.

https://platform.openai.com/docs/api-reference/moderations/create
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pydantic

from hedgerow_server.config.model import Seconds, is_safe_url
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.guard import Asker, Finding, Judged
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import RevealNamed, later
from hedgerow_server.core.web import Lines, Reach, WebAnswer, WebError
from hedgerow_server.guardrails.remote.desk import Answer, Categories, Desk, Limits, Unanswered, whole
from hedgerow_server.guardrails.remote.section import RemoteEntry
from hedgerow_server.guardrails.remote.verdicts import Verdict

_LIMITS = Limits(texts=32, utf8_bytes=1024 * 1024)
_LONGEST_CATEGORY = 64
_PREFIX = "moderation."
_ODD = re.compile(r"[^a-z0-9_.-]")
_BUSY = 429
_Score = Annotated[float, pydantic.Field(ge=0, le=1)]


class ModerationGuardSection(RemoteEntry):
    """A guard with the HTTP interface of OpenAI's moderations: each text is judged as a whole, in several categories of
    which the one that speaks most against it counts.
    """

    type: Literal["moderation"] = "moderation"
    """Asks an endpoint of the shape of OpenAI's moderations."""
    timeout_seconds: Seconds = 2.0
    """How long it may take for a request, or for a piece of an answer: it is far away, and no quick one."""
    base_url: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s?#@]+$", max_length=2048)] = (
        "https://api.openai.com/v1"
    )
    """Where it is, without `/moderations`. `http` only for this machine."""
    model: Annotated[str, pydantic.Field(min_length=1, max_length=256)] | None = "omni-moderation-latest"
    """The model that judges. None: none is named."""
    threshold: _Score | None = None
    """From which score on a category counts. None: where the service itself says that the text is of this category."""
    thresholds: dict[str, _Score] = pydantic.Field(default={}, max_length=100)
    """The same for single categories, by the service's names, such as `harassment/threatening`."""
    ignored: tuple[str, ...] = pydantic.Field(default=(), max_length=100)
    """Categories that do not count, by the service's names."""
    max_connections: int = pydantic.Field(default=16, ge=1, le=1000)
    """How many connections are open at once; they are kept."""
    allow_private_addresses: bool | None = None
    """Whether its host may have an address that is not public, as for a provider. None: only if `base_url` itself has
    that address in the place of a name, or is `localhost`."""
    proxy: Annotated[str, pydantic.Field(pattern=r"^http://[^\s/?#@]+/?$", max_length=2048)] | None = None
    """The HTTP proxy on the way to it, `http://HOST:PORT`; `allow_private_addresses` is about it then. None: no proxy,
    whatever the environment says."""
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued its certificate. None: the public ones."""

    @property
    def reach(self) -> Reach:
        """Where connections for it may go."""
        rule = AddressRule.of(self.proxy or self.base_url, allow=self.allow_private_addresses)
        return Reach(rule, self.proxy, self.ca_file)

    @pydantic.field_validator("base_url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        if not is_safe_url(url):
            raise ValueError("expected an https:// URL")
        return url


class _Request(msgspec.Struct, omit_defaults=True):
    input: list[str]
    model: str | None = None


class _Result(msgspec.Struct):
    categories: dict[str, bool | None]
    category_scores: dict[str, float | None]


class _Answer(msgspec.Struct):
    results: list[_Result]
    model: str = ""


class ModerationGuard:
    """A core.guard.RemoteGuard over HTTP."""

    def __init__(self, section: ModerationGuardSection, *, name: str, reveal: RevealNamed, lines: Lines) -> None:
        """`name` is the entry's, `reveal` gives secrets of `credentials`, `lines` the connections. Within an event
        loop.
        """
        self.piece = section.piece_characters
        """The most code points that it is asked about at once."""
        self._section = section
        self._url = f"{section.base_url.rstrip('/')}/moderations"
        self._token = later(reveal, section.credential)
        self._line = lines.line(section.reach, connections=section.max_connections)
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Answer)
        self._categories = Categories()
        self._desk = Desk(name, section, _LIMITS, self._ask)

    async def judge(self, pieces: Sequence[Judged], asker: Asker) -> Sequence[Sequence[Finding]]:
        """What it finds in each of them, one finding at most. Raises GuardFailed, within its time."""
        return await self._desk.judge(pieces, asker)

    async def close(self) -> None:
        """Lets go of its connections."""
        await self._line.close()

    async def _ask(self, pieces: Sequence[Judged], asker: Asker, within_s: float) -> Answer:
        # Half of a surrogate pair, which JSON may hold, has no UTF-8.
        texts = [one.text.encode("utf-8", "replace").decode() for one in pieces]
        body = self._encoder.encode(_Request(texts, self._section.model))
        request = HttpRequest("POST", self._url, self._headers(), body)
        if within_s <= 0:
            raise TimeoutError
        try:
            answer = await self._line.send(request, timeout_s=within_s)
        except WebError as error:
            raise Unanswered(f"cannot be asked: {error}") from None
        return self._read(answer, pieces)

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        if self._token is not None:
            try:
                headers["authorization"] = f"Bearer {self._token().reveal()}"
            except CredentialUnavailable:
                raise Unanswered("has no credential to be asked with", at_fault=False) from None
        return headers

    def _read(self, answer: WebAnswer, pieces: Sequence[Judged]) -> Answer:
        if not 200 <= answer.status < 300:
            # What it says may quote a text.
            refused = 400 <= answer.status < 500 and answer.status not in (401, 403, 404, 408, _BUSY)
            raise Unanswered(f"answers {answer.status}", at_fault=not refused)
        try:
            said = self._decoder.decode(answer.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Unanswered("answers something else than moderations") from None
        if len(said.results) != len(pieces):
            raise Unanswered(f"answers for {len(said.results)} of {len(pieces)} texts")
        verdicts = [self._verdict(one, piece.text) for one, piece in zip(said.results, pieces, strict=True)]
        return Answer(verdicts, said.model)

    def _verdict(self, result: _Result, text: str) -> Verdict:
        """The category that is furthest beyond its threshold: findings must not overlap, and all are of the whole."""
        section = self._section
        worst: tuple[float, str, float | None] | None = None
        for category in result.categories.keys() | result.category_scores.keys():
            if category in section.ignored:
                continue
            score = result.category_scores.get(category)
            if score is not None and not 0 <= score <= 1:
                raise Unanswered("gives a score that is not from 0 to 1")
            threshold = section.thresholds.get(category, section.threshold)
            if threshold is None:
                counts, beyond = result.categories.get(category) is True, score if score is not None else 1.0
            else:
                counts, beyond = score is not None and score >= threshold, (score or 0.0) - threshold
            if counts and (worst is None or (beyond, category) > worst[:2]):
                worst = beyond, category, score
        if worst is None:
            return ()
        return (whole(text, self._categories.admit(_told(worst[1])), worst[2]),)


def _told(category: str) -> str:
    """The service's name of a category as callers and metrics see it: `moderation.harassment.threatening`."""
    return (_PREFIX + _ODD.sub("_", category.lower().replace("/", ".")))[:_LONGEST_CATEGORY]
