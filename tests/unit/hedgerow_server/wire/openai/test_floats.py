"""Floats of vectors as JSON."""

import json

import numpy as np
from hedgerow_server.wire.openai.floats import float_json
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_every_float_is_the_same_when_it_is_read(values: list[float]) -> None:
    """Whatever its size, and the sign of zero."""
    packed = np.array(values, dtype="<f4").tobytes()
    read = np.array(json.loads(float_json(packed)), dtype="<f4")
    assert read.tobytes() == packed


@given(st.lists(st.floats(width=32, min_value=2**-40, max_value=2**19), min_size=1))
def test_no_float_has_more_digits_than_it_needs(values: list[float]) -> None:
    """Numpy's own shortest form is the measure."""
    vector = np.array(values, dtype="<f4")
    assert json.loads(float_json(vector.tobytes())) == [float(str(one)) for one in vector]


def test_what_is_no_number_is_null() -> None:
    """JSON has no word for it."""
    assert float_json(np.array([np.nan, np.inf, 0.1], dtype="<f4").tobytes()) == b"[null,null,0.1]"
