"""The openai SDK before the shapes of Failover Bench, with the two retries that it makes by itself."""
# ruff: noqa: ANN001, ANN201, T201  (a script for an environment without pytest)
# mypy: ignore-errors

import json
import time
from concurrent.futures import ThreadPoolExecutor

import openai
from shown import GIVEN

TOGETHER = 8
CALM_S = 0.3
RECOVERED_S = 40.0

client = openai.OpenAI()


def read(told, route, *, stream):
    """One call; `told` has what came of it even if it fails."""
    given = {"model": route, "messages": [{"role": "user", "content": "Tell me about hedges."}]}
    if not stream:
        answer = client.chat.completions.create(**given)
        told["text"], told["finish"] = answer.choices[0].message.content, answer.choices[0].finish_reason
        told["tokens"], told["model"] = answer.usage.completion_tokens, answer.model
        told["provider"] = answer.hedgerow["provider"]
        return
    for chunk in client.chat.completions.create(**given, stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            told["text"] += choice.delta.content or ""
            told["finish"] = told["finish"] or choice.finish_reason
        told["model"] = chunk.model
        if chunk.usage:
            told["tokens"] = chunk.usage.completion_tokens
        told["provider"] = (chunk.model_extra.get("hedgerow") or {}).get("provider", told["provider"])


def saw(route, *, stream):
    told = {"text": "", "finish": None, "tokens": None, "provider": None, "error": None}
    try:
        read(told, route, stream=stream)
    except openai.OpenAIError as error:
        told["error"] = type(error).__name__
        told["code"], told["status"] = error.code, getattr(error, "status_code", None)
    return told


def sequence(route, *, stream):
    """Calls until the primary has answered three in a row."""
    until, told = time.monotonic() + RECOVERED_S, []
    while time.monotonic() < until:
        told.append(saw(route, stream=stream))
        if len(told) > 2 and all((one["provider"] or "").endswith("-a") for one in told[-3:]):
            break
        time.sleep(CALM_S)
    return told


def one(call):
    if call["sequence"]:
        return sequence(call["route"], stream=call["stream"])
    return [saw(call["route"], stream=call["stream"])]


with ThreadPoolExecutor(TOGETHER) as pool:
    # What takes longest begins first.
    calls = sorted(GIVEN["calls"], key=lambda call: not call["sequence"])
    found = dict(zip([call["route"] for call in calls], pool.map(one, calls), strict=True))
print(json.dumps(found))
