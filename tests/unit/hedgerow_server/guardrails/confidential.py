"""Secrets drawn by lot, in the forms in which providers give them out."""

import base64
import json
import random
import string
from collections.abc import Callable, Mapping

ALNUM = string.ascii_letters + string.digits
URL_SAFE = ALNUM + "-_"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
Make = Callable[[random.Random], str]


def drawn(letters: str, count: int) -> Make:
    """So many of these letters."""
    return lambda draw: "".join(draw.choice(letters) for _ in range(count))


def _key(prefix: str, letters: str, count: int) -> Make:
    return lambda draw: prefix + drawn(letters, count)(draw)


def _ended(make: Make, letters: str = ALNUM) -> Make:
    """The last sign is none that could also belong to the sentence."""
    return lambda draw: make(draw)[:-1] + draw.choice(letters)


FORMATS: Mapping[str, tuple[Make, ...]] = {
    "openai": (
        _key("sk-", ALNUM, 48),
        lambda draw: f"sk-{drawn(ALNUM, 20)(draw)}T3BlbkFJ{drawn(ALNUM, 20)(draw)}",
        _ended(lambda draw: f"sk-proj-{drawn(URL_SAFE, 74)(draw)}T3BlbkFJ{drawn(URL_SAFE, 74)(draw)}"),
        _ended(_key("sk-svcacct-", URL_SAFE, 48)),
        _ended(_key("sk-admin-", URL_SAFE, 48)),
    ),
    "anthropic": (
        _ended(lambda draw: f"sk-ant-api03-{drawn(URL_SAFE, 93)(draw)}AA"),
        _ended(lambda draw: f"sk-ant-admin01-{drawn(URL_SAFE, 93)(draw)}AA"),
    ),
    "google": (
        _ended(_key("AIza", URL_SAFE, 35)),
        _ended(_key("GOCSPX-", URL_SAFE, 28)),
        _ended(_key("ya29.", URL_SAFE, 120)),
    ),
    "aws": (_key("AKIA", UPPER, 16), _key("ASIA", UPPER, 16), _key("ABSK", ALNUM, 109)),
    "azure": (
        lambda draw: f"{drawn(ALNUM, 52)(draw)}JQQJ99{drawn(ALNUM, 26)(draw)}",
        _ended(lambda draw: f"{drawn(ALNUM, 3)(draw)}8Q~{drawn(URL_SAFE, 34)(draw)}"),
    ),
    "github": (
        *(_key(f"gh{kind}_", ALNUM, 36) for kind in "pousr"),
        lambda draw: f"github_pat_{drawn(ALNUM, 22)(draw)}_{drawn(ALNUM, 59)(draw)}",
    ),
    "gitlab": (
        _ended(_key("glpat-", URL_SAFE, 20)),
        _ended(_key("gldt-", URL_SAFE, 20)),
        _ended(_key("glrt-", URL_SAFE, 20)),
    ),
    "slack": (
        lambda draw: f"xoxb-{drawn(string.digits, 12)(draw)}-{drawn(string.digits, 12)(draw)}-{drawn(ALNUM, 24)(draw)}",
        lambda draw: f"xapp-1-{drawn(UPPER, 11)(draw)}-{drawn(string.digits, 13)(draw)}-{drawn(HEX, 64)(draw)}",
    ),
    "stripe": (_key("sk_live_", ALNUM, 24), _key("rk_test_", ALNUM, 99), _key("whsec_", ALNUM, 32)),
    "twilio": (_key("AC", HEX, 32), _key("SK", HEX, 32)),
    "sendgrid": (_ended(lambda draw: f"SG.{drawn(URL_SAFE, 22)(draw)}.{drawn(URL_SAFE, 43)(draw)}"),),
    "huggingface": (_key("hf_", ALNUM, 34),),
    "npm": (_key("npm_", ALNUM, 36),),
    "pypi": (_ended(_key("pypi-AgEIcHlwaS5vcmc", URL_SAFE, 140)),),
    "digitalocean": (_key("dop_v1_", HEX, 64), _key("doo_v1_", HEX, 64)),
    "vault": (_ended(_key("hvs.", URL_SAFE, 90)), _ended(_key("hvb.", URL_SAFE, 130))),
    "databricks": (_key("dapi", HEX, 32),),
    "groq": (_key("gsk_", ALNUM, 52),),
    "xai": (_key("xai-", ALNUM, 80),),
    "replicate": (_key("r8_", ALNUM, 37),),
    "openrouter": (_key("sk-or-v1-", HEX, 64),),
    "mailgun": (_key("key-", HEX, 32),),
    "docker": (_ended(_key("dckr_pat_", URL_SAFE, 27)),),
    "telegram": (_ended(lambda draw: f"{drawn('123456789', 10)(draw)}:AA{drawn(URL_SAFE, 33)(draw)}"),),
    "shopify": (_key("shpat_", HEX, 32),),
}
"""By category: whole secrets that tell themselves."""


def web_token(draw: random.Random) -> str:
    """JSON, signed."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": drawn(ALNUM, draw.randint(4, 40))(draw), "exp": draw.randint(1, 2**31)}
    return f"{part({'alg': 'HS256'})}.{part(claims)}.{drawn(ALNUM, 43)(draw)}"


def private_key(draw: random.Random, *, newline: str = "\n") -> str:
    """PEM of one of the kinds there are."""
    kind = draw.choice(("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "))
    body = drawn(ALNUM + "+/", draw.randint(100, 1_700))(draw) + "=="
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return newline.join((f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"))


ANNOUNCED: tuple[tuple[str, str, Make], ...] = (
    ("aws", "aws_secret_access_key = {}", drawn(ALNUM + "+/", 40)),
    ("token", "AccountKey={};EndpointSuffix=core.windows.net", lambda draw: drawn(ALNUM + "+/", 86)(draw) + "=="),
    ("token", '"azure_openai_api_key": "{}"', drawn(HEX, 32)),
    ("token", "TWILIO_AUTH_TOKEN={}", drawn(HEX, 32)),
    ("header", "Authorization: Bearer {}", drawn(ALNUM, 40)),
    ("header", "-H 'x-api-key: {}'", drawn(ALNUM, 32)),
    ("password", 'password = "{}"', drawn(ALNUM + "!$#%&", 14)),
    ("password", "DB_PASSWORD={}", drawn(ALNUM, 16)),
    ("url_password", "postgresql://app:{}@db.example.org:5432/app", drawn(ALNUM, 16)),
    ("url_password", "mongodb+srv://app:{}@cluster0.example.net/?w=majority", drawn(ALNUM, 12)),
)
"""Category, the text around, the secret."""


def text(draw: random.Random) -> str:
    """A few words around some secrets."""
    words = "please use this token for the key and do not share the password with anybody -- it is new".split()  # noqa: SIM905
    parts: list[str] = []
    for _ in range(draw.randint(1, 3)):
        parts += draw.choices(words, k=draw.randint(0, 5))
        kind = draw.random()
        if kind < 0.5:
            parts.append(draw.choice(draw.choice(tuple(FORMATS.values())))(draw))
        elif kind < 0.8:
            _, around, make = draw.choice(ANNOUNCED)
            parts.append(around.replace("{}", make(draw)))
        else:
            parts.append(web_token(draw) if kind < 0.95 else private_key(draw)[: draw.randint(20, 500)])
        parts[-1] += draw.choice(("", "", ".", ",", '"', "\n"))
    return " ".join(parts + draw.choices(words, k=draw.randint(0, 4)))
