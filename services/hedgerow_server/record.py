"""Traffic with a provider as a recording: what went over the wire, without what is private, as one line of JSON."""

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from hedgerow_server.core.port import HttpRequest, Operation
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.http.port import Response, Transport
from hedgerow_server.providers.openai import OpenAISection
from hedgerow_server.providers.openai.vendors import VENDORS
from hedgerow_server.providers.openai_responses import OpenAIResponsesSection
from hedgerow_server.providers.section import ProviderSection

_REDACTED = "[redacted]"
_EVENT_STREAM = "application/vnd.amazon.eventstream"
_STREAMS = {
    "text/event-stream": "sse",
    "application/x-ndjson": "ndjson",
    "application/stream+json": "ndjson",
    _EVENT_STREAM: "aws-eventstream",
}
_SHORTEST_SECRET = 8
"""Shorter words than this stand for no secret: a local server's key may be `none`, which is in many a body."""

# Only headers that are known to tell nothing of the account get into a recording.
_REQUEST_HEADERS = ("accept", "content-type", "anthropic-version", "anthropic-beta")
_AUTH_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key", "x-amz-security-token")
_RESPONSE_HEADERS = re.compile(
    r"content-type|(x-ms-)?retry-after(-ms)?|x-should-retry|(x-|apim-|x-amzn-)?request-?id|x-amzn-errortype"
    r"|x-amzn-bedrock-[a-z-]+|openai-(version|processing-ms)|x-api-warning|x-debug-trace-id|num_(chars|tokens)"
    r"|[a-z-]*ratelimit[a-z-]*-(limit|remaining|reset)[a-z-]*"
    r"|[a-z-]*ratelimit-(limit|remaining|reset)",
    re.ASCII,
)

# The name of a dialect in recordings, by how the path of a request ends.
_APIS = {
    "/chat/completions": "openai_chat",
    "/embeddings": "openai_embed",
    "/responses": "openai_responses",
    "/messages": "anthropic_messages",
    "/converse": "bedrock_converse",
    "/converse-stream": "bedrock_converse",
    "/invoke": "bedrock_invoke",
    "/chat": "cohere_v2_chat",
    "/embed": "cohere_v2_embed",
    ":generateContent": "gemini_generate",
    ":streamGenerateContent": "gemini_generate",
    ":embedContent": "gemini_embed",
    ":batchEmbedContents": "gemini_embed",
    ":predict": "vertex_predict",
    ":rawPredict": "vertex_anthropic",
    ":streamRawPredict": "vertex_anthropic",
}
# Vendors that recordings name otherwise, and those whose differences have a dialect's name of their own there.
_PROVIDERS = {"azure_ai": "azure_openai", "dashscope": "qwen", "vercel": "vercel_gateway"}
_VENDOR_APIS = {
    ("azure_ai", "openai_chat"): "azure_ai_chat",
    ("mistral", "openai_chat"): "mistral_chat",
    ("mistral", "openai_embed"): "mistral_embed",
    ("voyage", "openai_embed"): "voyage_embed",
}
_ERROR_CLASSES = {400: "bad_request", 401: "auth", 403: "permission", 404: "not_found", 422: "bad_request"}

_CLOUDS = ("amazonaws.com", "anthropic.com", "api.aws", "cohere.com", "googleapis.com")
_ACCOUNT_HOSTS = (".azure.com", ".azuredatabricks.net", ".databricks.com", ".snowflakecomputing.com")

_COLON = "(?::|%3A)"
# What looks private wherever it stands, and what stands in its place. The neutral forms match nothing here.
_PRIVATE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), neutral)
    for pattern, neutral in (
        (r"(?<![\w-])(?:sk|rk|pk|pplx|xai|csk|nvapi)-[\w*-]{8,}", _REDACTED),
        (r"(?<![\w-])(?:gsk|hf|fw|r8|esecret|tgp|vck)_[\w*-]{8,}", _REDACTED),
        (r"(?<![\w-])AIza[\w-]{20,}", _REDACTED),
        (r"(?<![\w-])ya29\.[\w.-]{8,}", _REDACTED),
        (r"(?<![A-Za-z0-9])A(?:KI|SI)A[A-Z0-9]{16}(?![A-Za-z0-9])", _REDACTED),
        (r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+", _REDACTED),
        (r"\bBearer [\w.~+/*-]{8,}=*", f"Bearer {_REDACTED}"),
        (r"(?<![\w-])org-(?!redacted)[A-Za-z0-9]{6,}", "org-redacted"),
        (r"(?<![\w-])proj_(?!redacted)[A-Za-z0-9]{6,}", "proj_redacted"),
        (r"(?<![\w-])user_(?!redacted)[A-Za-z0-9]{16,}", "user_redacted"),
        (
            r"""(\\*")(org(?:anization)?(?:_id)?|(?:account|project|user|workspace)_id)\1(\s*:\s*)\1[^"\\]+\1""",
            rf"\1\2\1\3\1{_REDACTED}\1",
        ),
        (r"\b(ft:[\w.-]+):[\w-]+:", r"\1:example-org:"),
        (
            rf"(arn{_COLON}aws[a-z-]*{_COLON}(?:iam|sts){_COLON}{_COLON})\d{{12}}{_COLON}[\w+=,.@/-]+",
            r"\g<1>000000000000:user/redacted",
        ),
        (rf"(arn{_COLON}aws[a-z-]*{_COLON}[a-z0-9-]*{_COLON}[a-z0-9-]*{_COLON})\d{{12}}", r"\g<1>000000000000"),
        (r"\b(accounts/)[0-9a-f]{32}\b", rf"\g<1>{'0' * 32}"),
        (r"\b(projects/)[\w-]+", r"\1example-project"),
        (r"(?i)\b(project(?: number| id)?[ :=#]+)\d{6,}", r"\1[redacted]"),
        (
            r"(?<![\w.%+-])(?!redacted@)[\w.%+-]{1,64}(?:@|%40|\\u0040)(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b",
            "redacted@example.com",
        ),
        (r"(?<![\w.])(?!127\.|192\.0\.2\.)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])", "192.0.2.1"),
    )
)


class PrivateError(Exception):
    """A recording would still hold a secret."""


class Exchange:
    """One request, and as much of its answer as was read."""

    __slots__ = ("body", "headers", "request", "status")

    def __init__(self, request: HttpRequest, response: Response) -> None:
        self.request = request
        self.status = response.status
        # A header may hold bytes that are no text; aiohttp gives them as surrogates.
        self.headers = {
            name.lower(): value.encode("ascii", "replace").decode() for name, value in response.headers.items()
        }
        self.body = bytearray()

    @property
    def content_type(self) -> str:
        """The media type of the answer, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Tape:
    """A transport that keeps what passes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.exchanges: list[Exchange] = []
        """Every request that was answered, oldest first."""

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """As the transport within."""
        response = await self._transport.send(request, extra_headers)
        self.exchanges.append(Exchange(request, response))
        return _TapedResponse(response, self.exchanges[-1].body)

    async def close(self) -> None:
        """As the transport within."""
        await self._transport.close()


class _TapedResponse:
    __slots__ = ("_body", "_response")

    def __init__(self, response: Response, body: bytearray) -> None:
        self._response = response
        self._body = body

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self) -> bytes:
        data = await self._response.read()
        self._body += data
        return data

    def release(self, *, finished: bool = False) -> None:
        self._response.release(finished=finished)


class Scrubber:
    """Puts neutral words in the place of what is private: given secrets, given names, and what looks like either."""

    def __init__(self, secret: Secret | None, names: Mapping[str, str]) -> None:
        """`names` maps what is private of a configuration to what stands in its place."""
        self._secrets = frozenset(form for word in _words(secret) for form in _forms(word))
        # The longest first: one may be a part of another.
        forms = sorted(self._secrets, key=len, reverse=True)
        rules = [(re.compile(re.escape(form)), _REDACTED) for form in forms]
        for name, neutral in sorted(names.items(), key=lambda item: -len(item[0])):
            rules.append((re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.ASCII), neutral))
        self._rules = (*rules, *_PRIVATE)

    def text(self, text: str) -> str:
        """The text with nothing private in it."""
        for pattern, neutral in self._rules:
            text = pattern.sub(neutral, text)
        return text

    def body(self, body: bytes, content_type: str) -> bytes:
        """A body likewise. The frames of an event stream get the lengths and checksums of what they hold then."""
        if content_type == _EVENT_STREAM:
            return b"".join(self._frames(body))
        return self.text(body.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def document(self, body: bytes) -> Any:
        """A body that is a JSON object or list, as its value; else its text, or None where it is no text."""
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        if isinstance(value, dict | list):
            # Written anew, so that no escape hides anything.
            return json.loads(self.text(json.dumps(value, ensure_ascii=False)))
        return _text(self.body(body, ""))

    def check(self, line: str) -> str:
        """The line, if no secret is in it. Raises PrivateError."""
        if any(form in line for form in self._secrets):
            raise PrivateError("the recording would hold the credential")
        return line

    def _frames(self, body: bytes) -> Iterator[bytes]:
        at = 0
        while at + 16 <= len(body):
            total, headers_bytes = struct.unpack_from(">II", body, at)
            if total < 16 + headers_bytes or at + total > len(body):
                break
            frame = body[at : at + total]
            payload = frame[12 + headers_bytes : -4]
            clean = self.body(payload, "")
            yield frame if clean == payload else _frame(frame[12 : 12 + headers_bytes], clean)
            at += total
        yield self.body(body[at:], "")  # what was cut off


def _frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", binascii.crc32(message))


def _words(secret: Secret | None) -> Iterator[str]:
    """The secret, and where it is a JSON object each of its values."""
    if secret is None:
        return
    text = secret.reveal()
    yield text
    if text.startswith("{"):
        try:
            values = msgspec.json.decode(text, type=dict[str, Any]).values()
        except (msgspec.MsgspecError, UnicodeError):
            return
        yield from (value for value in values if isinstance(value, str))


def _forms(word: str) -> set[str]:
    """How a word may stand in JSON and in URLs."""
    if len(word) < _SHORTEST_SECRET:
        return set()
    return {word, json.dumps(word)[1:-1], quote(word, safe=""), json.dumps(json.dumps(word)[1:-1])[1:-1]}


def scrubber(section: ProviderSection, secret: Secret | None) -> Scrubber:
    """What cleans the traffic of a configured provider."""
    names = {}
    for key, neutral in (("organization", "org-redacted"), ("project", "example-project")):
        if value := getattr(section, key, None):
            names[str(value)] = neutral
    host = urlsplit(getattr(section, "base_url", None) or "").hostname
    if host and _neutral_host(host) != host:
        names[host] = _neutral_host(host)
    return Scrubber(secret, names)


def _neutral_host(host: str) -> str:
    """A provider's public host and this machine's own as they are; of an account's host only whose it is."""
    if host in ("localhost", "::1") or host.startswith("127."):
        return host
    if host.endswith(_ACCOUNT_HOSTS):
        return "example-resource." + host.partition(".")[2]
    hosts = [urlsplit(vendor.base_url).hostname or "" for vendor in VENDORS.values() if vendor.base_url]
    public = {".".join(known.split(".")[-2:]) for known in hosts} | set(_CLOUDS)
    return host if ".".join(host.split(".")[-2:]) in public else "example-host"


def folder_name(section: ProviderSection) -> str:
    """What a folder of recordings calls the provider, and its file: the vendor where the dialect has vendors."""
    if isinstance(section, OpenAISection):
        return _PROVIDERS.get(section.vendor, section.vendor)
    if isinstance(section, OpenAIResponsesSection):
        return "openai"
    return str(getattr(section, "dialect", ""))


def recording(
    exchange: Exchange,
    section: ProviderSection,
    *,
    operation: Operation,
    model: str,
    scrub: Scrubber,
    features: Iterable[str],
) -> str:
    """The exchange as one line of JSON, without an end of line. `features` are those of the conversation; those of the
    transport are added. Raises PrivateError.
    """
    provider, request = folder_name(section), exchange.request
    url = urlsplit(request.url)
    kind = _kind(exchange, operation)
    response = _response(exchange, scrub)
    body = scrub.document(request.body)
    said = {
        "provider": provider,
        "api": _api(url.path, section),
        "host": scrub.text(url.netloc),
        "path": scrub.text(url.path),
        "query": scrub.text(url.query),
        "model": scrub.text(model),
        "kind": kind,
        "features": sorted({*features, *_features(exchange, kind, body)}),
        "request": {"method": request.method, "headers": _request_headers(request, scrub), "body": body},
        "response": response,
        "source": {
            "repo": "",
            "path": "scripts/record",
            "commit": "",
            "licence": "",
            "recorded": dt.datetime.now(dt.UTC).date().isoformat(),
        },
    }
    traffic = json.dumps([provider, said["path"], said["model"], body, response["status"], response["body"]])
    number = hashlib.sha256(traffic.encode()).hexdigest()[:12]
    return scrub.check(json.dumps({"id": f"{provider}-{kind}-{number}", **said}))


def _api(path: str, section: ProviderSection) -> str:
    api = next((name for end, name in _APIS.items() if path.endswith(end)), str(getattr(section, "dialect", "")))
    if isinstance(section, OpenAISection):
        return _VENDOR_APIS.get((section.vendor, api), api)
    return api


def _kind(exchange: Exchange, operation: Operation) -> str:
    if not 200 <= exchange.status < 300:
        return "error"
    if exchange.content_type in _STREAMS:
        return "chat_stream"
    return "embed" if operation is Operation.EMBED else "chat"


def _features(exchange: Exchange, kind: str, body: Any) -> Iterator[str]:
    form = _STREAMS.get(exchange.content_type)
    if form is not None:
        yield form.replace("-", "_")
    if kind == "error" and exchange.status in _ERROR_CLASSES:
        yield _ERROR_CLASSES[exchange.status]
    if exchange.status == 429:
        yield "rate_limit"
    asked = isinstance(body, dict)
    if asked and body.get("stream") is True and form is None:
        yield "stream_requested"
    if asked and isinstance(body.get("stream_options"), dict):
        yield "include_usage"
    if asked and body.get("encoding_format") == "base64":
        yield "base64_embedding"


def _request_headers(request: HttpRequest, scrub: Scrubber) -> dict[str, str]:
    kept = {}
    for name, value in sorted((name.lower(), value) for name, value in request.headers.items()):
        if name in _AUTH_HEADERS:
            kept[name] = f"Bearer {_REDACTED}" if value.startswith("Bearer ") else _REDACTED
        elif name in _REQUEST_HEADERS:
            kept[name] = scrub.text(value)
    return kept


def _response(exchange: Exchange, scrub: Scrubber) -> dict[str, Any]:
    body, form = bytes(exchange.body), _STREAMS.get(exchange.content_type)
    clean = scrub.body(body, exchange.content_type)
    content = scrub.document(body) if form is None else _text(clean)
    if content is None or form == "aws-eventstream":
        encoding, content = "base64", base64.b64encode(clean).decode()
    else:
        encoding = "text" if isinstance(content, str) else "json"
    kept = {name: value for name, value in sorted(exchange.headers.items()) if _RESPONSE_HEADERS.fullmatch(name)}
    return {
        "status": exchange.status,
        "headers": {name: scrub.text(value) for name, value in kept.items()},
        "body_encoding": encoding,
        "stream_format": form if exchange.status < 300 else None,
        "body": content,
    }


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
