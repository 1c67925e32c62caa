"""Media in OpenAI's words, the same in all of its APIs."""

import base64
import mimetypes

from hedgerow_server.core.request import Audio, File
from hedgerow_server.providers.draft import Draft

_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}

_USUAL_IMAGE = "image/png"


def plain_type(media_type: str) -> str:
    """The media type without its parameters, lower case."""
    return media_type.partition(";")[0].strip().lower()


def data_url(data: bytes, media_type: str) -> str:
    """The bytes as a data URL."""
    return f"data:{plain_type(media_type)};base64,{base64.b64encode(data).decode()}"


def read_url(url: str) -> tuple[str, bytes, str] | None:
    """Where a generated image is: its media type, and its bytes from a data URL or, for any other, the URL. None for
    data that are not base64.
    """
    if url[:5].lower() != "data:":
        media_type = mimetypes.guess_type(url.partition("?")[0])[0] or ""
        return media_type if media_type.startswith("image/") else _USUAL_IMAGE, b"", url
    head, _, data = url[5:].partition(",")
    try:
        return plain_type(head) or _USUAL_IMAGE, base64.b64decode(data, validate=True), ""
    except ValueError:  # binascii.Error is one
        return None


def audio_data(audio: Audio, path: str, draft: Draft) -> tuple[str, str]:
    """A recording as base64 and the name of its format. Raises RequestInvalid for what is neither wav nor mp3."""
    if audio.data is None:
        raise draft.invalid(f"{path}.url", "must be data: the provider takes no audio by URL")
    audio_format = _AUDIO_FORMATS.get(plain_type(audio.media_type))
    if audio_format is None:
        raise draft.invalid(f"{path}.media_type", "must be audio/wav or audio/mpeg: the provider takes no other audio")
    return base64.b64encode(audio.data).decode(), audio_format


def file_name(file: File) -> str:
    """The name of a file: the provider demands one and looks at its ending."""
    return file.name or f"file{mimetypes.guess_extension(plain_type(file.media_type)) or ''}"
