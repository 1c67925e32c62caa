"""A guard around Microsoft Presidio: finds names, places and other personal data that no pattern finds.

    docker run --rm -p 127.0.0.1:5002:3000 mcr.microsoft.com/presidio-analyzer
    python presidio.py --listen 127.0.0.1:50061 --analyzer http://127.0.0.1:5002 --entities PERSON LOCATION
    hedgerow guard check 127.0.0.1:50061 --text "My name is David Johnson." --timeout 5

Needs the package hedgerow-client, which has the stubs, and `words.py` beside it. What Presidio's analyzer takes and
answers: https://microsoft.github.io/presidio/api-docs/api-docs.html
"""

import argparse
import json
import math
import urllib.request
from collections.abc import Iterable, Sequence
from typing import TypedDict

import grpc
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as stubs
from words import serve

LONGEST_WAIT_S = 30.0


class Entity(TypedDict):
    """What the analyzer finds. Places are of a str of Python: code points."""

    entity_type: str
    start: int
    end: int
    score: float


class Presidio(stubs.GuardrailServiceServicer):
    """Asks an analyzer about each text."""

    def __init__(self, analyzer: str, language: str, threshold: float, entities: Sequence[str]) -> None:
        self._url = f"{analyzer.rstrip('/')}/analyze"
        self._asked: dict[str, object] = {"language": language, "score_threshold": threshold}
        if entities:
            self._asked["entities"] = list(entities)

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        if not request.texts:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "expected 1 to 64 texts")
        results = []
        for one in request.texts:
            left_s = min(context.time_remaining() or math.inf, LONGEST_WAIT_S)
            try:
                found = self._analyzed(one.text, left_s)
            except (OSError, ValueError, KeyError, TypeError):
                # Without the error's own words: they may quote the text. Half an answer would be no answer.
                context.abort(grpc.StatusCode.UNAVAILABLE, "the analyzer cannot be asked")
            results.append(pb.CheckResult(findings=map(_finding, apart(found)[:256])))
        return pb.CheckResponse(results=results)

    def _analyzed(self, text: str, within_s: float) -> list[Entity]:
        body = json.dumps({"text": text, **self._asked}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=max(0.001, within_s)) as answer:
            return [
                Entity(entity_type=str(one["entity_type"]), start=one["start"], end=one["end"], score=one["score"])
                for one in json.load(answer)
            ]


def apart(found: Iterable[Entity]) -> list[Entity]:
    """The entities in order, none of which overlaps another: Presidio may see one place as several things, of which the
    surest stays, and of equals the longest.
    """
    kept: list[Entity] = []
    for one in sorted(found, key=lambda one: (-one["score"], one["start"] - one["end"], one["start"])):
        if all(one["end"] <= other["start"] or other["end"] <= one["start"] for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one["start"])


def _finding(one: Entity) -> pb.CheckFinding:
    return pb.CheckFinding(
        category=f"pii.{one['entity_type'].lower()}"[:64],
        score=min(max(one["score"], 0.0), 1.0),
        span=pb.TextSpan(start=one["start"], end=one["end"]),
        replacement=f"[{one['entity_type']}]"[:256],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:50061", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--analyzer", default="http://127.0.0.1:5002", metavar="URL", help="where the analyzer is")
    parser.add_argument("--language", default="en", help="the language of the texts")
    parser.add_argument("--threshold", type=float, default=0.5, help="from which score on something counts, 0 to 1")
    parser.add_argument("--entities", nargs="*", default=[], help="what is looked for; by default all that it knows")
    parser.add_argument("--threads", type=int, default=8, help="how many calls are served at once")
    given = parser.parse_args()
    guard = Presidio(given.analyzer, given.language, given.threshold, given.entities)
    serve(guard, given.listen, given.threads)


if __name__ == "__main__":
    main()
