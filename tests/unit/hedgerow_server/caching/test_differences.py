import time

import pytest
from hedgerow_server.caching.differences import difference, facts
from hedgerow_server.caching.freshness import passing
from hedgerow_server.caching.tokens import tokens


def told(one: str, other: str) -> str:
    """The same in both directions."""
    found = difference(facts(one), facts(other))
    assert bool(found) == bool(difference(facts(other), facts(one)))
    return found


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("What is 15% of 240?", "What is 25% of 240?", "numbers"),
        ("Convert 5 miles to km", "Convert 5 km to miles", "numbers"),
        ("A loan of 4 years at 5%", "A loan of 5 years at 4%", "numbers"),
        ("What is new in Python 3.1?", "What is new in Python 3.10?", "numbers"),
        ("Boil two eggs", "Boil three eggs", "numbers"),
        ("Can I mix bleach?", "Can't I mix bleach?", "marks"),
        ("A cake with eggs", "A cake without eggs", "marks"),
        ('Translate "good morning"', 'Translate "good evening"', "marks"),
        ("What does os.path.join do?", "What does os.path.split do?", "marks"),
        ("What does `git merge` do?", "What does `git rebase` do?", "marks"),
        ("How do I use C++?", "How do I use C#?", "marks"),
        ("The capital of France", "The capital of Spain", "names"),
        ("the capital of france", "the capital of spain", "names"),
        ("flights in may to Rome", "flights in june to Rome", "names"),
        ("from json to xml", "from xml to json", "order"),
        ("Do dogs chase cats?", "Do cats chase dogs?", "order"),
        ("Who was treated by Freud?", "Who treated Freud?", "order"),
        ("When was the bridge built?", "Where was the bridge built?", "kind"),
        ("How do I enable ssh?", "How do I disable ssh?", "words"),
        ("How do I cook brown rice?", "How do I cook white rice?", "words"),
        ("what is a list", "what is a tuple", "words"),
        ("How do I cook rice?", "How do I cook rice in a microwave?", "words"),
    ],
)
def test_what_asks_for_something_else_is_told_apart(one: str, other: str, why: str) -> None:
    assert told(one, other) == why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reverse a list in Python?", "What's the way to reverse a Python list?"),
        ("What is the boiling point of water in Celsius?", "In Celsius, what is the boiling point of water?"),
        ("1,000 euros in dollars", "1000 € in $"),
        ("I need 2 eggs", "I need two eggs"),
        ("How can I fix a flat bicycle tyre?", "How do I repair a flat bike tyre?"),
        ("The results aren't sorted", "The results are not sorted"),
        ("What “ﬁle” is this?", "What “file” is this?"),
        ("HOW DO I SORT A LIST?", "how do i sort a list"),
        ("", ""),
    ],
)
def test_what_asks_the_same_passes(one: str, other: str) -> None:
    assert told(one, other) == ""


def test_texts_that_share_little_are_left_to_their_vectors() -> None:
    one = "How do I deal with a difficult coworker?"
    assert told(one, "A colleague makes office life hard, any suggestions on handling that?") == ""


@pytest.mark.parametrize(
    "text", ["_" * 8000, "a." * 4000, '"' * 8000, "1," * 4000, "aB" * 4000, "-" * 8000, "你" * 8000]
)
def test_a_text_made_to_take_long_takes_time_by_its_length(text: str) -> None:
    """Eight times the length in less than 40 times the time: not the square of it."""
    times = []
    for part in (text[:1000], text):
        since_s = time.process_time()
        for _ in range(3):
            list(tokens(part))
        times.append(time.process_time() - since_s)
    assert times[1] < 40 * max(times[0], 0.002)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("What's today's date?", "freshness"),
        ("株価はいくらですか", "freshness"),
        ("Wie spät ist es?", "freshness"),
        ("Write to bob@example.org", "personal"),
        ("Ring 0151 234 5678", "personal"),
        ("Where is my order?", "personal"),
        ("Ich heiße Eva", "personal"),
        ("How do I reset my password?", ""),
        ("What is the capital of Peru?", ""),
    ],
)
def test_questions_of_the_day_and_of_somebody_are_known(text: str, why: str) -> None:
    assert passing(text) == why
