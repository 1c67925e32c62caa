"""Embedding calls: bytes to core requests, core events to bytes. Vectors are spliced, see `splice`."""

from collections.abc import AsyncIterator, Callable

import msgspec
from hedgerow.embed.v1 import embed_service_pb2 as pb

from hedgerow_server.core import event as core
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError, Internal
from hedgerow_server.core.request import EmbedInput, EmbedItem, EmbedPurpose, EmbedRequest, EmbedSpec
from hedgerow_server.wire.chat import options
from hedgerow_server.wire.check import Checker, wrong
from hedgerow_server.wire.policy import once, policy
from hedgerow_server.wire.report import write_attempts, write_costs, write_usage, write_warning
from hedgerow_server.wire.splice import delimited, embedding

_PURPOSES: dict[int, EmbedPurpose] = {pb.EmbedPurpose.Value(f"EMBED_PURPOSE_{p.name}"): p for p in EmbedPurpose}


class EmbedDecoder:
    """Decodes the requests of EmbedService."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def embed(self, call: Call) -> EmbedRequest:
        """A request of Embed."""
        return embed_request(self._checker.parse(pb.EmbedRequest, call, call.body))

    def stream_embed(self, call: Call) -> EmbedRequest:
        """The first message of StreamEmbed. The further ones become EmbedItem or ItemFailed as they
        are read.
        """
        message = self._checker.parse(pb.StreamEmbedRequest, call, call.body) if call.body else None
        if message is None or message.WhichOneof("message") != "options":
            raise wrong("options", "must be the first message of the stream")
        given = message.options
        spec = EmbedSpec(
            model=given.model,
            dimensions=given.dimensions if given.HasField("dimensions") else None,
            purpose=_PURPOSES.get(given.purpose),
            provider_options=options(given.provider_options, "options"),
        )
        assert call.bodies is not None
        call.items = self._items(call, call.bodies)
        return EmbedRequest(spec=spec, policy=policy(given.route), labels=dict(given.labels))

    async def _items(self, call: Call, bodies: AsyncIterator[bytes]) -> AsyncIterator[EmbedItem | core.ItemFailed]:
        async for body in bodies:
            yield self._item(call, body)

    def _item(self, call: Call, body: bytes) -> EmbedItem | core.ItemFailed:
        try:
            message = self._checker.parse(pb.StreamEmbedRequest, call, body)
        except HedgerowError as error:
            # An item that says who it is can be answered; anything else ends the stream.
            item_id = _item_id(body)
            if not item_id:
                raise
            return core.ItemFailed(item_id, error)
        if message.WhichOneof("message") != "item":
            raise wrong("options", "must stand in the first message only")
        return EmbedItem(message.item.id, _input(message.item.input))


def embed_request(message: pb.EmbedRequest, *, for_any: tuple[str, ...] = ()) -> EmbedRequest:
    """The request in a message that was checked; `for_any` as EmbedSpec has it. Raises RequestInvalid."""
    spec = embed_spec(message.embed)
    return EmbedRequest(
        spec=msgspec.structs.replace(spec, for_any=for_any) if for_any else spec,
        policy=policy(message.route),
        labels=dict(message.labels),
        once=once(message),
    )


def embed_spec(message: pb.EmbedSpec) -> EmbedSpec:
    """What is asked of an embedding model. Raises RequestInvalid."""
    return EmbedSpec(
        model=message.model,
        inputs=tuple(_input(one) for one in message.inputs),
        dimensions=message.dimensions if message.HasField("dimensions") else None,
        purpose=_PURPOSES.get(message.purpose),
        provider_options=options(message.provider_options, "embed"),
    )


def _item_id(body: bytes) -> str:
    try:
        return pb.StreamEmbedRequest.FromString(body).item.id[:128]
    except Exception:
        return ""


def _input(source: pb.EmbedInput) -> EmbedInput:
    return source.text if source.WhichOneof("input") == "text" else tuple(source.token_ids.ids)


class EmbedAnswer:
    """Collects the events of an Embed call into the bytes of its response."""

    def __init__(self) -> None:
        self._vectors: list[bytes] = []
        self._started = core.Started()
        self._completed = core.EmbedCompleted(core.Usage())

    def add(self, event: core.Event) -> None:
        """Takes one event."""
        if isinstance(event, core.EmbeddingsAdded):
            self._vectors += event.vectors
        elif isinstance(event, core.Started):
            self._started = event
        elif isinstance(event, core.EmbedCompleted):
            self._completed = event

    def encode(self) -> bytes:
        """An EmbedResponse."""
        started, completed = self._started, self._completed
        response = pb.EmbedResponse(provider=started.provider, model=started.model)
        for warning in started.warnings:
            write_warning(response.warnings.add(), warning)
        write_usage(response.usage, completed.usage)
        write_attempts(response.attempts, completed.attempts, (completed.usage, response.usage))
        write_costs(response, completed.attempts, kept=completed.cached_count > 0)
        response.cached_inputs_count = completed.cached_count
        if completed.saved_picos is not None:
            response.saved_picos = completed.saved_picos
        fields = [delimited(1, embedding(vector)) for vector in self._vectors]
        fields.append(response.SerializeToString())
        return b"".join(fields)


ItemStatus = Callable[[HedgerowError], bytes]


class EmbedEventEncoder:
    """Encodes the messages of one StreamEmbed, numbered from 1; `item_status` makes the bytes of an error's
    google.rpc.Status.
    """

    def __init__(self, item_status: ItemStatus) -> None:
        self._item_status = item_status
        self._sequence = 0

    def encode(self, event: core.Event) -> list[bytes]:
        """The messages of the event."""
        match event:
            case core.EmbeddingsAdded(vectors, ids):
                return [
                    self._head(item_id) + delimited(4, embedding(vector))
                    for item_id, vector in zip(ids, vectors, strict=True)
                ]
            case core.ItemFailed(item_id, error):
                known = error if isinstance(error, HedgerowError) else Internal("A fault of the gateway.")
                return [self._head(item_id) + delimited(5, self._item_status(known))]
            case core.Started():
                return [self._head("") + self._started(event)]
            case core.EmbedCompleted():
                return [self._head("") + self._completed(event)]
            case _:
                raise TypeError(f"{type(event).__name__} is no event of StreamEmbed")

    def _head(self, item_id: str) -> bytes:
        self._sequence += 1
        return pb.StreamEmbedResponse(sequence=self._sequence, id=item_id).SerializeToString()

    def _started(self, event: core.Started) -> bytes:
        response = pb.StreamEmbedResponse()
        response.started.provider = event.provider
        response.started.model = event.model
        for warning in event.warnings:
            write_warning(response.started.warnings.add(), warning)
        return response.SerializeToString()

    def _completed(self, event: core.EmbedCompleted) -> bytes:
        response = pb.StreamEmbedResponse()
        write_usage(response.completed.usage, event.usage)
        response.completed.embedded_items_count = event.embedded_count
        response.completed.failed_items_count = event.failed_count
        response.completed.attempts_count = event.attempts_count
        omitted = event.attempts_count - len(event.attempts)
        write_costs(response.completed, event.attempts, omitted, kept=event.cached_count > 0)
        if event.cached_count:
            response.completed.cached_items_count = event.cached_count
        if event.saved_picos is not None:
            response.completed.saved_picos = event.saved_picos
        return response.SerializeToString()
