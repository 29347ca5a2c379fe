"""Adopted nets compute what plain ones do."""

from __future__ import annotations

import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from latentlab.models import blocks, kernels

CPU = torch.device("cpu")
SIDES = st.integers(1, 80)


def close(found: Tensor, expected: Tensor) -> None:
    """As near as single precision allows, whatever the order of summation."""
    scale = max(1.0, float(expected.detach().abs().max()))
    torch.testing.assert_close(found.double(), expected.double(), rtol=0, atol=1e-5 * scale)


@settings(max_examples=30, deadline=None)
@given(rows=SIDES, inputs=SIDES, outputs=SIDES, biased=st.booleans())
def test_a_dense_layer_and_its_gradients_are_those_of_double_precision(rows, inputs, outputs, biased):
    generator = torch.Generator().manual_seed(rows * inputs + outputs)
    x, weight = (torch.randn(n, inputs, generator=generator) for n in (rows, outputs))
    given_ = [x, weight, *([torch.randn(outputs, generator=generator)] if biased else [])]
    pull = torch.randn(rows, outputs, generator=generator)
    found, expected = [], []
    for values, results, layer, precision in (
        (given_, found, kernels.dense, torch.float32),
        (given_, expected, functional.linear, torch.float64),
    ):
        leaves = [v.to(precision).requires_grad_() for v in values]
        y = layer(*leaves)
        results += [y, *torch.autograd.grad((y * pull.to(precision)).sum(), leaves)]
    for mine, plain in zip(found, expected, strict=True):
        close(mine, plain)


def test_a_dense_layer_can_be_differentiated_twice():
    generator = torch.Generator().manual_seed(3)
    x, weight, bias = (torch.randn(*s, generator=generator) for s in ((32, 48), (64, 48), (64,)))
    penalties = []
    for layer, precision in ((kernels.dense, torch.float32), (functional.linear, torch.float64)):
        leaves = [v.to(precision).requires_grad_() for v in (x, weight, bias)]
        (slope,) = torch.autograd.grad(layer(*leaves).tanh().sum(), leaves[0], create_graph=True)
        penalties.append(torch.autograd.grad(slope.square().sum(), leaves))
    for mine, plain in zip(*penalties, strict=True):
        close(mine, plain)


def test_a_dense_layer_in_training_is_computed_by_another_kernel_and_in_evaluation_by_torch_s(monkeypatch):
    calls = []
    monkeypatch.setattr(kernels, "dense", lambda *given: calls.append(given) or functional.linear(*given))
    net = nn.Sequential(nn.Linear(32, 32))
    kernels.adopt(net, CPU)
    net(torch.zeros(32, 32))
    assert len(calls) == 1
    net.eval()(torch.zeros(32, 32))
    net.train()(torch.zeros(4, 32, 32))  # which that is not asked for
    assert len(calls) == 1


def convolutional() -> nn.Sequential:
    """Without kinks, at which rounding could decide about a gradient."""
    return nn.Sequential(
        nn.Linear(16, 8 * 7 * 7), nn.Unflatten(1, (8, 7, 7)), nn.SiLU(), blocks.up(8, 4, 5, (14, 14), False),
        nn.BatchNorm2d(4), nn.SiLU(), blocks.down(4, 8, 4), nn.SiLU(), nn.Flatten(),
        nn.Linear(8 * 7 * 7, 20),
    )  # fmt: skip


def test_an_adopted_net_computes_and_learns_as_before():
    torch.manual_seed(0)
    plain = convolutional().double()
    adopted = copy.deepcopy(plain).float()
    kernels.adopt(adopted, CPU)
    x = torch.randn(32, 16)
    for net, given_ in ((plain, x.double()), (adopted, x)):
        net(given_).square().sum().backward()
    assert list(adopted.state_dict()) == list(plain.state_dict())
    close(adopted.eval()(x), plain.eval()(x.double()))
    for mine, its in zip(adopted.parameters(), plain.parameters(), strict=True):
        close(mine.grad, its.grad)


def test_every_convolution_of_an_adopted_net_sees_one_layout_both_ways():
    """Where a layer gets two layouts at once, torch goes through them number by number."""
    net = convolutional()
    kernels.adopt(net, CPU)
    seen = []

    def look(layer: nn.Module, gradients: tuple[Tensor, ...], of_output: tuple[Tensor, ...]) -> None:
        seen.append(of_output[0])

    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.SiLU):
            layer.register_full_backward_hook(look)
            layer.register_forward_hook(lambda layer, given, result: seen.append(result))
    net(torch.randn(8, 16)).sum().backward()
    assert len(seen) == 10
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in seen)


def test_an_apple_gpu_keeps_the_plain_layout():
    asked = []

    class Net(nn.Module):
        def to(self, *how, **more) -> Net:
            asked.append((how, more))
            return self

    mps = torch.device("mps")
    kernels.adopt(Net(), mps)
    assert asked == [((mps,), {})]
