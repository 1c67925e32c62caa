"""Where the Gemini API and Vertex AI differ, as data."""

import msgspec

# https://ai.google.dev/api/generate-content#FinishReason, in the order of google.ai.generativelanguage.v1beta.
_GEMINI_FINISH = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_OTHER",
    "NO_IMAGE",
    "IMAGE_RECITATION",
)
# The same of google.cloud.aiplatform.v1beta1.
_VERTEX_FINISH = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
)


class Flavour(msgspec.Struct, frozen=True):
    """What one of the two services has."""

    family: str
    """The name under which callers may address providers of this kind."""
    finish_words: tuple[str, ...]
    """The finish reasons by number, for answers with enums as numbers."""
    call_ids: bool = True
    """Whether function calls and responses have ids."""
    tool_invocations: bool = True
    """Whether calls of provider-run tools are parts (`toolCall`, `toolResponse`) that go back with the conversation."""


GEMINI = Flavour("gemini", _GEMINI_FINISH)
VERTEX = Flavour("vertex", _VERTEX_FINISH, tool_invocations=False)
VERTEX_V1 = Flavour("vertex", _VERTEX_FINISH, call_ids=False, tool_invocations=False)
