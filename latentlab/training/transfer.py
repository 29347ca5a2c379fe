"""Weights of one run as the beginning of another."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from latentlab.models.base import Model
from latentlab.training import checkpoint

#: The end of the name of a net that is the running average of another.
AVERAGE = "-ema"


def take_over(path: Path, model: Model) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Copy every layer of a checkpoint, of whatever kind of model, that `model` has too.

    A layer fits where net, name and the shapes of all its tensors do. -> the layers taken, and those left as
    they were drawn: "decoder.4 (784×400)". Averages of a net ("generator-ema") are not listed: they follow
    it, from the average that was saved or else from the net itself. RunError for a damaged file.
    """
    saved = checkpoint.read(path)[0]
    taken: list[str] = []
    left: list[str] = []
    with torch.no_grad():
        for name, net in model.nets.items():
            prefix = f"net.{name}."
            theirs = {key.removeprefix(prefix): t for key, t in saved.items() if key.startswith(prefix)}
            base = name.removesuffix(AVERAGE)
            if base != name and not theirs:
                net.load_state_dict(model.nets[base].state_dict())
                continue
            for layer, tensors in layers(net.state_dict()).items():
                fits = all(key in theirs and theirs[key].shape == t.shape for key, t in tensors.items())
                if fits:
                    for key, tensor in tensors.items():
                        tensor.copy_(theirs[key])
                if base == name:
                    largest = max(tensors.values(), key=lambda t: t.numel())
                    shape = "×".join(str(side) for side in largest.shape)
                    (taken if fits else left).append(f"{name}.{layer} ({shape})")
    return tuple(taken), tuple(left)


def layers(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by the layer that owns them; a parametrised weight (spectral norm) is its layer's."""
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        layer = key.split(".parametrizations.")[0] if ".parametrizations." in key else key.rpartition(".")[0]
        found.setdefault(layer, {})[key] = tensor
    return found
