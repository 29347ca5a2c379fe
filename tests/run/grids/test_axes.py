"""Axes as people write them, and the labels of places along them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.core.errors import ConfigError
from latentlab.run.grids import Material
from latentlab.run.grids.axes import axes_of, first_axes, in_sigma

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def names(axes) -> list[str]:
    return [name for name, _ in axes]


@FAST
@given(
    st.lists(
        st.one_of(
            st.integers(0, 3).map(lambda n: (str(n), [f"z{n}"])),
            st.integers(0, 3).map(lambda n: (f"Z{n}".lower(), [f"z{n}"])),
            st.sampled_from(["Smile", "smile", "SMILE"]).map(lambda text: (text, ["Smile"])),
            st.tuples(st.integers(0, 3), st.integers(0, 3))
            .map(sorted)
            .map(lambda ends: (f"{ends[0]}-{ends[1]}", [f"z{n}" for n in range(ends[0], ends[1] + 1)])),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([",", ", ", " , "]),
)
def test_all_that_is_listed_is_found_in_order(subject, parts, comma):
    one = subject("vae")
    found = axes_of(comma.join(text for text, _ in parts), one.run.model, one.material)
    assert names(found) == [name for _, expected in parts for name in expected]
    for name, vector in found:
        assert vector.shape == (4,) and np.isclose(np.linalg.norm(vector), 1)
        assert name == "Smile" or vector[int(name[1:])] == 1


@FAST
@given(st.text(max_size=12))
def test_any_text_gives_axes_or_a_sentence_about_them(subject, text):
    one = subject("cvae")
    try:
        assert axes_of(text, one.run.model, one.material)
    except ConfigError as error:
        assert str(error).startswith("along: ") and str(error).endswith(".")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "grin",
            "along: 'grin' is not allowed; expected whole numbers with commas between, such as 0,1,2 or "
            "0-9, or names of kept directions (Smile).",
        ),
        ("0,,1", "along: '0,,1' is not allowed; expected axes with commas between: 0,1,2."),
        ("3-1", "along: '3-1' is not allowed; expected the smaller number first."),
        ("4", "along: 4 is not allowed; this latent space has dimensions 0 to 3."),
        ("0-999999999", "along: 999999999 is not allowed; this latent space has dimensions 0 to 3."),
    ],
)
def test_what_is_unknown_is_named(subject, text, message):
    one = subject("vae")
    with pytest.raises(ConfigError) as raised:
        axes_of(text, one.run.model, one.material)
    assert str(raised.value) == message


def test_dimensions_of_a_choice_are_no_axes(subject):
    model = subject("cvae").run.model
    (choice,) = model.choices
    taken = range(choice.start, choice.stop)
    assert not {f"z{n}" for n in taken} & set(names(first_axes(model, 1000)))
    assert len(first_axes(model, 1000)) == model.latent_shape[0] - len(taken)
    with pytest.raises(ConfigError, match=f"along: dimension {choice.start} is part of the choice"):
        axes_of(str(choice.start), model, Material(subject("cvae").run.folder))


def test_a_name_that_is_a_number_or_a_range_too_is_the_kept_direction(subject):
    one = subject("vae")
    vector = one.material.directions[0][1]
    material = dataclasses.replace(one.material, directions=[("3", vector), ("0-1", vector)])
    assert names(axes_of("3, 0-1, 2", one.run.model, material)) == ["3", "0-1", "z2"]


@given(st.lists(st.floats(-20, 20), max_size=8))
def test_labels_are_the_numbers_to_a_hundredth(values):
    for value, label in zip(values, in_sigma(values), strict=True):
        assert label == "0" or label.endswith(" σ")
        assert abs(float(label.removesuffix(" σ").replace("−", "-")) - value) <= 0.005 + 1e-9
        assert label not in ("−0", "−0 σ")


def test_labels_read_well():
    assert in_sigma([-3, -1.5, -0.001, 0, 0.75, 10]) == ["−3 σ", "−1.5 σ", "0", "0", "0.75 σ", "10 σ"]
