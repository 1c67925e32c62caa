"""Traces as a configuration wants them: what records them, and what they call the providers."""

from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.core.secret import RevealNamed
from hedgerow_server.providers.section import ProviderSection
from hedgerow_server.settings import Settings
from hedgerow_server.telemetry.conventions import ProviderFacts
from hedgerow_server.telemetry.spans import Spans

_NAMES = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_mantle": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""What OpenTelemetry calls families of the catalogue that have another name there."""
_PORTS = {"http": 80, "https": 443}


def open_spans(settings: Settings, path: Path, reveal: RevealNamed) -> Spans | None:
    """What records traces; None where the configuration wants none. Raises ConfigError without the extra."""
    section = settings.telemetry.traces
    if section is None:
        return None
    try:
        from hedgerow_server.telemetry.exporter import SpanExporter
    except ImportError:
        raise ConfigError([Fault(str(path), 1, "telemetry.traces", "needs the extra `otel`")]) from None
    if section.ca_file is not None and not section.ca_file.is_file():
        raise ConfigError([Fault(str(path), 1, "telemetry.traces.ca_file", "expected a file")])
    spans = Spans(section, SpanExporter(section, reveal, version("hedgerow")))
    serve_spans(spans, settings)
    return spans


def serve_spans(spans: Spans | None, settings: Settings) -> None:
    """Takes over a configuration that is in force from now on."""
    section = settings.telemetry.traces
    if spans is not None and section is not None:
        spans.serve(section)
        spans.providers = {name: _facts(name, one) for name, one in settings.providers.items()}


def _facts(name: str, section: ProviderSection) -> ProviderFacts:
    family = section.family or ""
    url = urlsplit(section.url or "")
    port = url.port or _PORTS.get(url.scheme, 0)
    return ProviderFacts(_NAMES.get(family, family or name), url.hostname or "", port)
