"""Vectors as JSON: every 32-bit float in the fewest digits that tell it from its neighbours, as OpenAI writes them.

A float as it stands takes 17 digits, as JSON's numbers are of 64 bits: nearly twice the bytes.
"""

import msgspec
import numpy as np

_ENCODE = msgspec.json.Encoder().encode
_FEWEST, _MOST = 6, 9  # of decimal digits: any 6 survive 32 bits, any 32 bits survive 9
_LOW, _HIGH = 1e-13, 1e6  # between which a power of ten up to 10^22, which is exact, makes an integer of the digits
_POWERS = np.array([float(f"1e{power}") for power in range(23)])


def float_json(vector: bytes) -> bytes:
    """A JSON list of packed little-endian 32-bit floats. What is no number, which JSON has none of, is null."""
    return _ENCODE(_shortest(np.frombuffer(vector, dtype="<f4")).tolist())


def _shortest(given: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The 64-bit floats that are written in so many digits."""
    wide = given.astype(np.float64)
    size = np.abs(wide)
    left = np.flatnonzero((size > _LOW) & (size < _HIGH))
    places = -1 - np.floor(np.log10(size[left]))
    for digits in range(_FEWEST, _MOST + 1):
        power = _POWERS[(places + digits).astype(np.intp)]
        rounded = np.rint(wide[left] * power) / power
        told = rounded.astype(np.float32) == given[left]
        wide[left[told]] = rounded[told]
        left, places = left[~told], places[~told]
    return wide
