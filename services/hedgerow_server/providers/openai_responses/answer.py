"""What the Responses API sends: its events, responses and items, as far as they are read.

Only what every event has is typed; what is read once an item stays JSON until then. Unknown members are skipped, wrong
types count as absent.
"""

from typing import Any

import msgspec

from hedgerow_server.providers.loose import Loose, tolerant

_NOTHING = msgspec.Raw(b"null")


class StreamEvent(Loose):
    """One event of a stream, told apart by `type`."""

    type: Any = None
    delta: Any = None
    logprobs: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    item_id: Any = None
    item: msgspec.Raw = _NOTHING
    response: msgspec.Raw = _NOTHING
    annotation: Any = None
    partial_image_b64: Any = None
    output_format: Any = None
    error: Any = None


class Response(Loose):
    """A response, whole or at its beginning."""

    id: Any = None
    model: Any = None
    status: Any = None
    output: list[msgspec.Raw] | None = None
    incomplete_details: Any = None
    error: Any = None
    usage: Any = None
    tool_usage: Any = None
    service_tier: Any = None


class Item(Loose):
    """One item of a response's output, of any type."""

    type: Any = None
    id: Any = None
    content: Any = None
    summary: Any = None
    phase: Any = None
    call_id: Any = None
    name: Any = None
    arguments: Any = None
    input: Any = None
    result: Any = None
    output_format: Any = None
    execution: Any = None
    environment: Any = None


read_event = tolerant(StreamEvent)
"""The event in UTF-8 JSON, None where there is none."""
read_response = tolerant(Response)
"""The response in UTF-8 JSON, None where there is none."""
read_item = tolerant(Item)
"""The item in UTF-8 JSON, None where there is none."""


def members_of(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none where the value is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
