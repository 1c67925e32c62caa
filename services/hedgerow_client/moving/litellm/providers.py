"""A deployment's provider: dialect, address, credential, limits."""

import re
from collections.abc import Mapping
from typing import Any

from hedgerow_client.moving.draft import Draft, Section, is_url, number
from hedgerow_client.moving.report import Source
from hedgerow_client.moving.vendors import VENDORS, Vendor

ENV = "os.environ/"
"""What LiteLLM writes before the name of an environment variable."""
_SECRET = re.compile(r"authorization|key|token|secret|password|cookie", re.IGNORECASE)
_HEADER = re.compile(r"[a-z0-9-]{1,64}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,256}")


def provider_of(draft: Draft, name: str, params: Source, limits: Section) -> str:
    """The entry of `providers` for a deployment; empty, and reported, where it cannot be made."""
    vendor = VENDORS[name]
    section: Section = {"base_url": _url(draft, vendor, params)}
    if section["base_url"] is None:
        return ""
    match vendor.dialect:
        case "bedrock":
            found = _bedrock(draft, params)
        case "vertex":
            found = _vertex(draft, params)
        case _:
            found = _keyed(draft, vendor, params, section)
    if found is None:
        return ""
    section |= found
    if limits:
        section["rate_limits"] = limits
    for key, ours in (("timeout", "first_token_timeout_seconds"), ("stream_timeout", "idle_timeout_seconds")):
        seconds = params.number(key)
        if seconds:
            section[ours] = number(seconds)
    return draft.provider(vendor, params.at("api_base"), **section)


def _url(draft: Draft, vendor: Vendor, params: Source) -> str | None:
    """Where the provider is; empty: where it always is; None, and reported, where that cannot be said."""
    written = params.text("api_base") or params.text("base_url")
    params.take("base_url")
    if not written:
        return ""
    if not is_url(written):
        text = "expected a URL that stands in the file: an address from the environment cannot be copied, write it down"
        draft.report.left_out(params.at("api_base"), text)
        return None
    url = written.rstrip("/")
    if vendor.dialect == "openai":
        url = url.removesuffix("/chat/completions")
    elif vendor.dialect == "azure_openai":
        url = url.split("/openai", 1)[0]
    elif vendor.dialect == "anthropic":
        url = url.removesuffix("/v1/messages").removesuffix("/v1")
    elif vendor.dialect == "ollama":
        url = url.removesuffix("/api").removesuffix("/v1")
    return url


def _keyed(draft: Draft, vendor: Vendor, params: Source, known: Section) -> Section:
    """What a provider with a key of its own has."""
    section: Section = {}
    written = params.text("api_key")
    placeholder = written.lower() in {"none", "empty", "fake-key", "dummy", "anything", "sk-none"}
    if written and not (placeholder and known["base_url"]):
        fallback = vendor.variable or f"{vendor.name.upper()}_API_KEY"
        section["credential"] = draft.key_credential(written, ENV, fallback, params.at("api_key"))
    elif vendor.variable and not written:
        section["credential"] = draft.env_credential(vendor.variable)
    version, organization = params.text("api_version"), params.text("organization")
    if vendor.dialect == "azure_openai" and version and not version.startswith(ENV):
        section["api_version"] = version
    elif version and vendor.dialect == "azure_openai":
        draft.report.left_out(params.at("api_version"), "it is in the environment: write it down here")
    if vendor.dialect == "openai" and organization:
        if _PRINTABLE.fullmatch(organization) and not organization.startswith(ENV):
            section["organization"] = organization
        else:
            draft.report.left_out(params.at("organization"), "it is in the environment: write it down here")
    headers = params.take("extra_headers")
    if vendor.dialect == "openai" and isinstance(headers, Mapping):
        section["headers"] = _headers(draft, headers, params.at("extra_headers"))
    return section


def _headers(draft: Draft, headers: Mapping[Any, Any], path: str) -> dict[str, str]:
    found = {}
    for key, value in headers.items():
        name = str(key).lower()
        if _SECRET.search(name) or ENV in str(value) or not _HEADER.fullmatch(name):
            draft.report.left_out(f"{path}.{key}", "it may be a secret, or is none that can stand in the file")
        else:
            found[name] = str(value)
    return found


def _bedrock(draft: Draft, params: Source) -> Section | None:
    region = params.text("aws_region_name")
    if not region or region.startswith(ENV):
        draft.report.left_out(params.at("aws_region_name"), "expected a region that stands in the file")
        return None
    credential: Section = {"source": "aws"}
    for key, ours in (
        ("aws_profile_name", "profile"),
        ("aws_role_name", "role_arn"),
        ("aws_session_name", "session_name"),
    ):
        value = params.text(key)
        if value and not value.startswith(ENV):
            credential[ours] = value
        elif value:
            draft.report.left_out(params.at(key), "it is in the environment: write it down here")
    if "role_arn" not in credential:
        credential.pop("session_name", None)
    for key in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
        params.take(key)
    written = params.text("api_key")
    if written:
        name = draft.key_credential(written, ENV, "AWS_BEARER_TOKEN_BEDROCK", params.at("api_key"))
    else:
        name = draft.credential("aws", credential)
    return {"region": region, "credential": name}


def _vertex(draft: Draft, params: Source) -> Section | None:
    project = params.text("vertex_project")
    if not project or project.startswith(ENV):
        draft.report.left_out(params.at("vertex_project"), "expected a project that stands in the file")
        return None
    location = params.text("vertex_location")
    credential: Section = {"source": "google"}
    path = params.text("vertex_credentials")
    if path.startswith(("{", ENV)):
        text = "put the service account's key into a file and name it as `path` of the credential"
        draft.report.partly(params.at("vertex_credentials"), text)
    elif path:
        credential["path"] = path
    section = {"project": project, "credential": draft.credential("google", credential)}
    return section | ({"location": location} if location and not location.startswith(ENV) else {})
