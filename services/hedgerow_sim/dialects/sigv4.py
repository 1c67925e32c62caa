"""AWS Signature Version 4, as far as it can be told without the secret: whether it is well formed.

Format: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import re
from typing import Final

from hedgerow_sim.dialects.port import Incoming, Kind, Refusal, Signature

_SCHEME: Final = "AWS4-HMAC-SHA256"
_DATE: Final = re.compile(r"(\d{8})T\d{6}Z")
_CREDENTIAL: Final = re.compile(r"(\w{4,128})/(\d{8})/[\w-]+/([\w-]+)/aws4_request")
_NEEDED: Final = ("host", "x-amz-date")


def signature(incoming: Incoming, service: str) -> Signature | None:
    """The signature of a request, None if it has none. Raises Refusal for one that AWS could not even check."""
    scheme, _, rest = incoming.headers.get("authorization", "").partition(" ")
    if scheme != _SCHEME:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not parts.get(name):
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    if (date := _DATE.fullmatch(incoming.headers.get("x-amz-date", ""))) is None:
        raise _incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if (credential := _CREDENTIAL.fullmatch(parts["Credential"])) is None:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    if credential[2] != date[1]:
        raise _invalid(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {date[0]}.")
    if credential[3] != service:
        raise _invalid(f"Credential should be scoped to correct service: '{service}'.")
    signed = parts["SignedHeaders"].split(";")
    if missing := [name for name in _NEEDED if name not in signed]:
        raise _invalid(f"'{missing[0]}' must be a 'SignedHeader' in the AWS Authorization.")
    if not re.fullmatch(r"[0-9a-f]{64}", parts["Signature"]):
        raise _invalid("The request signature we calculated does not match the signature you provided.")
    return Signature(credential[1], incoming.headers.get("x-amz-security-token", ""))


def _incomplete(message: str) -> Refusal:
    return Refusal(Kind.BAD_KEY, message, code="IncompleteSignatureException")


def _invalid(message: str) -> Refusal:
    return Refusal(Kind.BAD_KEY, message, code="InvalidSignatureException")
