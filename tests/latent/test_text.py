"""A latent as text: back to the last bit, and what people paste instead."""

from __future__ import annotations

import json

import numpy as np
import pytest

from latentlab.core.errors import ConfigError
from latentlab.latent.text import from_text, to_text


def _bits(z):
    return z.view(np.uint32).tolist()


def test_what_it_looks_like():
    assert to_text(np.float32([0.5, -1.25, 0.1])) == "latentlab z 3: 0.5, -1.25, 0.100000001"


@pytest.mark.parametrize("seed", range(5))
def test_every_bit_comes_back(seed):
    random = np.random.default_rng(seed)
    z = random.standard_normal(512).astype(np.float32)
    assert _bits(from_text(to_text(z), 512)) == _bits(z)
    any_bits = random.integers(0, 2**32, 50_000, np.uint32).view(np.float32)
    any_bits = any_bits[np.isfinite(any_bits)]
    for part in np.array_split(any_bits, 100):
        assert _bits(from_text(to_text(part), len(part))) == _bits(part)


def test_the_ends_of_float32_come_back():
    info = np.finfo(np.float32)
    z = np.float32([0.0, -0.0, info.max, info.min, info.tiny, info.smallest_subnormal, info.eps, 1 / 3])
    assert _bits(from_text(to_text(z), 8)) == _bits(z)


@pytest.mark.parametrize(
    "text",
    [
        "0.5 -1 2e-3",
        "0.5, -1, 2e-3",
        " 0.5,\n-1,\t2e-3\n",
        "[0.5, -1.0, 0.002]",
        "[ 0.5   -1.    0.002]",
        ".5 -1 +0.002",
        "0.5, -1, 0.002,",
        json.dumps([0.5, -1, 0.002]),
        "latentlab z 3: 0.5, -1, 0.002",
        "  Latentlab z 3:0.5,-1,0.002  ",
    ],
)
def test_lists_and_plain_numbers_are_taken_too(text):
    found = from_text(text, 3)
    assert found.dtype == np.float32 and found.tolist() == np.float32([0.5, -1, 0.002]).tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^Found 0 numbers; expected one latent of 3 numbers\.$"),
        ("[]", "^Found 0 numbers;"),
        ("1", "^Found 1 number; expected"),
        ("1 2 3 4", "^Found 4 numbers;"),
        ("latentlab z 16: 1, 2", "^Found 2 numbers;"),
        ("1 2 nan", r"^The number nan is not allowed in a latent; expected finite numbers\.$"),
        ("1 2 -inf", "^The number -inf "),
        ("1 2 1e39", r"^The number 1e\+39 "),
        ("1 2 1e999", "^The number inf "),
        ("1, two, 3", "^'two' is no number; expected one latent of 3 numbers"),
        ("1,,2", "^'' is no number"),
        ("1_0 2 3", "^'1_0' is no number"),
        ("0x1 2 3", "^'0x1' is no number"),
        ("1;2;3", "^'1;2;3' is no number"),
        ('{"z": [1, 2, 3]}', "^'{\"z\":' is no number"),
        ("[[1, 2, 3]]", r"^'\[1' is no number"),
        ("x" * 500, f"^'{'x' * 20}…' is no number"),
        ("1 " * 60_000, "^The text has 120,000 characters"),
    ],
    ids=lambda v: v[:24] or "empty",
)
def test_anything_else_is_refused_in_a_sentence(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        from_text(text, 3)
    assert "\n" not in str(caught.value)
