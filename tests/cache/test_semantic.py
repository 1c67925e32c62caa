"""Similar questions: which get the kept answer of another one, and which never do."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cache.names import name
from cache.near import Near
from cache.ngrams import embedded
from cache.world import ANN, BEN, now, spec
from hedgerow_server.caching.differences import difference, facts
from hedgerow_server.caching.freshness import passing
from hedgerow_server.caching.key import Asked
from hedgerow_server.caching.questions import Question, Questions, place_of
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import DeadlineExceeded
from hedgerow_server.core.event import CacheKind, TextDelta
from hedgerow_server.core.request import Message, Part, Role, Text
from hedgerow_server.guardrails.pii import PiiGuard, PiiGuardSection
from hedgerow_server.interceptors.internal import personal

DATA = Path(__file__).parent / "data"
ONE, LIKE_IT = "How do I sort a list of words in Python?", "How can I sort a list of words in Python?"
OTHER = "How do I sort a list of words in Rust?"


def pairs() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "paraphrases.jsonl").read_text().splitlines()]


async def kind(near: Near, text: str, who: Principal = ANN) -> CacheKind | None:
    """Where the answer to a question comes from."""
    origin = (await near.world.ask(text, who)).origin
    return origin.kind if origin is not None else None


async def test_a_similar_question_gets_the_answer_and_its_similarity() -> None:
    near = Near()
    await near.world.ask(ONE)
    told = await near.world.ask(LIKE_IT)
    assert told.origin is not None
    assert told.origin.kind is CacheKind.SEMANTIC
    assert told.origin.similarity == pytest.approx(float(embedded(ONE) @ embedded(LIKE_IT)), abs=1e-5)
    assert near.asked == 1


async def test_what_is_asked_again_by_the_words_of_a_hit_is_no_equal_call() -> None:
    """A similar hit keeps nothing: answers do not wander from question to question."""
    near = Near()
    for text in (ONE, LIKE_IT, LIKE_IT):
        await near.world.ask(text)
    assert (len(near.questions), len(near.world.slots)) == (1, 1)


async def test_a_question_below_the_similarity_is_asked() -> None:
    near = Near(min_similarity=0.99)
    await near.world.ask(ONE)
    assert await kind(near, LIKE_IT) is None


async def test_a_different_fact_is_asked_however_near_the_vectors_are() -> None:
    near = Near()
    await near.world.ask(ONE)
    assert embedded(ONE) @ embedded(OTHER) > 0.7
    assert await kind(near, OTHER) is None
    assert near.counted.told_apart == {"names": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.1},
        {"max_output_tokens": 5},
        {"seed": 1},
        {"messages": (Message(Role.SYSTEM, (Part(Text("Be brief.")),)), *spec(LIKE_IT).messages)},
        {"messages": (*spec("Hello").messages, *spec(LIKE_IT).messages)},
    ],
)
async def test_all_but_the_last_words_must_be_equal(fields: dict[str, Any]) -> None:
    near = Near()
    await near.world.ask(ONE)
    told = await near.world.ask(spec(LIKE_IT, **fields))
    assert told.origin is None


async def test_by_default_nobody_gets_what_another_user_has_asked() -> None:
    near = Near()
    await near.world.ask(ONE, ANN)
    assert await kind(near, LIKE_IT, BEN) is None
    assert await kind(near, LIKE_IT, Principal("acme")) is None
    assert await kind(near, LIKE_IT, ANN) is CacheKind.SEMANTIC


async def test_vectors_of_another_model_are_never_compared() -> None:
    near = Near()
    await near.world.ask(ONE)
    near.vectors.space = "another"
    assert await kind(near, LIKE_IT) is None


async def test_without_a_vector_the_provider_is_asked() -> None:
    near = Near()
    await near.world.ask(ONE)
    near.vectors.error = DeadlineExceeded("late")
    assert await kind(near, LIKE_IT) is None
    assert await kind(near, ONE) is CacheKind.EXACT
    assert near.counted.passed_over == {"vector": 1}


async def test_a_long_question_is_not_looked_for() -> None:
    near = Near(section={"max_question_characters": 20})
    await near.world.ask(ONE)
    assert not near.vectors.asked
    assert near.counted.passed_over == {"length": 1}


@pytest.mark.parametrize(("again", "outcome"), [("hello", "same"), ("good bye then", "other")])
async def test_shadow_mode_asks_the_provider_and_compares(again: str, outcome: str) -> None:
    near = Near(shadow=True)
    await near.world.ask(ONE)
    near.world.pieces = (TextDelta(0, again),)
    assert await kind(near, LIKE_IT) is None
    await near.world.caches.close()
    assert near.asked == 2
    assert near.counted.checks == {outcome: 1}


async def test_a_share_of_hits_is_checked() -> None:
    near = Near(check_percent=10)
    await near.world.ask(ONE)
    near.dice[0] = 0.11
    assert await kind(near, LIKE_IT) is CacheKind.SEMANTIC
    near.dice[0] = 0.09
    assert await kind(near, LIKE_IT) is None


def test_no_pair_of_the_paraphrases_is_taken_for_the_same_that_is_not() -> None:
    """With the tests' own vectors at 0.7; the figures of a real model are in docs/caching.md."""
    right = wrong = 0
    for pair in pairs():
        one, other = pair["one"], pair["other"]
        if passing(one) or passing(other) or difference(facts(one), facts(other)):
            continue
        if embedded(one) @ embedded(other) >= 0.7:
            right, wrong = right + pair["same"], wrong + (not pair["same"])
    assert right >= 50
    assert right / (right + wrong) >= 0.98


def test_the_rules_alone_tell_nearly_all_hard_negatives_apart() -> None:
    """So vectors have little to decide, and a poor threshold costs little."""
    different = [pair for pair in pairs() if not pair["same"]]
    missed = [one for one in different if not difference(facts(one["one"]), facts(one["other"]))]
    assert len(different) >= 400
    assert len(missed) / len(different) <= 0.02


def passing_prompts() -> Iterator[str]:
    for line in (DATA / "passing.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line


async def test_no_question_of_the_day_or_of_somebody_is_answered_from_a_similar_one() -> None:
    """Each is asked twice in other words: after a word that says nothing, where the vectors are nearest."""
    near = Near(personal=personal(PiiGuard(PiiGuardSection())), min_similarity=0.01)
    prompts = list(passing_prompts())
    assert len(prompts) >= 200
    for prompt in prompts:
        for text in (prompt, f"Please: {prompt}"):
            assert await kind(near, text) is None, prompt
    assert near.asked == 2 * len(prompts)
    assert not near.vectors.asked
    assert len(near.questions) == 0


@pytest.mark.timeout(1_800)
def test_no_look_up_crosses_a_scope(request: pytest.FixtureRequest) -> None:
    """20,000 of them among tenants, users and separators, all for one and the same vector; with --long a million."""
    count = 1_000_000 if request.config.getoption("--long") else 20_000
    seed = random.SystemRandom().randrange(1 << 32)
    dice, vector = random.Random(seed), embedded(ONE)
    questions, owners, secret = Questions(100_000, 10_000, now=now), {}, b"s" * 32

    def place(who: tuple[str, ...]) -> bytes:
        scope = b"".join(len(data).to_bytes(4, "big") + data for data in (_bytes(one) for one in who))
        return place_of(Asked(scope, b"p" * 32, b"w" * 32), "384/ngrams", secret)

    people = [tuple(name(dice) for _ in range(3)) for _ in range(3_000)]
    for number, who in enumerate(set(people)):
        slot = number.to_bytes(32, "big")
        questions.add(Question(place(who), slot, 1e12, facts(ONE)), vector)
        owners[slot] = who
    hits = crossed = 0
    for _ in range(count):
        who = dice.choice(people) if dice.random() < 0.5 else tuple(name(dice) for _ in range(3))
        for found in questions.near(place(who), vector, 8, 0.5):
            hits += 1
            crossed += owners[found.question.slot] != who
    assert (crossed, hits > count / 4) == (0, True), f"seed {seed}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
