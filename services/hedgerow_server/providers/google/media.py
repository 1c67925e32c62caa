"""Media in a conversation, in Google's words."""

import base64
import mimetypes

from hedgerow_server.core.request import Audio, File, Image, ImageDetail
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.google.body import BlobOut, FileOut, MediaResolution

_LEVELS = {ImageDetail.LOW: "MEDIA_RESOLUTION_LOW", ImageDetail.HIGH: "MEDIA_RESOLUTION_HIGH"}


def media(medium: Image | Audio | File) -> tuple[BlobOut | None, FileOut | None]:
    """A medium inline or by address. URLs are fetched by Google; an id is one of its Files API, name or URI."""
    if medium.data is not None:
        return BlobOut(medium.media_type, base64.b64encode(medium.data).decode()), None
    uri = medium.url or (medium.provider_file_id if isinstance(medium, File) else None) or ""
    guessed = mimetypes.guess_type(uri.partition("?")[0])[0] if not medium.media_type else None
    return None, FileOut(uri, medium.media_type or guessed)


def resolution(image: Image, path: str, draft: Draft, *, by_part: bool) -> MediaResolution | None:
    """How closely to look at an image; models before Gemini 3 know it for whole requests only."""
    level = _LEVELS.get(image.detail) if image.detail is not None else None
    if level is not None and not by_part:
        draft.ignored(f"{path}.image.detail", "The model has no such parameter for a single image.")
        return None
    return MediaResolution(level) if level is not None else None
