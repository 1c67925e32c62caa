"""Routing, whatever the configuration, the call and the faults: residency holds, odds and prices are as configured."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from unittest import mock

import msgspec
import pydantic
import pytest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptKind
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import HttpRequest, Operation
from hedgerow_server.core.request import EmbedSpec, RoutePolicy
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.build import Builder, Learned
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.section import CandidateSection, RouteSection
from hedgerow_server.routing.select import expected_cost
from hedgerow_server.routing.state import States
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.paper import Paper, ask, price, said
from unit.hedgerow_server.routing.scripted import (
    DONE,
    HANG_S,
    JSON,
    Answer,
    ScriptedTransport,
    candidate,
    chunk,
    document,
    usage_chunk,
)
from virtual import run

# Residency

ORDINARY, LONG, BATCH = 5_000, 100_000, 250
REGIONS = ("eu", "us", "asia", "")
LIMITS = ({}, {"first_token_timeout_seconds": 0.5}, {"first_token_timeout_seconds": 5})

Holds = Callable[[Principal, Mapping[str, str], bool], bool | None]
"""What a condition says of a call by our own reckoning; None: it cannot be told."""
BY_IDENTITY: tuple[tuple[str, Holds], ...] = (
    ("tenant == 'a'", lambda who, labels, stream: who.tenant == "a"),
    ("tenant in ['a', 'b'] && team != '7'", lambda who, labels, stream: who.tenant in "ab" and who.team != "7"),
    ("user.startsWith('eu-')", lambda who, labels, stream: who.user.startswith("eu-")),
    ("int(team) > 5", lambda who, labels, stream: int(who.team) > 5 if who.team else None),
    ("true", lambda who, labels, stream: True),
)
BY_CALL: tuple[tuple[str, Holds], ...] = (
    ("labels.where == 'us'", lambda who, labels, stream: labels["where"] == "us" if labels else None),
    ("has(labels.where) || tenant == 'a'", lambda who, labels, stream: bool(labels) or who.tenant == "a"),
    ("request.stream", lambda who, labels, stream: stream),
    ("metadata['x'] == 'y'", lambda who, labels, stream: None),
)
CONDITIONS = dict((*BY_IDENTITY, *BY_CALL))
STREAM = (chunk("hi"), chunk(finish="stop"), usage_chunk(), DONE)
VECTORS = b'{"model": "v", "data": [{"index": 0, "embedding": [0.5, 1.0]}], "usage": {"prompt_tokens": 3}}'
REFUSED = b'{"error": {"message": "no", "type": "x", "code": "context_length_exceeded"}}'


def answers(dice: random.Random, request: HttpRequest) -> Answer:
    """What a provider does with a request: it answers, or any of its faults."""
    streamed = b'"stream":true' in request.body
    if b'"input"' in request.body:
        good = Answer((VECTORS,), headers=JSON)
    else:
        good = Answer(STREAM) if streamed else Answer((document(),), headers=JSON)
    fault = dice.randrange(12)
    if fault < 4:
        return good
    if fault == 4:
        return Answer((b"{}",), status=dice.choice((401, 403, 404)), headers=JSON)
    if fault == 5:
        return Answer((b"{}",), status=429, headers=JSON | {"retry-after": dice.choice(("0.1", "1", "60"))})
    if fault == 6:
        return Answer((REFUSED,), status=400, headers=JSON)
    if fault == 7:
        return Answer((b"{}",), status=dice.choice((500, 503, 529)), headers=JSON)
    if fault == 8:
        return Answer(before=(UnreachableError("refused", sent=False),))
    if fault == 9:
        return msgspec_free(good, before=(dice.choice((1.0, 10.0, HANG_S)),))
    if fault == 10:
        return Answer((*STREAM[:1], ConnectionResetError()), headers=good.headers)
    return Answer((*good.body[:1], HANG_S) if streamed else (b"not json",), headers=good.headers)


def msgspec_free(answer: Answer, before: tuple[float, ...]) -> Answer:
    """The answer, later."""
    return Answer(answer.body, answer.status, answer.headers, before)
