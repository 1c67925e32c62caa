"""Where words stand."""

import random
import re

import pytest
from hedgerow_server.guardrails.spans import Spans

WORDS = re.compile(r"\w+|[\S\n]")


@pytest.mark.parametrize("alphabet", ["ab ", "a. \n", "a\n ", "aab  '", "é\u2003x"])
def test_each_word_is_found_whichever_was_asked_for_before(alphabet: str) -> None:
    lots = random.Random(5)
    for _ in range(200):
        text = "".join(lots.choices(alphabet, k=40))
        begin = lots.randrange(20)
        spans = Spans(WORDS.findall(text, begin), text, begin)
        expected = [match.span() for match in WORDS.finditer(text, begin)]
        for at in lots.choices(range(len(expected)), k=12) if expected else ():
            assert spans[at] == expected[at]
