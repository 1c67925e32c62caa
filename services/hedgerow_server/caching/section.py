"""What the configuration says of answers that are kept and given again."""

from typing import Annotated, Literal

import pydantic

from hedgerow_server.caching.key import Scope
from hedgerow_server.config.model import Section
from hedgerow_server.config.redis import RedisAddress


class RouteCacheSection(Section):
    """Key `cache` of a route: whether and for whom its answers are kept, and which ones."""

    mode: Literal["off", "exact", "semantic"] = "exact"
    """exact: an equal request gets the kept answer; semantic: so does one that is like it closely enough."""
    scope: Scope | None = None
    """Who may get an answer that one caller has caused. tenant: everybody of his tenant; user: he alone, and a call
    without a user is not cached; session: one conversation of one caller, and a call without a `session_id` is not
    cached. None: tenant for exact, user for semantic."""
    ttl_seconds: float = pydantic.Field(default=3_600.0, gt=0, le=2_592_000)
    """How long an answer is given, from its end on. A shorter time holds at once, for older answers too."""
    keyed_by: Literal["route", "model"] = "route"
    """route: answers belong to the name that callers use; model: to the model family of whoever would be asked first,
    so that routes with the same candidates share them."""
    across_providers: bool = False
    """Whether the answer of one provider's model may be given where another of the same model family would be asked.
    false: only the answer of a candidate to which the call itself could go now. Embeddings: of the same vector
    space."""
    replay: Literal["instant", "original"] = "instant"
    """How the pieces of a stream come: at once, or with the pauses that they had, as far as the deadline allows."""
    max_temperature: float = pydantic.Field(default=0.3, ge=0, le=2)
    """Chats that ask for a higher temperature want another answer each time: they are not cached."""
    without_temperature: bool = True
    """Whether chats are cached that ask for no temperature."""
    tool_calls: bool = False
    """Whether answers are kept that end with calls of the caller's functions."""
    min_similarity: float | None = pydantic.Field(default=None, gt=0, le=1)
    """semantic: how like two questions must be (the cosine of their vectors). None: `cache.semantic.min_similarity`."""
    shadow: bool = False
    """semantic: whether similar questions are only looked for. The provider is asked all the same, and the metrics tell
    how often the kept answer would have been given, and how often it would have said the same."""
    check_percent: float = pydantic.Field(default=0.0, ge=0, le=100)
    """semantic: the share of hits that are checked like that, so that the metrics go on telling how good the others
    are."""

    @property
    def whom(self) -> Scope:
        """The scope that holds."""
        return self.scope or ("user" if self.mode == "semantic" else "tenant")


class CacheRedisSection(RedisAddress):
    """Redis 7 or Valkey, in which routers share what they keep. Needs the extra `redis`."""

    prefix: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")] = "hedgerow-cache"
    """What its keys begin with. Routers with the same prefix and the same `mac_key` share their answers."""
    timeout_seconds: float = pydantic.Field(default=0.03, gt=0, le=1)
    """How long a call waits for it at most; then it goes on as if nothing were kept."""


class SemanticSection(Section):
    """Key `semantic` of `cache`: what routes with `cache.mode: semantic` share. Needs the extra `semantic`."""

    model: Annotated[str, pydantic.Field(min_length=1, max_length=256)]
    """The route of kind embed that makes vectors of questions. What that costs the caller of the chat pays, and the
    books have it beside his call."""
    min_similarity: float | None = pydantic.Field(default=None, gt=0, le=1)
    """How like two questions must be: the cosine of their vectors, which differs from model to model. None: 0.85 for
    all-MiniLM-L6-v2, for which it was measured, and 0.9 for others."""
    timeout_seconds: float = pydantic.Field(default=0.25, ge=0.005, le=5)
    """How long a call waits for the vector of its question at most; then it goes on as if nothing were kept."""
    max_question_characters: int = pydantic.Field(default=1_000, ge=16, le=8_000)
    """Longer questions are not looked for: of a long text a vector says too little."""
    max_questions: int = pydantic.Field(default=10_000, ge=16, le=1_000_000)
    """The most questions that a router knows; the oldest go first. Each takes about 2 KiB and its vector (two bytes for
    each dimension where a partition has more than 512, else four)."""
    max_questions_of_one: int = pydantic.Field(default=2_000, ge=1, le=1_000_000)
    """The most of them with the same scope, model, system prompt, tools, sampling and so on."""


class CacheSection(Section):
    """Section `cache`: where answers are kept that routes give again. They are content, and lie there as they were
    given, each with a MAC (HMAC-SHA-256) over it and over whom it belongs to.
    """

    store: Literal["memory", "redis"] = "memory"
    """Where: in the memory of this router, or in a Redis that routers share."""
    redis: CacheRedisSection | None = None
    """The latter."""
    mac_key: str | None = None
    """The entry of `credentials` with the key of the MACs: 16 characters or more, the same for all routers that share a
    store. With another key nothing is found that was kept before. None: a key that this router makes up at its start;
    with `store: redis` there must be one."""
    max_memory_bytes: int = pydantic.Field(default=134_217_728, ge=65_536)
    """The most that answers in memory may take together. Those that were not given for the longest time go first."""
    semantic: SemanticSection | None = None
    """What finds similar questions. None: no route may have `mode: semantic`."""
    max_answer_bytes: int = pydantic.Field(default=262_144, ge=1_024, le=16_777_216)
    """The largest answer that is kept, in either store."""

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "CacheSection":
        if (self.store == "redis") != (self.redis is not None):
            raise ValueError("expected `redis` beside store: redis, and only there")
        if self.store == "redis" and self.mac_key is None:
            raise ValueError("expected `mac_key` beside store: redis: what others could write must be authenticated")
        return self
