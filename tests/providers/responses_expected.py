"""What a recorded response holds, read with the standard library alone: the yardstick for the adapter."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Expected:
    """One answer. `calls` holds (id, name, arguments), `items` the items that only the provider understands."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    citations: list[tuple[str, str, int, int]] = field(default_factory=list)
    items: list[Json] = field(default_factory=list)
    response: Json = field(default_factory=dict)


def frames(text: str) -> list[Json]:
    """The events of a recorded stream."""
    blocks = re.split(r"\r?\n\r?\n", text)
    found = ["\n".join(re.findall(r"^data: ?(.*?)\r?$", block, re.MULTILINE)) for block in blocks]
    return [json.loads(data) for data in found if data and data != "[DONE]"]


def expected(recording: Json) -> Expected:
    """The answer in a recording: of a stream what its fragments say, which its last event must repeat."""
    body = recording["response"]["body"]
    if recording["response"]["body_encoding"] == "json":
        return of_response(body)
    events = frames(body)
    whole = of_response(events[-1]["response"])
    said = {
        kind: "".join(event["delta"] for event in events if event["type"] == f"response.{kind}.delta")
        for kind in ("output_text", "refusal", "reasoning_summary_text", "function_call_arguments")
    }
    assert said["output_text"] == whole.text
    assert said["refusal"] == whole.refusal
    assert said["reasoning_summary_text"] == whole.reasoning
    assert said["function_call_arguments"] == "".join(arguments for _, _, arguments in whole.calls)
    return whole


def of_response(response: Json) -> Expected:
    """The answer in a whole response."""
    answer = Expected(response=response)
    for item in response["output"]:
        if item["type"] == "message":
            for piece in item["content"]:
                answer.text += piece.get("text", "")
                answer.refusal += piece.get("refusal", "")
                answer.citations += [
                    (note["url"], note["title"], note["start_index"], note["end_index"])
                    for note in piece.get("annotations", [])
                ]
        elif item["type"] == "reasoning":
            answer.reasoning += "".join(piece["text"] for piece in item["summary"] or item.get("content") or [])
        elif item["type"] == "function_call":
            answer.calls.append((item["call_id"], item["name"], item["arguments"]))
        else:
            answer.items.append(item)
    return answer
