"""One model has many names: what can be taken off a name so that the catalogue knows the rest."""

import re

_DATE = r"(?:20\d\d-\d\d-\d\d|20\d{6}|\d\d-20\d\d|\d\d-\d\d|\d{4})"
_STAGE = r"(?:latest|preview|exp|beta|default)"
_VARIANT = re.compile(rf"(.+?)(?:[-@]{_STAGE}(?:-{_DATE})?|[-@]{_DATE}|[-@]\d{{3}})(?:-v\d+(?::\d+)?)?", re.ASCII)
# Bedrock's inference profiles: the geography before the maker, as in us.anthropic.claude-sonnet-5.
_GEOGRAPHY = re.compile(r"(?:us-gov|us|eu|apac|ap|jp|in|au|ca|sa|uk|global)\.(?=[a-z0-9-]+\.)")
_QUALIFIER = re.compile(r"(.+):[a-z0-9-]+")


def fine_tuned_from(name: str) -> str:
    """The model that a fine-tuned one was made of (`ft:gpt-4o:acme::id`); empty where the name tells of none."""
    return name.split(":")[1] if name.startswith("ft:") and name.count(":") > 1 else ""


def unwrapped(name: str) -> str:
    """The name without where it stands: the path of a resource (`publishers/google/models/gemini-2.5-pro`,
    `arn:aws:bedrock:us-east-1:0:inference-profile/us.amazon.nova-pro-v1:0`) and the geography of a Bedrock inference
    profile (`us.`). The model stays the same.
    """
    if name.startswith("arn:"):
        name = name.rpartition("/")[2]
    elif "models/" in name:
        name = name.rpartition("models/")[2]
    return _GEOGRAPHY.sub("", name, count=1)


def unqualified(name: str) -> str:
    """The name without what follows its last colon, such as `:free` (OpenRouter), `:groq` (Hugging Face's router) or
    `:300k` (Bedrock); empty where it has none.
    """
    found = _QUALIFIER.fullmatch(name)
    return found[1] if found else ""


def stem(name: str) -> str:
    """The name without its version: a date (`-2024-08-06`, `@20250929`, `-2512`), a stage (`-latest`,
    `-preview-09-2025`) or a number of three digits (`-001`), each perhaps with Bedrock's `-v1:0` behind it. Empty where
    it has no version. Never more than one: gpt-4-1106-preview is no gpt-4.
    """
    found = _VARIANT.fullmatch(name)
    return found[1] if found else ""
