"""Pictures and documents."""

from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.anthropic.asked import SOURCE, Source
from hedgerow_server.wire.anthropic.reading import Members, text_of
from hedgerow_server.wire.anthropic.tokens import State, write_state
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded, unpacked

_IMAGE = frozenset({"type", "source", "cache_control"})
_DOCUMENT = _IMAGE | {"title"}
# What a picture that was uploaded is, as far as a request tells.
_SOME_IMAGE = "image/*"
_TEXT = "text/plain"


def write_image(part: pb.Part, found: Members, at: str) -> bool:
    """Fills a part with a picture; false where the contract has no place for it. Raises RequestInvalid."""
    source = _source(found, at)
    match source.type:
        case "base64":
            part.image.media_type, part.image.data = source.media_type, unpacked(source.data, f"{at}.source.data")
        case "url":
            part.image.url = source.url
        case "file":
            part.file.media_type, part.file.provider_file_id = _SOME_IMAGE, source.file_id
        case _:
            return False
    _keep_others(part, found, _IMAGE)
    return True


def write_document(part: pb.Part, found: Members, at: str) -> bool:
    """Fills a part with a document; false where the contract has no place for it. Raises RequestInvalid."""
    source = _source(found, at)
    if source.type == "content" or (source.type == "text" and "context" in found):
        return False  # all words of a document stand where guards read them
    file = part.file
    match source.type:
        case "base64":
            file.media_type, file.data = source.media_type, unpacked(source.data, f"{at}.source.data")
        case "text":
            file.media_type, file.data = source.media_type or _TEXT, source.data.encode()
        case "url":
            file.url = source.url
        case _:
            file.provider_file_id = source.file_id
    if "title" in found:
        file.name = text_of(found, "title", at)
    _keep_others(part, found, _DOCUMENT)
    return True


def _source(found: Members, at: str) -> Source:
    if "source" not in found:
        raise wrong(f"{at}.source", "is required")
    return decoded(SOURCE, found["source"], f"{at}.source")


def _keep_others(part: pb.Part, found: Members, known: frozenset[str]) -> None:
    if others := {name: value for name, value in found.items() if name not in known}:
        write_state(part, State(members=others))
