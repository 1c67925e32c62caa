"""How much one request for embeddings may hold, by model."""

import msgspec

from hedgerow_server.providers.section import EmbeddingSection


class EmbedLimit(msgspec.Struct, frozen=True):
    """The limits of one request."""

    inputs: int
    """The most inputs."""
    tokens: int | None = None
    """The most tokens of all inputs together. None: no limit is known."""


class EmbedLimits:
    """The limits of a provider's models: what the configuration says, else what the provider documents."""

    __slots__ = ("_by_model", "_section", "_usual")

    def __init__(
        self, section: EmbeddingSection, usual: EmbedLimit, by_model: tuple[tuple[str, EmbedLimit], ...] = ()
    ) -> None:
        """`by_model` holds parts of models' names; the first that is in a name holds for it, `usual` for the others."""
        self._section = section
        self._usual = usual
        self._by_model = by_model

    def inputs(self, model: str) -> int:
        """The most inputs of a request to the model."""
        return self._section.embed_batch_limit or self._of(model).inputs

    def tokens(self, model: str) -> int | None:
        """The most tokens of a request to the model, None where no limit is known."""
        return self._section.embed_token_limit or self._of(model).tokens

    def _of(self, model: str) -> EmbedLimit:
        return next((limit for part, limit in self._by_model if part in model), self._usual)
