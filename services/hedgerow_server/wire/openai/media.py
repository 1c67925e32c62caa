"""Media in the words of OpenAI's API: data URLs, base64 and names of formats."""

import base64
import mimetypes
from urllib.parse import unquote_to_bytes

from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import unpacked

_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "pcm16": "audio/pcm", "m4a": "audio/mp4"}
_FORMATS = {media_type: name for name, media_type in _TYPES.items()}
_UNKNOWN = "application/octet-stream"


def write_source(target: pb.Image | pb.Audio | pb.File, url: str, path: str) -> None:
    """Fills where a medium is: a data URL becomes its bytes, any other one stays. Raises RequestInvalid."""
    if url[:5].lower() != "data:":
        target.url = url
        return
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise wrong(path, "must be an http URL or a data URL")
    media_type, _, coding = head.rpartition(";")
    if coding.strip().lower() == "base64":
        target.data = unpacked(data, path)
    else:
        media_type, target.data = head, unquote_to_bytes(data)
    target.media_type = media_type.strip().lower() or target.media_type or "text/plain"


def write_audio(target: pb.Audio, data: str, form: str, path: str) -> None:
    """Fills a recording from base64, a data URL or a URL, and the name of its format. Raises RequestInvalid."""
    target.media_type = _TYPES.get(form.lower(), f"audio/{form.lower()}")
    if data[:5].lower() == "data:" or data[:4].lower() == "http":
        write_source(target, data, path)
    else:
        target.data = unpacked(data, path)


def write_file(target: pb.File, data: str, name: str, path: str) -> None:
    """Fills a file from a data URL, a URL or base64, whose type its name tells then. Raises RequestInvalid."""
    target.name = name
    if data[:5].lower() == "data:" or data[:4].lower() == "http":
        write_source(target, data, path)
    else:
        target.media_type = mimetypes.guess_type(name)[0] or _UNKNOWN
        target.data = unpacked(data, path)


def data_url(data: bytes, media_type: str) -> str:
    """The bytes as a data URL."""
    return f"data:{media_type or _UNKNOWN};base64,{base64.b64encode(data).decode()}"


def audio_format(media_type: str) -> str:
    """The name of an audio format, such as "wav"."""
    return _FORMATS.get(media_type) or media_type.partition("/")[2]
