"""Moving between a managed gateway and a direct provider is one line of configuration; callers change nothing."""

from typing import Any

import pytest
import yaml
from rpc.caller import COMPLETE, STREAM_COMPLETE, connected
from rpc.conftest import StartRouter
from stack import Stack

MANAGED = {
    "openrouter": ({"vendor": "openrouter", "base_url": "{sim}/api/v1"}, "openai/gpt-4o"),
    "litellm": ({"vendor": "litellm", "base_url": "{sim}/v1"}, "gpt-4o"),
    "portkey": ({"vendor": "portkey", "base_url": "{sim}/v1", "auth_header": "authorization"}, "gpt-4o"),
}
DIRECT = {
    "openai": ({"dialect": "openai", "base_url": "{sim}/v1"}, "gpt-4o"),
    "anthropic": ({"dialect": "anthropic", "base_url": "{sim}"}, "claude-sonnet-4-5"),
}


def provider(settings: dict[str, Any], sim: str) -> dict[str, Any]:
    """A section of a provider at the simulator."""
    named = {key: value.format(sim=sim) if key == "base_url" else value for key, value in settings.items()}
    return {"dialect": "openai", "credential": "sim", "catalogue": "none", **named}


def routes(name: str, model: str) -> dict[str, Any]:
    """The one line: who serves the name that callers use."""
    return {"assistant": {"kind": "chat", "candidates": [{"provider": name, "model": model}]}}


@pytest.mark.parametrize(
    ("managed", "direct"), [("openrouter", "openai"), ("litellm", "anthropic"), ("portkey", "openai")]
)
def test_a_move_is_one_line(stack: Stack, start_router: StartRouter, managed: str, direct: str) -> None:
    """Both providers stand in the file; the candidate's line decides. The caller's request stays the same."""
    providers = {
        managed: provider(MANAGED[managed][0], stack.sim_url),
        direct: provider(DIRECT[direct][0], stack.sim_url),
    }
    before, after = routes(managed, MANAGED[managed][1]), routes(direct, DIRECT[direct][1])
    files = [
        yaml.safe_dump({"routes": one}, default_flow_style=None, width=1000).splitlines() for one in (before, after)
    ]
    assert sum(one != other for one, other in zip(*files, strict=True)) == 1
    served = []
    for table in (before, after):
        with start_router(providers=providers, routes=table) as running, connected(running.addresses["grpc"]) as caller:
            whole = caller.chat(COMPLETE, "assistant").message
            events = caller.chat(STREAM_COMPLETE, "assistant").messages
            assert "".join(event.text_delta.text for event in events) == whole.message.content[0].text
            assert events[-1].completed.finish_reason == whole.finish_reason
            served.append(whole.provider)
    assert served == [managed, direct]
