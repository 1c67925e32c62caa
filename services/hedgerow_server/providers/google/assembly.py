"""Google's parts into events: the same whether they are the pieces of a stream or those of one answer."""

import base64

import msgspec

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import LogprobsDelta, MediaDelta, ReasoningDelta, TextDelta
from hedgerow_server.core.request import ProviderItem, TokenLogprob
from hedgerow_server.providers.google.answer import Blob, FunctionCall, PartIn
from hedgerow_server.providers.google.partial import PartialCall
from hedgerow_server.providers.google.state import DIALECT, signature_state
from hedgerow_server.providers.loose import plain, text_of
from hedgerow_server.providers.parts import Parts
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.watch import Watch

# Members that say something about a part, not what it is.
_ASIDE = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata", "text"})
_KINDS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_URL_SAFE = str.maketrans("-_", "+/")
_RAW_AUDIO = ("audio/l16", "audio/pcm")


class Assembly:
    """Takes the parts of one answer.

    A part with a thought signature is a part of its own here, too: Google wants it back neither joined with others nor
    split (https://ai.google.dev/gemini-api/docs/thought-signatures). Other text is joined with its neighbours.
    """

    __slots__ = ("_partial", "_provider", "_sound", "_watch", "parts", "said")

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self.parts = Parts()
        self.said: list[tuple[int, str]] = []
        """(part index, text) of what was said, for citations."""
        self._sound = (-1, "")  # the part that holds raw audio, and its type
        self._partial: PartialCall | None = None  # a call whose arguments are still coming

    def add(self, part: PartIn, seed: str) -> bool:
        """Takes one part; `seed` names the answer. False for a part of a kind that only its JSON tells. Raises
        UpstreamProtocol.
        """
        if part.function_call is not None:
            self._call(part.function_call, seed)
        elif part.inline_data is not None and not part.thought:
            self._medium(part.inline_data, signed=part.thought_signature is not None)
        elif part.file_data is not None and not part.thought:
            self.parts.medium(text_of(part.file_data.mime_type), b"", url=text_of(part.file_data.file_uri))
        elif type(part.text) is str:
            self._say(part, part.text)
        else:
            return False
        if part.thought_signature is not None:
            self._sign(part.thought_signature)
        elif part.function_call is not None and self._partial is None:
            self.parts.close()
        return True

    def add_raw(self, part: PartIn, raw: bytes) -> None:
        """Takes a part that `add` did not, with its JSON: an item that goes back as it is, signature included."""
        if item := _item(raw):
            self.parts.item(item)
            if item.type not in _KINDS:
                self._watch.note(Unknown.CONTENT_TYPE, item.type)
        elif isinstance(part.thought_signature, str):
            self._say(part, "")
            self._sign(part.thought_signature)

    def weigh(self, tokens: tuple[TokenLogprob, ...]) -> None:
        """How likely the tokens of the latest chunk were: they are told of all its parts together, and stand at the
        latest part of text, else at the latest of all.
        """
        if tokens:
            part = self.said[-1][0] if self.said else self.parts.index
            self.parts.events.append(LogprobsDelta(part, tokens))

    def close(self) -> None:
        """Ends what is open. Raises UpstreamProtocol for a call that is not complete."""
        if self._partial is not None:
            raise protocol_error(self._provider, "a tool call that breaks off")
        self.parts.close()

    def _say(self, part: PartIn, text: str) -> None:
        kind = ReasoningDelta if part.thought else TextDelta
        self.parts.say(kind, text, anew=isinstance(part.thought_signature, str))
        if text and kind is TextDelta:
            self.said.append((self.parts.index, text))

    def _sign(self, signature: object) -> None:
        if isinstance(signature, str):
            self.parts.attach(signature_state(signature))
            if self._partial is None:
                self.parts.close()

    def _call(self, call: FunctionCall, seed: str) -> None:
        partial = self._partial
        if partial is None:
            name = text_of(call.name)
            if not name:
                raise protocol_error(self._provider, "a tool call without a name")
            self.parts.start_call(text_of(call.id), name, seed)
            if not call.will_continue and not call.partial_args:
                self.parts.arguments(_arguments(call.args))
                return
            partial = self._partial = PartialCall(plain(call.args))
        partial.take(call.partial_args)
        if not call.will_continue:
            self._partial = None
            self.parts.arguments(partial.arguments())

    def _medium(self, blob: Blob, *, signed: bool) -> None:
        media_type = text_of(blob.mime_type)
        try:
            data = _base64(text_of(blob.data))
        except ValueError:  # binascii.Error is one; characters that are not ASCII raise it bare
            raise protocol_error(self._provider, "media that is not base64") from None
        if self._sound == (self.parts.index, media_type) and not signed:
            # Speech comes in pieces; samples without a header are one recording when joined.
            self.parts.events.append(MediaDelta(self.parts.index, data=data))
            return
        self.parts.medium(media_type, data)
        if media_type.lower().startswith(_RAW_AUDIO):
            self._sound = (self.parts.index, media_type)


def _item(raw: bytes) -> ProviderItem | None:
    """A part of another kind as it is, None where there is nothing in it."""
    members = plain(raw)
    names = members.keys() if isinstance(members, dict) else ()
    kind = next((name for name in (*_KINDS, *names) if name in names and name not in _ASIDE), "")
    return ProviderItem(DIALECT, kind[:128], raw) if kind else None


def _arguments(args: msgspec.Raw) -> str:
    text = bytes(args).decode()
    return "" if text == "null" else text


def _base64(text: str) -> bytes:
    text = text.translate(_URL_SAFE)
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
