"""What is known of a provider's model before it is asked."""

import datetime as dt

import msgspec


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one model at one provider. None, empty and missing mean unknown, never no."""

    kind: str = "chat"
    """"chat" or "embed"."""
    context_tokens: int | None = None
    """The longest conversation, input and output together unless the provider counts them apart."""
    max_output_tokens: int | None = None
    """The longest answer."""
    input_modalities: frozenset[str] = frozenset()
    """Of "text", "image", "audio", "file", "video"; empty: unknown."""
    output_modalities: frozenset[str] = frozenset()
    """Of "text", "image", "audio"; empty: unknown."""
    tools: bool | None = None
    """Whether it calls functions."""
    json_schema: bool | None = None
    """Whether its output can be bound to a JSON schema."""
    reasoning: bool | None = None
    """Whether it reasons before it answers."""
    prefill: bool | None = None
    """Whether a conversation may end with the beginning of the model's own turn."""
    streams_only: bool = False
    """Whether the provider answers only streaming requests."""
    vector_space: str = ""
    """Vectors of one space can be compared with each other; for embedding models."""
    dimensions: int | None = None
    """The length of an embedding model's vectors unless asked for another."""
    embed_batch_limit: int | None = None
    """The most inputs of one embedding request, where it differs from the provider's usual."""
    regions: tuple[str, ...] = ()
    """Where the provider offers it; empty: unknown or everywhere."""
    aliases: tuple[str, ...] = ()
    """Other names of the same model at this provider."""
    retires: dt.date | None = None
    """The last day on which the provider promises to serve it."""
    successor: str = ""
    """What the provider names in its place."""
    price: str = ""
    """Its name in the price book, where it differs from the model's."""
