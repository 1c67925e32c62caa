"""What a fuzzer begins with: the seeds that are kept, those made of the recordings, and the words of a dialect."""

import base64
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from fuzz.frames import script
from fuzz.targets import DIALECTS
from providers.replay import recordings_of

Json = dict[str, Any]

CORPUS = Path(__file__).with_name("corpus")
MAX_BYTES = 2048
"""The most bytes of a dialect's input. Larger ones find little more and take long."""
LOW_MAX_BYTES = 640
"""The same for the two low readers, whose limit is a third of it."""

_APIS = {
    "openai": ("openai_chat", "openai_embed", "mistral_chat", "mistral_embed", "azure_ai_chat", "voyage_embed"),
    "openai_responses": ("openai_responses",),
    "azure_openai": ("openai_chat", "openai_embed", "openai_responses"),
    "anthropic": ("anthropic_messages",),
    "gemini": ("gemini_generate", "gemini_embed"),
    "vertex": ("gemini_generate", "gemini_embed", "vertex_predict", "vertex_anthropic"),
    "bedrock": ("bedrock_converse", "bedrock_invoke"),
    "cohere": ("cohere_v2_chat", "cohere_v2_embed"),
    "ollama": ("ollama_chat", "ollama_embed"),
}
_PACKAGES = {
    "azure_openai": ("azure_openai", "openai", "openai_responses"),
    "openai_responses": ("openai_responses", "openai"),
    "gemini": ("google",),
    "vertex": ("google", "anthropic"),
}
_KINDS = {"chat": "d", "chat_stream": "s", "embed": "e", "error": "c"}
_HEAD, _TAIL = 1400, 600
_WORD = re.compile(r'"([A-Za-z_\[][A-Za-z0-9_./\] -]{1,47})"')
_SYNTAX = (
    "data: ",
    "event: ",
    "\n\n",
    "\r\n",
    "[DONE]",
    ": ",
    '{"',
    '":',
    "[{",
    "}]",
    "null",
    "true",
    "1e400",
    "\\ud83d",
)


def kept(target: str) -> list[Path]:
    """The seeds of a target in the tree."""
    return sorted((CORPUS / target).iterdir())


def recorded(target: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of a seed for each recording of a dialect; none where the recordings are absent."""
    own = "azure_openai" if target == "azure_openai" else None
    for recording in recordings_of(*_APIS.get(target, ())):
        if own in (None, recording["provider"]):
            yield str(recording["id"]), _seed(recording, len(DIALECTS[target]))


def words(target: str) -> list[str]:
    """The names and words that the dialect's own source knows: a fuzzer cannot see what a C decoder compares with."""
    found = set(_SYNTAX)
    for module in _modules(target):
        found.update(_WORD.findall(inspect.getsource(module)))
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, msgspec.Struct):
                found.update(field.encode_name for field in msgspec.structs.fields(kind))
    return sorted(found)


def _modules(target: str) -> Iterator[ModuleType]:
    for package in _PACKAGES.get(target, (target,)):
        module = importlib.import_module(f"hedgerow_server.providers.{package}")
        yield module
        for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
            yield importlib.import_module(f"{module.__name__}.{found.name}")


def _seed(recording: Json, providers: int) -> bytes:
    response = recording["response"]
    number = 1 if providers == 2 and recording["api"] == "openai_responses" else 0
    kind = _KINDS[recording["kind"]]
    head = f"{kind}{number}\n".encode()
    if kind == "c":
        lines = [str(response["status"]), *(f"{name}: {value}" for name, value in response["headers"].items())]
        head += "\n".join(lines).encode() + b"\n\n"
    return head + _shortened(_body(response))


def _body(response: Json) -> bytes:
    body = response["body"]
    if response["body_encoding"] == "json":
        return json.dumps(body, separators=(",", ":")).encode()
    if response["body_encoding"] == "base64":
        return script(base64.b64decode(body))
    text: str = body
    return text.encode()


def _shortened(body: bytes) -> bytes:
    """The first and the last events of a long stream; of a document, what there is room for."""
    if len(body) <= _HEAD + _TAIL:
        return body
    end = b"\n\n" if b"\n\n" in body else b"\n"
    head, tail = body[:_HEAD], body[-_TAIL:]
    return head[: head.rfind(end) + len(end)] + tail[tail.find(end) + len(end) :] if end in head else head
