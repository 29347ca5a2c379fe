"""Checkpoints: one safetensors file each, tensors flattened by name, the rest as JSON in its metadata.

Tensors are ``net.<net>.<name>``, ``optimizer.<optimizer>.<parameter index>.<name>``, ``state.<name>`` (what
steps carry along) and ``generator`` (the random state, uint8). Nothing in it is ever executed on loading.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from latentlab.core.errors import RunError
from latentlab.core.files import atomic_path
from latentlab.models.base import Model

FORMAT = 1


def save(path: Path, model: Model, extra: dict[str, Any]) -> None:
    """Write everything that resuming needs, atomically. `extra` is JSON. OSError passes through."""
    tensors = {
        f"net.{name}.{key}": tensor
        for name, net in model.nets.items()
        for key, tensor in net.state_dict().items()
    }
    groups: dict[str, Any] = {}
    for name, optimizer in model.optimizers().items():
        state = optimizer.state_dict()
        groups[name] = state["param_groups"]
        for index, values in state["state"].items():
            for key, tensor in values.items():
                tensors[f"optimizer.{name}.{index}.{key}"] = tensor
    tensors |= {f"state.{name}": tensor for name, tensor in model.state.items()}
    tensors["generator"] = model.generator.get_state()
    meta = {"format": FORMAT, "model": model.key, "step": model.step_count, "optimizers": groups}
    meta |= {"device": model.device.type, **extra}
    contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        try:
            save_file(contiguous, temporary, {"latentlab": json.dumps(meta)})
        except SafetensorError as error:  # which is no OSError, not even where the disk is full
            raise OSError(f"cannot save a checkpoint: {error}") from None


def load(path: Path, model: Model) -> dict[str, Any]:
    """Put a checkpoint's nets into `model`, and where it has started training, optimizers and random state.

    Returns the JSON part: step, and the `extra` of `save`. RunError says what does not fit. On another kind
    of device than it was saved on, the noise goes on from a new seed instead of the saved state.
    """
    tensors, meta = read(path)
    if meta.get("model") != model.key:
        raise RunError(f"{path} holds a {meta.get('model')}, expected a {model.key}.")
    try:
        for name, net in model.nets.items():
            net.load_state_dict(_under(tensors, f"net.{name}."))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise RunError(f"{path} does not fit the model: {reason}") from None
    try:
        _continue(model, tensors, meta)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"{path} does not fit the model's optimizers: {error}.") from None
    return meta


def _continue(model: Model, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    model.step_count = int(meta["step"])
    for name, value in model.state.items():
        if f"state.{name}" in tensors:  # runs of older versions carried less along
            value.copy_(tensors[f"state.{name}"])
    for name, optimizer in model.optimizers().items():
        saved = meta["optimizers"][name]
        # How the kernel runs is this device's matter, not the saved one's.
        groups = [
            group | {key: now[key] for key in ("fused", "foreach", "capturable")}
            for group, now in zip(saved, optimizer.param_groups, strict=True)
        ]
        optimizer.load_state_dict({"state": _optimizer_state(tensors, name), "param_groups": groups})
        # Copied, because a tensor as read is a mapping of the file, which it would hold open for as long as
        # the training lasts; laid out as the weights are, because a fused kernel takes memory as it is.
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                like = parameter if value.shape == parameter.shape else value
                state[key] = torch.empty_like(like).copy_(value)
    if model.optimizers():
        if meta["device"] == model.device.type:
            model.generator.set_state(tensors["generator"])
        else:
            model.generator.manual_seed(model.generator.initial_seed() + model.step_count)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _optimizer_state(tensors: dict[str, Tensor], name: str) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in _under(tensors, f"optimizer.{name}.").items():
        index, _, field = key.partition(".")
        state.setdefault(int(index), {})[field] = tensor
    return state


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a checkpoint by name, on the CPU, and its JSON part; RunError."""
    try:
        with safe_open(path, "pt") as file:
            meta = json.loads((file.metadata() or {})["latentlab"])
            tensors: dict[str, torch.Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise RunError(f"There is no checkpoint at {path}.") from None
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RunError(f"The checkpoint {path} is damaged or no checkpoint of latentlab: {error}.") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = meta.get("format") if isinstance(meta, dict) else type(meta).__name__
        raise RunError(f"{path} has checkpoint format {found}; this version reads {FORMAT}.")
    return tensors, meta
