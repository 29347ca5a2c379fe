"""A model whose samples and weights of importance a test chooses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentlab.core.config import parse
from latentlab.models import MODELS
from latentlab.models.base import Model

Fake = Callable[[np.ndarray], Model]


@pytest.fixture
def fake() -> Fake:
    """fake(images or points) -> a model whose i-th decoded latent is the i-th of them, and then the first."""

    def fake(samples: np.ndarray) -> Model:
        kind = MODELS.get("mlp-gan")
        model = kind(parse(kind.Config, {"latent_size": 2, "width": 8}, "model"), (1, 8, 8))
        model.image_shape = samples.shape[1:]
        unit = torch.from_numpy(samples if samples.dtype == np.float32 else samples.astype(np.float32) / 255)
        done = 0

        def decode(z: torch.Tensor) -> torch.Tensor:
            nonlocal done
            places = torch.arange(done, done + len(z)) % len(unit)
            done += len(z)
            return unit[places]

        model.decode = decode
        return model

    return fake
