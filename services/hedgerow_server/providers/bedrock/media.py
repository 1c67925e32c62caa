"""Images, documents, video and audio in Bedrock's words."""

import re

from hedgerow_server.core.request import Audio, File, Image
from hedgerow_server.providers.bedrock.body import Medium, Source
from hedgerow_server.providers.draft import Draft

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/x-markdown": "md",
}
_VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_AUDIOS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/ogg": "ogg",
    "audio/pcm": "pcm",
    "audio/webm": "webm",
}
_NOT_OF_NAMES = re.compile(r"[^A-Za-z0-9 ()\[\]-]+", re.ASCII)
_SPACES = re.compile(r" {2,}")
_ENDING = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,5}$", re.ASCII)
_MAX_NAME = 190
_S3 = "s3://"


class Media:
    """Builds the media of one request."""

    __slots__ = ("_draft", "_names")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._names: set[str] = set()

    def image(self, image: Image, path: str) -> Medium:
        """A picture. Raises RequestInvalid."""
        if image.detail is not None:
            self._draft.ignored(f"{path}.detail", "The provider has no such parameter.")
        form = self._format(image.media_type, image.url, _IMAGES, path, "a PNG, JPEG, GIF or WebP image")
        return Medium(form, self._source(image.data, image.url, path))

    def audio(self, audio: Audio, path: str) -> Medium:
        """A recording. Raises RequestInvalid."""
        form = self._format(audio.media_type, audio.url, _AUDIOS, path, "audio of a format that the provider takes")
        return Medium(form, self._source(audio.data, audio.url, path))

    def file(self, file: File, path: str) -> tuple[str, Medium]:
        """A document or a video, and which of both. Raises RequestInvalid."""
        url = file.url if file.provider_file_id is None else file.provider_file_id
        media_type = _media_type(file.media_type)
        if media_type.startswith("video/"):
            form = self._format(media_type, url, _VIDEOS, path, "video of a format that the provider takes")
            return "video", Medium(form, self._source(file.data, url, path))
        what = "PDF, Word, Excel, CSV, HTML, Markdown or plain text"
        form = self._format(media_type, url, _DOCUMENTS, path, what)
        return "document", Medium(form, self._source(file.data, url, path), self._name(file.name))

    def _source(self, data: bytes | None, url: str | None, path: str) -> Source:
        if data is not None:
            return Source(data)
        if url is None or not url.startswith(_S3):
            raise self._draft.invalid(path, "must be data, or a file in S3 by its s3:// address as provider_file_id")
        return Source(s3_location={"uri": url})

    def _format(self, media_type: str, url: str | None, formats: dict[str, str], path: str, what: str) -> str:
        form = formats.get(_media_type(media_type))
        if form is None and url is not None and not media_type:
            ending = url.rpartition(".")[2].lower()
            form = next((one for one in formats.values() if one == ending), None)
        if form is None:
            raise self._draft.invalid(f"{path}.media_type", f"must be {what}")
        return form

    def _name(self, given: str) -> str:
        """A name that Bedrock takes: few characters, and no two alike in a request."""
        name = _SPACES.sub(" ", _NOT_OF_NAMES.sub("-", _ENDING.sub("", given))).strip(" -")[:_MAX_NAME] or "Document"
        unique, count = name, 1
        while unique in self._names:
            count += 1
            unique = f"{name} ({count})"
        self._names.add(unique)
        return unique


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()
