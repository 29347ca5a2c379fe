"""What models of points look like: against nets whose answers are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentlab.core import points
from latentlab.core.config import parse
from latentlab.models import MODELS, Model
from latentlab.models.base import Choice
from latentlab.training import plane

NAMES = ("upper", "lower")


class Formula(nn.Module):
    """A net that is a formula, with one weight for gradients to go to."""

    def __init__(self, formula: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.formula, self.weight = formula, nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.formula(x) * self.weight


def make(key: str = "mlp-gan", kind: type[Model] | None = None, **values: object) -> Model:
    kind = kind or MODELS.get(key)
    defaults = {"latent_size": 3, "width": 8} | ({} if kind.family == "gan" else {"likelihood": "gaussian"})
    values = {k: v for k, v in (defaults | values).items() if k in kind.Config.model_fields}
    return kind(parse(kind.Config, values, "model"), points.SHAPE, label_names=NAMES)


def learners() -> list[str]:
    """The models that learn points."""
    return [key for key, kind in MODELS.items() if not kind.obstacle(points.SHAPE, NAMES)]


def everything(model: Model) -> list[Tensor]:
    """All that looking must leave alone."""
    kept = [t.clone() for net in model.nets.values() for t in net.state_dict().values()]
    kept += [p.grad.clone() for net in model.nets.values() for p in net.parameters() if p.grad is not None]
    kept += [t.clone() for t in model.state.values()]
    return [*kept, model.generator.get_state(), torch.get_rng_state()]


def test_images_have_no_plane():
    kind = MODELS.get("vae-mlp")
    assert plane.look(kind(parse(kind.Config, {"width": 8}, "model"), (1, 8, 8))) is None


def test_samples_are_those_of_the_same_latents_every_time():
    model = make()
    model.nets["generator"] = Formula(lambda z: z[:, :2].reshape(-1, 2, 1, 1) / 5)
    samples = plane.look(model).samples
    z = model.draw(1000, torch.Generator().manual_seed(0))[:, :2]
    assert samples.shape == (1000, 2) and samples.dtype == np.float32
    np.testing.assert_allclose(samples, (z / 5 + 1) / 2, atol=1e-6)


def test_the_field_is_what_the_discriminator_says_and_arrows_are_its_gradient():
    model = make()

    def bowl(images: Tensor) -> Tensor:  # in [-1, 1], as a GAN plays
        x, y = images.flatten(1).T
        return x**2 - 3 * y

    model.nets["discriminator"] = Formula(bowl)
    seen = plane.look(model)
    assert seen.field.shape == (64, 64) and seen.arrows.shape == (256, 4)
    assert seen.field.dtype == seen.arrows.dtype == np.float32
    for row, column in ((0, 0), (0, 63), (63, 0), (20, 41)):
        x, y = (column + 0.5) / 64, (row + 0.5) / 64  # rows from below
        assert seen.field[row, column] == pytest.approx((2 * x - 1) ** 2 - 3 * (2 * y - 1), abs=1e-5)
    x, y, by_x, by_y = seen.arrows.T
    np.testing.assert_allclose(by_x, 4 * (2 * x - 1), atol=1e-5)
    np.testing.assert_allclose(by_y, -6, atol=1e-5)
    assert sorted(set(x)) == sorted(set(y)) == pytest.approx((np.arange(16) + 0.5) / 16)
    assert len(np.unique(seen.arrows[:, :2], axis=0)) == 256


@pytest.mark.parametrize("key", ["mlp-gan", "vae-mlp"])
def test_the_image_is_where_a_square_of_the_latent_space_is_decoded_to(key):
    model = make(key)
    # Logits or tanh: whatever the model does with its net's answer, it shows which latent it came from.
    net = Formula(lambda z: torch.stack([z[:, 0] / 5, z[:, 1] / 5 + z[:, 2]], 1).reshape(-1, 2, 1, 1))
    model.nets[model.evaluation_nets[-1]] = net
    seen = plane.look(model)
    assert seen.image.shape == (33, 33, 2) and seen.extent == 2.5
    steps = torch.linspace(-2.5, 2.5, 33)
    for row, column in ((0, 0), (0, 32), (32, 0), (7, 20)):
        z = torch.zeros(1, 3)
        z[0, 0], z[0, 1] = steps[column], steps[row]
        expected = model.decode(z).detach().flatten()
        np.testing.assert_allclose(seen.image[row, column], expected, atol=1e-6)
    assert np.ptp(seen.image[:, 5, 0]) < 1e-6 < np.ptp(seen.image[5, :, 0])


def test_a_square_keeps_to_the_first_category_and_to_what_is_continuous():
    class Named(MODELS.get("mlp-gan")):
        def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
            return 5, (Choice("kind", "Kind", 1, ("a", "b")),)

    model = make(kind=Named)
    seen: list[Tensor] = []
    net = Formula(lambda z: (seen.append(z), z[:, :2].reshape(-1, 2, 1, 1))[1])
    model.nets["generator"] = net
    plane.look(model)
    lattice = next(z for z in seen if len(z) == 33 * 33)
    assert (lattice[:, 1:3] == torch.tensor([1.0, 0.0])).all() and not lattice[:, 4].any()
    assert lattice[:, 0].unique().numel() == lattice[:, 3].unique().numel() == 33


def test_a_latent_of_one_number_has_no_square():
    seen = plane.look(make("vae-mlp", latent_size=1))
    assert seen.image is None and seen.extent == 0 and seen.field is None and seen.arrows is None


def test_a_copy_for_looking_has_no_field():
    seen = plane.look(make().evaluation_copy())
    assert seen.field is None and seen.arrows is None and seen.image is not None


@pytest.mark.parametrize("key", learners())
def test_looking_changes_nothing_of_a_training(key):
    """Two trainings, of which one is looked at in each step, end alike, bit for bit."""
    batch = torch.rand(16, *points.SHAPE, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 2
    ends = []
    for watched in (False, True):
        model = make(key)
        model.start_training(1e-3, 16)
        torch.manual_seed(0)
        for _ in range(3):
            model.step(batch, labels)
            if watched:
                before, modes = everything(model), [net.training for net in model.nets.values()]
                seen = plane.look(model)
                assert seen.samples.shape == (1000, 2) and np.isfinite(seen.samples).all()
                after = everything(model)
                assert len(before) == len(after)
                assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
                assert [net.training for net in model.nets.values()] == modes
        ends.append(everything(model))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_looking_works_where_gradients_are_off():
    model = make()
    expected = plane.look(model).arrows
    with torch.inference_mode():
        np.testing.assert_array_equal(plane.look(model).arrows, expected)
    with torch.no_grad():
        np.testing.assert_array_equal(plane.look(model).arrows, expected)
