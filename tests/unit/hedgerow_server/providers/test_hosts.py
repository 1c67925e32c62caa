"""What every dialect has in common: hosts come from the configuration, and redirects lead nowhere."""

from urllib.parse import urlsplit

import pydantic
import pytest
from hedgerow_server.core.error import HedgerowError, UpstreamProtocol
from hedgerow_server.core.port import Dialect
from hedgerow_server.core.request import ChatSpec, EmbedSpec, Message, Part, Role, Text
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers import registry
from hedgerow_server.providers.registry import Provider
from stack import DIALECTS

HOST = "provider.example:8443"
SPECS = (
    ChatSpec(model="route", messages=(Message(Role.USER, (Part(Text("Hello")),)),)),
    EmbedSpec(model="route", inputs=("Hello",)),
)
MODELS = (
    "@evil.example/x",
    "//evil.example/x",
    "\\\\evil.example",
    "../../../../evil.example",
    "https://evil.example/x",
    "x@evil.example",
    "x#@evil.example",
    "x?host=evil.example",
    "%2f%2fevil.example",
    "x\r\nhost: evil.example",
)
"""Names that callers may say where a route has all models of a provider."""


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Every dialect, at a host of its own."""
    settings = {**DIALECTS[request.param][0]}
    settings["base_url"] = str(settings["base_url"]).format(sim=f"https://{HOST}")
    section = pydantic.TypeAdapter(Provider).validate_python(settings)
    assert urlsplit(section.url or "").netloc == HOST
    return registry.dialect("provider", section)


@pytest.mark.parametrize("model", MODELS)
def test_no_name_of_a_model_leads_to_another_host(dialect: Dialect, model: str) -> None:
    urls = []
    for spec in SPECS:
        for stream in (False, True):
            try:
                prepared = dialect.build(spec, stream=stream, model=model, secret=Secret("sk-0000"))
            except HedgerowError:
                continue
            urls.append(prepared.request.url)
    assert urls
    assert {urlsplit(url).netloc for url in urls} == {HOST}
    assert {urlsplit(url).scheme for url in urls} == {"https"}


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_an_answer_that_is_not_of_the_protocol(dialect: Dialect, status: int) -> None:
    error = dialect.classify(status, {"location": "https://evil.example/"}, b"")
    assert type(error) is UpstreamProtocol
    assert "evil" not in f"{error.message}{error.metadata}"
