"""LiteLLM's config.yaml as a configuration of Hedgerow."""

from collections.abc import Mapping
from typing import Any

from hedgerow_client.moving.draft import Draft, Section
from hedgerow_client.moving.litellm.guards import read_guards
from hedgerow_client.moving.litellm.keys import CREDENTIAL, GENERAL, LITELLM, ROUTER, TOP
from hedgerow_client.moving.litellm.models import read_models
from hedgerow_client.moving.litellm.settings import read_cache, read_general, read_routing
from hedgerow_client.moving.report import Report, Source


def translate(document: Any) -> tuple[Section, Report]:
    """The configuration, and what did not map. The configuration has no routes where nothing of them could be read.

    Raises ValueError where the document is no configuration of LiteLLM's proxy at all.
    """
    if not isinstance(document, Mapping) or "model_list" not in document:
        raise ValueError("expected a mapping with `model_list`, as LiteLLM's proxy is started with")
    report = Report()
    draft = Draft(report)
    top = Source(document, "", TOP, report)
    router = Source(top.take("router_settings"), "router_settings", ROUTER, report)
    litellm = Source(top.take("litellm_settings"), "litellm_settings", LITELLM, report)
    general = Source(top.take("general_settings"), "general_settings", GENERAL, report)
    groups = read_models(draft, top, _credentials(top))
    read_routing(draft, groups, router, litellm)
    read_cache(draft, groups, litellm)
    read_general(draft, general, litellm)
    read_guards(draft, top)
    draft.routes.update({group.name: group.route() for group in groups.values() if group.candidates})
    for source in (router, litellm, general, top):
        source.rest()
    return draft.whole(), report


def _credentials(top: Source) -> Mapping[str, Mapping[str, Any]]:
    """The values of `credential_list`, by name."""
    found = {}
    for index, one in enumerate(top.items("credential_list")):
        entry = Source(one, f"credential_list[{index}]", CREDENTIAL, top.report)
        values = entry.take("credential_values")
        entry.take("credential_info")
        found[entry.text("credential_name")] = dict(values) if isinstance(values, Mapping) else {}
        entry.rest()
    return found
