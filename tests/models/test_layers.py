"""The nets have the sizes that the papers and the project's table of models give them, at 28x28."""

from __future__ import annotations

import torch
from torch import nn

from latentlab.models import MODELS
from latentlab.models.blocks import Dropout


def _full_width(key):
    kind = MODELS.get(key)
    return kind(kind.Config(), (1, 28, 28))


def _dense(net):
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


def _convolutions(net):
    return [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0])
        for m in net.modules()
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
    ]


def _slopes(net):
    return {m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)}


def _sides(net, x):
    """Height after every layer that gives pictures."""
    sides = []
    for layer in net:
        x = layer(x)
        if x.ndim == 4 and (not sides or sides[-1] != x.shape[2]):
            sides.append(x.shape[2])
    return sides


def test_mlp_gan_has_the_sizes_of_the_table():
    model = _full_width("mlp-gan")
    generator, discriminator = model.nets["generator"], model.nets["discriminator"]
    assert _dense(generator) == [(100, 256), (256, 512), (512, 1024), (1024, 1024), (1024, 784)]
    assert _dense(discriminator) == [(784, 1024), (1024, 512), (512, 256), (256, 1)]
    assert _slopes(generator) == _slopes(discriminator) == {0.2}
    assert [m.threshold for m in discriminator if isinstance(m, Dropout)] == [round(0.3 * 256)] * 3
    assert any(isinstance(m, nn.Tanh) for m in generator)


def test_dcgan_has_the_sizes_of_the_table():
    model = _full_width("dcgan")
    generator, discriminator = model.nets["generator"], model.nets["discriminator"]
    assert _dense(generator) == [(100, 7 * 7 * 256)] and generator[0].bias is None
    assert _convolutions(generator) == [(256, 128, 5, 1), (128, 64, 5, 2), (64, 1, 5, 2)]
    assert _convolutions(discriminator) == [(1, 64, 5, 2), (64, 128, 5, 2)]
    assert _dense(discriminator) == [(128 * 7 * 7, 1)]
    assert sum(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in generator) == 3
    assert _sides(generator, torch.zeros(2, 100)) == [7, 14, 28]
    assert _sides(discriminator, torch.zeros(2, 1, 28, 28)) == [14, 7]
    assert [m.threshold for m in discriminator if isinstance(m, Dropout)] == [77, 77]


def test_infogan_has_the_sizes_of_the_paper_around_a_dcgan():
    """Table 1 of arXiv 1606.03657: 62 of noise, two codes, ten categories; the head 128 wide."""
    model, other = _full_width("infogan"), _full_width("dcgan")
    assert model.latent_shape == (74,)
    assert [(c.name, c.start, c.stop) for c in model.choices] == [("category", 64, 74)]
    assert model.choices[0].labels == tuple("0123456789")
    generator, discriminator, head = (model.nets[n] for n in ("generator", "discriminator", "head"))
    assert _dense(generator) == [(74, 7 * 7 * 256)]
    assert _convolutions(generator) == _convolutions(other.nets["generator"])
    assert str(discriminator) == str(other.nets["discriminator"])
    assert _dense(head) == [(128 * 7 * 7, 128), (128, 12)]


def test_vae_mlp_has_the_sizes_of_the_paper():
    model = _full_width("vae-mlp")
    assert _dense(model.nets["encoder"]) == [(784, 400), (400, 32)]
    assert _dense(model.nets["decoder"]) == [(16, 400), (400, 784)]


def test_vae_conv_has_the_sizes_of_the_table():
    model = _full_width("vae-conv")
    assert _convolutions(model.nets["encoder"]) == [(1, 32, 4, 2), (32, 64, 4, 2)]
    assert _convolutions(model.nets["decoder"]) == [(64, 32, 4, 2), (32, 1, 4, 2)]
    assert _dense(model.nets["encoder"]) == [(64 * 7 * 7, 256), (256, 32)]
    assert _dense(model.nets["decoder"]) == [(16, 256), (256, 64 * 7 * 7)]


def test_relatives_of_vae_conv_have_its_nets():
    model = _full_width("vae-conv")
    for key in ("beta-vae", "beta-tcvae", "factor-vae", "dip-vae", "info-vae"):
        other = _full_width(key)
        for name in ("encoder", "decoder"):
            assert str(other.nets[name]) == str(model.nets[name]), key
    assert _dense(_full_width("factor-vae").nets["critic"]) == [(16, 256), (256, 256), (256, 256), (256, 1)]
    coder = _full_width("ae").nets
    assert _dense(coder["encoder"]) == [(64 * 7 * 7, 256), (256, 16)]
    assert str(coder["decoder"]) == str(model.nets["decoder"])


def test_cvae_is_vae_conv_with_the_class_joined_to_the_features_and_to_z():
    kind = MODELS.get("cvae")
    nets = kind(kind.Config(), (1, 28, 28), label_names=tuple("0123456789")).nets
    assert _convolutions(nets["encoder"]) == [(1, 32, 4, 2), (32, 64, 4, 2)]
    assert _dense(nets["head"]) == [(64 * 7 * 7 + 10, 256), (256, 32)]
    assert _dense(nets["decoder"]) == [(26, 256), (256, 64 * 7 * 7)]


def test_larger_images_get_more_levels_and_at_most_eight_times_the_width():
    kind = MODELS.get("vae-conv")
    encoder = kind(kind.Config(width=4), (3, 256, 256)).nets["encoder"]
    assert [c[1] for c in _convolutions(encoder)] == [4, 8, 16, 32, 32]
    kind = MODELS.get("dcgan")
    generator = kind(kind.Config(width=4), (3, 64, 64)).nets["generator"]
    assert [c[:2] for c in _convolutions(generator)] == [(32, 16), (16, 8), (8, 4), (4, 3)]


def test_adam_is_set_as_the_papers_do():
    for key, betas in [("dcgan", (0.5, 0.999)), ("mlp-gan", (0.5, 0.999)), ("vae-conv", (0.9, 0.999))]:
        model = _full_width(key)
        model.start_training(model.training_defaults["learning_rate"])
        for optimizer in model.optimizers().values():
            assert optimizer.defaults["betas"] == betas
            assert optimizer.defaults["lr"] == model.training_defaults["learning_rate"]
    rates = {
        key: (m.training_defaults["learning_rate"], m.training_defaults["batch_size"])
        for key, m in MODELS.items()
    }
    assert rates["mlp-gan"] == (2e-4, 128) and rates["dcgan"] == (1e-4, 64)


def test_dcgan_starts_from_the_normal_weights_of_radford():
    for net in _full_width("dcgan").nets.values():
        for layer in net.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert abs(layer.weight.std().item() - 0.02) < 0.0025
                assert layer.bias is None or not layer.bias.any()
            elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert abs(layer.weight.mean().item() - 1) < 0.02 and not layer.bias.any()


def test_kl_warm_up_grows_from_a_first_share_to_beta(build):
    model = build("vae-mlp", beta=4.0, kl_warmup=10)
    weights = []
    for model.step_count in (0, 4, 9, 10, 500):
        weights.append(model.kl_weight())
    assert weights == [0.4, 2.0, 4.0, 4.0, 4.0]
    assert build("vae-mlp", beta=4.0).kl_weight() == 4.0


def test_a_posterior_stays_finite_whatever_the_encoder_says(build):
    model = build("vae-mlp")
    with torch.no_grad():
        model.nets["encoder"][-1].bias.fill_(1e4)
        mean, log_variance = model.posterior(torch.zeros(2, 1, 8, 8))
    assert log_variance.max() == 20 and log_variance.exp().isfinite().all() and mean.isfinite().all()
