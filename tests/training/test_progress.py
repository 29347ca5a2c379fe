"""What steps told is put into columns, and time and speed stay right and small however long it goes on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.models import MODELS
from latentlab.training import progress
from latentlab.training.config import TrainingConfig
from latentlab.training.order import Order
from latentlab.training.progress import Clock, collect


@pytest.fixture
def time(monkeypatch):
    """A list whose only number is the time."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def model():
    kind = MODELS.get("vae-mlp")
    return kind(kind.Config(width=8, latent_size=2), (1, 8, 8))


def test_columns_have_gaps_where_a_step_did_not_measure(model, time):
    told = [{"kl": 1.0, "grad": 5.0}, {"kl": 2.0}, {"neg_elbo": 7.0, "kl": 3.0}]
    pending = [{name: torch.tensor(value) for name, value in step.items()} for step in told]
    model.step_count = 12
    found = collect(model, Order(10, 5, 0), TrainingConfig(steps=20), Clock(2.0, 9), pending)
    nan = np.nan
    assert found.steps.tolist() == [10, 11, 12] and found.step == 12 and found.total == 20
    assert list(found.values) == ["kl", "grad", "neg_elbo"]
    columns = {"kl": [1, 2, 3], "grad": [5, nan, nan], "neg_elbo": [nan, nan, 7]}
    for name, column in columns.items():
        assert found.values[name].dtype == np.float32
        np.testing.assert_array_equal(found.values[name], np.float32(column))


def test_the_time_left_is_that_of_the_nearer_limit(model, time):
    def eta(**limits):
        clock = Clock(0.0, 0)
        clock.rate(0)
        time[0] += 2.0
        model.step_count = 10
        pending = [{"kl": torch.tensor(1.0)}]
        return collect(model, Order(10, 5, 0), TrainingConfig(**limits), clock, pending).eta

    assert eta(steps=20) == 2.0  # 5 a second
    assert eta(steps=0, minutes=0.5) == 28.0
    assert eta(steps=20, minutes=0.5) == 2.0
    assert eta(steps=0) is None


def test_speed_is_that_of_the_last_seconds_and_what_it_remembers_does_not_grow(time):
    clock, sizes = Clock(0.0, 0), set()
    step = 0
    for tenth in range(5000):
        time[0] += 0.1
        step += 10 if tenth < 4000 else 30
        rate = clock.rate(step)
        sizes.add(len(clock._marks))
    assert rate == pytest.approx(300) and clock.seconds() == pytest.approx(500)
    assert max(sizes) <= 33


def test_a_pause_is_no_time(time):
    clock = Clock(5.0, 0)
    time[0] += 1
    with clock.stopped(10):
        time[0] += 3600
    assert clock.seconds() == pytest.approx(6)
    time[0] += 2
    assert clock.rate(14) == pytest.approx(2)
