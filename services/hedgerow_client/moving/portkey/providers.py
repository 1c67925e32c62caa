"""A target's provider: by its word, by the slug of a key in Portkey's vault, or by what the user says of the slug."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hedgerow_client.moving.draft import Draft, Section, is_url
from hedgerow_client.moving.report import Source
from hedgerow_client.moving.vendors import PORTKEY, VENDORS, Vendor


@dataclass(frozen=True, slots=True)
class Slugs:
    """Which provider stands behind which slug."""

    said: Mapping[str, str]
    """What the user says, by slug without its @."""

    def vendor(self, slug: str) -> Vendor | None:
        """The provider, also where the slug contains its name, such as "openai-prod"."""
        name = self.said.get(slug, slug)
        if name in PORTKEY:
            return VENDORS[PORTKEY[name]]
        found = [word for word in PORTKEY if re.search(rf"(^|[^a-z0-9]){re.escape(word)}([^a-z0-9]|$)", name.lower())]
        return VENDORS[PORTKEY[max(found, key=len)]] if found else None


def candidate_of(draft: Draft, node: Source, slugs: Slugs) -> Section:
    """Provider and model of a target; empty, and reported, where they cannot be said."""
    written, key = node.text("provider"), node.text("virtual_key", quiet=True)
    override = node.take("override_params")
    params = dict(override) if isinstance(override, Mapping) else {}
    slug, _, of_slug = written.removeprefix("@").partition("/") if written.startswith("@") else (written, "", "")
    model = str(params.pop("model", "") or of_slug or "")
    kept = written.startswith("@") or bool(key)
    if not of_slug and model.startswith("@"):
        slug, _, model = model.removeprefix("@").partition("/")
        kept = True
    for name in params:
        text = "the gateway sets no parameters of its own; let callers send it"
        draft.report.left_out(f"{node.at('override_params')}.{name}", text)
    slug = slug or key.removeprefix("@")
    vendor = slugs.vendor(slug)
    if vendor is None:
        text = f"which provider is behind {slug!r}? Say so with --provider {slug or 'SLUG'}=openai"
        draft.report.left_out(node.at("provider") if written else node.at("virtual_key"), text)
        return {}
    section = _section(draft, node, vendor, slug if kept else "")
    provider = "" if section is None else draft.provider(vendor, node.at("custom_host"), **section)
    model = node.text("azure_deployment_id") or model
    node.take("azure_model_name")
    return {"provider": provider} | ({"model": model} if model else {}) if provider else {}


def _section(draft: Draft, node: Source, vendor: Vendor, slug: str) -> Section | None:
    section: Section = {}
    host = node.text("custom_host")
    if host and not is_url(host):
        draft.report.left_out(node.at("custom_host"), "expected a URL")
        return None
    section["base_url"] = _host(host, vendor)
    if vendor.dialect == "bedrock":
        return _bedrock(draft, node, section)
    if vendor.dialect == "vertex":
        return _vertex(draft, node, section)
    if vendor.dialect == "azure_openai":
        resource = node.text("azure_resource_name")
        section["base_url"] = host or (resource and f"https://{resource}.openai.azure.com")
        section["api_version"] = node.text("azure_api_version")
    if vendor.dialect == "openai":
        section["organization"], section["project"] = node.text("openai_organization"), node.text("openai_project")
    section["credential"] = _credential(draft, node, vendor, slug)
    return section


def _host(host: str, vendor: Vendor) -> str:
    """Portkey's custom hosts end with the version of the API, which some dialects add themselves."""
    url = host.rstrip("/")
    return url.removesuffix("/v1") if vendor.dialect in ("anthropic", "ollama") else url


def _credential(draft: Draft, node: Source, vendor: Vendor, slug: str) -> str:
    secret = node.text("api_key", quiet=True)
    variable = vendor.variable or f"{vendor.name.upper()}_API_KEY"
    if secret:
        return draft.plain_credential(secret, variable, node.at("api_key"))
    if slug:
        wanted = re.sub(r"[^A-Za-z0-9]+", "_", slug).strip("_").upper() + "_API_KEY"
        text = f"the key stays in Portkey's vault: put one into the environment variable {wanted}"
        draft.report.partly(node.at("virtual_key" if "virtual_key" in node else "provider"), text)
        return draft.env_credential(wanted)
    return draft.env_credential(vendor.variable) if vendor.variable else ""


def _bedrock(draft: Draft, node: Source, section: Section) -> Section | None:
    region = node.text("aws_region")
    for key in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
        node.take(key)
    if not region:
        draft.report.left_out(node.at("aws_region"), "expected the region, which Bedrock's providers need")
        return None
    return section | {"region": region, "credential": draft.credential("aws", {"source": "aws"})}


def _vertex(draft: Draft, node: Source, section: Section) -> Section | None:
    project, account = node.text("vertex_project_id"), node.take("vertex_service_account_json")
    named: Any = account.get("project_id") if isinstance(account, Mapping) else None
    project = project or str(named or "")
    if not project:
        draft.report.left_out(node.at("vertex_project_id"), "expected the project, which Vertex's providers need")
        return None
    location = node.text("vertex_region")
    return section | {
        "project": project,
        "location": location,
        "credential": draft.credential("google", {"source": "google"}),
    }
