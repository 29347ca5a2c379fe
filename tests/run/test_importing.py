"""Weights that other programs trained become runs that everything else opens."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import latentlab
from latentlab import run as runs
from latentlab.core.config import parse
from latentlab.core.errors import ConfigError, DataError, RunError
from latentlab.models import MODELS
from latentlab.run.importing import fit, import_weights, suggest
from latentlab.training.run_folder import RunFolder

NAMES = ("ant", "bee", "cat")


def tutorial_generator(z, width, channels):
    """The generator of DCGAN tutorials: convolutions alone, none with a bias, from z as a pixel to 64×64."""
    layers = [nn.ConvTranspose2d(z, 8 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(8 * width), nn.ReLU(True)]
    for factor in (8, 4, 2):
        layers += [
            nn.ConvTranspose2d(factor * width, factor * width // 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(factor * width // 2),
            nn.ReLU(True),
        ]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())


def tutorial_discriminator(width, channels):
    layers = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for factor in (1, 2, 4):
        layers += [
            nn.Conv2d(factor * width, 2 * factor * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * factor * width),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False))


class Net(nn.Module):
    def __init__(self, main):
        super().__init__()
        self.main = main

    def forward(self, x):
        return self.main(x)


def lived_in(net, seed=0):
    """As if it had been trained: running statistics and biases that are not what nets begin with."""
    generator = torch.Generator().manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.running_mean, layer.weight.data, layer.bias.data):
                tensor.normal_(0.3, 0.5, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
    return net.eval()


@pytest.mark.parametrize("width", [64, 8])
def test_the_tutorials_dcgan_gives_the_same_images(tmp_path, width):
    theirs, judge = (
        lived_in(Net(tutorial_generator(100, width, 3))),
        lived_in(Net(tutorial_discriminator(width, 3)), 1),
    )
    path = tmp_path / "dcgan.pth"
    torch.save({"netG": theirs.state_dict(), "netD": judge.state_dict(), "epoch": 25}, path)
    like = suggest(path, "dcgan-radford")
    assert like.image_shape == (3, 64, 64)
    assert (like.model_values["latent_size"], like.model_values["width"]) == (100, width)
    _, found = import_weights(path, "dcgan-radford", like.model_values, like.image_shape, tmp_path / "r")
    assert found.unused == found.left == () and found.count == 17
    run = latentlab.open_run(tmp_path / "r")
    z = run.latents(4)
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(z)[:, :, None, None]) / 2 + 0.5
        np.testing.assert_allclose(run.decode(z), wanted.numpy(), atol=1e-6)
        verdicts = judge(2 * wanted - 1).flatten()
        with run.model.evaluating():
            mine = run.model.criticize(torch.from_numpy(run.decode(z)))
        np.testing.assert_allclose(mine.numpy(), verdicts.numpy(), atol=1e-4)


def test_a_generator_alone_under_any_prefix(tmp_path):
    theirs = lived_in(Net(tutorial_generator(10, 4, 1)))
    state = {
        f"module._orig_mod.{name}": tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in theirs.state_dict().items()
    }
    torch.save(state, tmp_path / "g.pt")
    _, found = import_weights(
        tmp_path / "g.pt", "dcgan-radford", {"latent_size": 10, "width": 4}, (1, 64, 64), tmp_path / "r"
    )
    assert found.count == 9 and found.unused == ()
    assert found.left and all(name.startswith("discriminator.") for name in found.left)


def small(key, shape=(1, 16, 16), seed=0, **values):
    kind = MODELS.get(key)
    return kind(
        parse(kind.Config, {"latent_size": 6, "width": 8} | values, "model"),
        shape,
        seed=seed,
        label_names=NAMES,
    )


@pytest.mark.parametrize("key", list(MODELS))
def test_every_model_comes_back_from_its_own_nets(tmp_path, key):
    """Saved net by net as torch does; imported, decoded: the same bits."""
    model = small(key, seed=5)
    path = tmp_path / "own.pth"
    torch.save({name: net.state_dict() for name, net in model.nets.items()}, path)
    config = model.config.model_dump()
    folder, found = import_weights(path, key, config, model.image_shape, tmp_path / "run", NAMES)
    assert found.unused == found.left == found.by_order == ()
    run = latentlab.open_run(folder.path)
    z = run.latents(3)
    with model.evaluating():
        np.testing.assert_array_equal(run.decode(z), model.decode(torch.from_numpy(z)).clamp(0, 1).numpy())
    like = suggest(path, key, NAMES)
    assert like.image_shape == (1, 16, 16)
    assert (like.model_values["latent_size"], like.model_values["width"]) == (6, 8)


def test_the_average_makes_the_pictures(tmp_path):
    plain, averaged = small("dcgan", seed=1), small("dcgan", seed=2)
    state = {
        "generator": plain.nets["generator"].state_dict(),
        "g_ema": averaged.nets["generator"].state_dict(),
    }
    torch.save(state, tmp_path / "a.pth")
    for values in ({}, {"ema": 0.9}):
        folder, found = import_weights(
            tmp_path / "a.pth",
            "dcgan",
            {"latent_size": 6, "width": 8} | values,
            (1, 16, 16),
            tmp_path / f"run {values}",
        )
        assert found.unused == ()
        run = latentlab.open_run(folder.path)
        z = run.latents(2)
        with averaged.evaluating():
            np.testing.assert_array_equal(run.decode(z), averaged.decode(torch.from_numpy(z)).numpy())


def vae_file(path, **more):
    model = small("vae-conv", seed=5)
    torch.save({name: net.state_dict() for name, net in model.nets.items()} | more, path)
    return model


def test_the_run_tells_the_truth_and_leads_on_to_other_data(tmp_path, noise, follow):
    vae_file(tmp_path / "v.pth", extra={"weight": torch.ones(9, 9)})
    folder, found = import_weights(
        tmp_path / "v.pth", "vae-conv", {"latent_size": 6, "width": 8}, (1, 16, 16), tmp_path / "run"
    )
    info = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert info["data"]["summary"] == f"no images: weights imported from {tmp_path / 'v.pth'}"
    assert info["data"]["trained_on"] == 0 and info["data"]["source"] == ""
    assert info["imported"]["unused"] == ["extra.weight (9×9)"] == list(found.unused)
    ((step, picture),) = folder.samples()
    with Image.open(picture) as image:
        assert (step, image.size) == (0, (146, 146))
    with pytest.raises(DataError, match="weights were imported, and it has no images of its own"):
        runs.resume(tmp_path / "run", steps=2)
    with pytest.raises(DataError, match="no images of its own"):
        latentlab.open_run(tmp_path / "run").evaluate()
    images = noise(40, (1, 16, 16))
    events = follow(runs.resume(tmp_path / "run", steps=2, dataset=images, grow=True))
    assert events[-1].step == 2
    again = RunFolder.open(tmp_path / "run")
    assert again.info["data"]["name"] == "noise"
    assert again.info["grown"][0]["from"]["name"] == "v.pth"


@pytest.mark.parametrize(
    ("key", "values", "shape", "error", "sentence"),
    [
        ("mlp-gan", {}, (1, 16, 16), RunError, "Nothing of .*v.pth fits a mlp-gan"),
        ("vae-conv", {"width": 0}, (1, 16, 16), ConfigError, "model.width: 0 is not allowed"),
        ("cvae", {}, (1, 16, 16), ConfigError, "needs at least 2 classes"),
        ("nothing", {}, (1, 16, 16), ConfigError, "Unknown model 'nothing'"),
    ],
)
def test_what_cannot_be_leaves_nothing(tmp_path, key, values, shape, error, sentence):
    vae_file(tmp_path / "v.pth")
    with pytest.raises(error, match=sentence):
        import_weights(tmp_path / "v.pth", key, values, shape, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    from latentlab import export

    def full(*_):
        raise OSError(28, "No space left on device")

    vae_file(tmp_path / "v.pth")
    monkeypatch.setattr(export, "write_picture", full)
    with pytest.raises(RunError, match=r"Cannot write to the run .*: No space left on device"):
        import_weights(
            tmp_path / "v.pth", "vae-conv", {"latent_size": 6, "width": 8}, (1, 16, 16), tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    model = small("vae-conv")
    state = {name: net.state_dict() for name, net in model.nets.items()}
    state["decoder"]["0.bias"] = torch.full_like(state["decoder"]["0.bias"], float("nan"))
    torch.save(state, tmp_path / "v.pth")
    with pytest.raises(RunError, match="not finite"):
        import_weights(
            tmp_path / "v.pth", "vae-conv", {"latent_size": 6, "width": 8}, (1, 16, 16), tmp_path / "run"
        )


def test_layers_fit_whole_or_not_at_all(tmp_path):
    """Neither a transposed weight, nor a bias that the layer has no place for, nor half of one is guessed."""
    model = small("vae-mlp")
    decoder = model.nets["decoder"].state_dict()
    wrong = {
        "decoder.0.weight": decoder["0.weight"].T,
        "decoder.0.bias": decoder["0.bias"],
        "decoder.2.weight": decoder["2.weight"],
        "decoder.2.bias": decoder["2.bias"][:-1],
        "encoder.1.weight": model.nets["encoder"].state_dict()["1.weight"],
    }
    torch.save(wrong, tmp_path / "v.pth")
    found = fit(tmp_path / "v.pth", "vae-mlp", {"latent_size": 6, "width": 8}, (1, 16, 16))
    assert found.by_name == ("encoder.1 (8×256)",)  # without a bias it is one of 0
    assert {name.split(" ")[0] for name in found.left} == {"decoder.0", "decoder.2", "encoder.3"}
    assert len(found.unused) == 4
