"""Secrets: keys by the forms that providers publish, private keys, tokens, passwords in URLs and assignments, and
random strings beside words that announce a secret.
"""

import re
from collections.abc import Callable
from typing import Literal

from hedgerow_server.guardrails import secret_keys
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.forms import LOOK_BACK, Form, FormScanner, Span, last_word
from hedgerow_server.guardrails.regexp import compiled
from hedgerow_server.guardrails.secret_entropy import entropy, is_password, is_random, is_token

LONGEST = 8192
"""Bytes of a private key or a JSON Web Token; of longer ones this much is found."""
_NEAR = 48
"""Bytes before a random string in which a word announces it."""

_JWT = r"\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){2,4}"
_BEGIN = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_BREAK = r"(?:\s|\\r|\\n|[\"'+,>|])*"
_BODY = rf"(?:{_BREAK}(?:[A-Za-z0-9+/]{{16,}}=*|(?:Proc-Type|DEK-Info|Version|Comment|Hash): [^\n\\]{{0,100}}))*"
_END = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM = rf"{_BEGIN}{_BODY}(?:{_BREAK}=?[A-Za-z0-9+/]{{0,15}}(?:={{1,2}}|={{0,2}}{_BREAK}{_END}))?"
_PEM_OPEN = compiled(
    rf"(?:{_BEGIN}{_BODY}{_BREAK}(?:=?[A-Za-z0-9+/]*={{0,2}}{_BREAK}\\?|[A-Za-z]+(?:-[A-Za-z]*)?(?:: ?[^\n\\]*)?)"
    r"(?:-{1,5}|-----E[A-Z0-9 ]{0,60}-{0,5})?"
    r"|-----B[A-Z0-9 ]{0,60}-{0,5})\z"
)
_URL = r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/?#@\"'<>]{0,64}:[^\s:/?#@\"'<>]{1,128}@[^\s/?#\"'<>]"

_GIVEN = r"(?:[\"'`*]{0,3}\s{0,3}(?::=|=>|==|=|:)\s{0,3}(?:[bfru]?[\"'`])?| (?:is|was|to|=)(?: now)?:? [\"'`]?)"
_PASSWORD = rf"(?i)(?:(?:pass(?:word|wd|phrase|code)|pwd)[A-Za-z0-9_\-]{{0,16}}{_GIVEN}|--password )"
_KEY = (
    r"(?i)(?:(?:(?:api|access|secret|private|auth|encryption|signing|account|subscription|shared|master|service|storage)"
    rf"[_\- ]?key|token|secret|credentials?|authkey)[A-Za-z0-9_\-]{{0,16}}{_GIVEN}|--(?:api-key|token|secret) )"
)
_HEADER = (
    r"(?i)(?:\b(?:proxy-)?authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:(?:bearer|basic|token|digest|apikey) )?"
    r"|\bx-[a-z\-]{0,20}(?:key|token)[\"']?\s{0,3}[:=]\s{0,3}[\"']?|\bbearer )"
)
_REACH = 80
_RANDOM_WORDS = (
    r"(?i)(?:secret|token|passw|credential|(?:api|access|private|account)[_\- ]?key|auth|bearer"
    r"|\bkeys?\b|aws_|azure|twilio|signature|sig=)"
)
_RANDOM = r"[A-Za-z0-9+/_\-]{20,}={0,2}"
_ANNOUNCED = compiled(_RANDOM_WORDS)
_VALUE = re.compile(rb"[^\s\"'`,;<>]*")
_HEADER_VALUE = re.compile(rb"[A-Za-z0-9._~+/=-]*")
_TRAILING = b".,:!?)}]"
_EXAMPLES = frozenset(b"password passwd pass pwd secret token user username xxx xxxx pw".split())

Category = Literal["private_key", "jwt", "url_password", "header", "password", "token", "random"]
"""What is told by other signs than a provider's form."""
_OTHERS = ("private_key", "jwt", "url_password", "header", "password", "token", "random")


def _clipped(data: bytes, start: int, end: int) -> Span | int:
    """What may be longer than is looked at."""
    stop = min(end, start + LONGEST)
    while stop < end and data[stop] & 0xC0 == 0x80:
        stop -= 1
    return start, stop


def _pem(data: bytes, start: int, end: int) -> Span | int:
    """RFC 7468 from BEGIN to END, or as much of it as there is. BEGIN alone is talk about keys."""
    bare = end - start > 100 or data[start:end].count(b"-----") > 2
    return _clipped(data, start, end) if bare else end


def _url(data: bytes, start: int, end: int) -> Span | int:
    """The password of a URL (RFC 3986, 3.2.1)."""
    at = data.rindex(b"@", start, end)
    begin = data.index(b":", data.index(b"://", start) + 3) + 1
    text = data[begin:at]
    if text.lower() in _EXAMPLES or text[:1] in (b"$", b"{", b"<", b"*", b"%", b"[") or text.endswith((b"}", b">")):
        return at + 1
    return begin, at


def _given(is_one: Callable[[bytes], bool], value: "re.Pattern[bytes]") -> Callable[[bytes, int, int], Span | int]:
    """What stands behind its announcement, which is the match."""

    def check(data: bytes, start: int, end: int) -> Span | int:
        run = value.match(data, end, end + secret_keys.LONGEST + 1)
        assert run is not None
        stop = run.end()
        if stop - end > secret_keys.LONGEST:
            return start + 1
        while stop > end and data[stop - 1] in _TRAILING:
            stop -= 1
        return (end, stop) if is_one(data[end:stop]) else start + 1

    return check


def _is_header(text: bytes) -> bool:
    return len(text) >= 16 and is_token(text)


def _random(data: bytes, start: int, end: int) -> Span | int:
    """With a word shortly before."""
    if end - start > 256 or re.match(rb"[A-Za-z0-9+/_-]", data[max(0, start - 1) : start] or b" "):
        return end
    if not _ANNOUNCED.search(data[max(0, start - _NEAR) : start]):
        return end
    return (start, end) if is_random(data[start:end]) else end


def _aws_secret(data: bytes, start: int, end: int) -> Span | int:
    """Exactly 40 characters, with a word of AWS shortly before."""
    run = _AWS_RUN.match(data, start)
    assert run is not None
    if run.end() != end or _AWS_RUN.match(data[max(0, start - 1) : start]) or end - start != 40:
        return run.end()
    fits = _AWS_WORDS.search(data[max(0, start - _REACH) : start]) is not None and entropy(data[start:end]) >= 3.5
    return (start, end) if fits and data[start:end].lower() != data[start:end] else end


_AWS_RUN = re.compile(rb"[A-Za-z0-9/+]+")
_AWS_WORDS = re.compile(rb"(?i)aws|secret[_ -]?access|amazon|AKIA|ASIA")

_FORMS = (
    Form("private_key", _PEM, "-----BEGIN", _pem),
    *secret_keys.forms(),
    Form("aws", "[A-Za-z0-9/+]{40}", "[A-Za-z0-9/+]{40}", _aws_secret),
    Form("jwt", _JWT, "eyJ", _clipped),
    Form("url_password", _URL, "://[^/]*@", _url),
    Form("header", _HEADER, "(?i)authorization|x-|bearer ", _given(_is_header, _HEADER_VALUE), reach=_REACH),
    Form("password", _PASSWORD, "(?i)passw|passp|passc|pwd", _given(is_password, _VALUE), reach=_REACH),
    Form("token", _KEY, "(?i)key|token|secret|credential", _given(is_token, _VALUE), reach=_REACH),
    Form("random", _RANDOM, "[A-Za-z0-9+/_]{20}", _random, words=_RANDOM_WORDS),
)


class SecretsGuardSection(GuardEntry):
    """Keys, tokens, passwords and private keys."""

    type: Literal["secrets"] = "secrets"
    """Secrets."""
    random_strings: bool = True
    """Whether strings that look drawn by lot count as secrets where a word such as "token" stands shortly before."""
    replacement: str = "[SECRET]"
    """What stands in the place of a secret once it is redacted."""


class SecretsGuard(FormScanner):
    """Finds secrets. Holds the last word, 512 code points of it at most; of what begins like a JSON Web Token or a
    private key up to 8,192.
    """

    def __init__(self, section: SecretsGuardSection) -> None:
        forms = [form for form in _FORMS if section.random_strings or form.category != "random"]
        super().__init__(
            forms, dict.fromkeys((*secret_keys.CATEGORIES, *_OTHERS), section.replacement), "secret", _open_from
        )


def _open_from(text: str, begin: int) -> int:
    """Where a secret may begin that has not ended yet."""
    low = max(begin, len(text) - LONGEST)
    open_from = last_word(text, low, LONGEST)
    if len(text) - open_from > secret_keys.LONGEST:
        token = text.find("eyJ", open_from)
        slid = len(text) - secret_keys.LONGEST
        open_from = min(token, slid) if token >= 0 else slid
    dashes = text.find("-----B", low)
    if dashes >= 0 and (match := _PEM_OPEN.search(text[dashes:])) is not None:
        open_from = min(open_from, dashes + match.start())
    return open_from


assert _REACH <= LOOK_BACK
assert _NEAR <= LOOK_BACK
