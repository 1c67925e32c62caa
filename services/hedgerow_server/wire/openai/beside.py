"""Members of answers that the contract has no word for, as an upstream of OpenAI's APIs has said them."""

from hedgerow_server.core.event import Completed, Started

CHAT, RESPONSES = ("openai", "openai_chat"), ("openai", "openai_responses")
"""Whose members the callers of each API are told: those of both, and those of their own."""


def members(event: Started | Completed, apis: tuple[str, ...]) -> dict[str, str]:
    """What the event tells of these APIs' members."""
    beside = event.beside
    found: dict[str, str] = {}
    if beside:
        for api in apis:
            if api in beside:
                found.update(beside[api])
    return found
