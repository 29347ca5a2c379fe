"""Checkpoints: whole, complete, and refused with a reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from latentlab.core.errors import RunError
from latentlab.models import MODELS
from latentlab.training import checkpoint

SHAPE = (1, 8, 8)
LABELS = torch.arange(4) % 3


def _batch(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (4, *SHAPE), generator=generator, dtype=torch.uint8)


def _state(model):
    """Every number that learning depends on."""
    state = {f"{n}.{k}": t.clone() for n, net in model.nets.items() for k, t in net.state_dict().items()}
    for name, optimizer in model.optimizers().items():
        for index, values in optimizer.state_dict()["state"].items():
            state |= {f"{name}.{index}.{k}": t.clone() for k, t in values.items()}
    return state | {"generator": model.generator.get_state(), "step": torch.tensor(model.step_count)}


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _saved(model, path, steps=3):
    for n in range(steps):
        model.step(_batch(n), LABELS)
    checkpoint.save(path, model, {"epoch": 1, "position": 4, "seconds": 2.5})
    return path


@pytest.mark.parametrize("key", list(MODELS))
def test_nets_optimizers_and_random_state_come_back(key, model, tmp_path):
    live = model(key, rate=2e-3)
    path = _saved(live, tmp_path / "c.safetensors")
    other = model(key, seed=42, rate=0.5)
    meta = checkpoint.load(path, other)
    assert (meta["epoch"], meta["position"], meta["seconds"], meta["step"]) == (1, 4, 2.5, 3)
    assert _same(_state(live), _state(other))
    rates = {name: o.param_groups[0]["lr"] for name, o in other.optimizers().items()}
    assert rates == live.rates(2e-3)
    live.step(_batch(9), LABELS)
    other.step(_batch(9), LABELS)
    assert _same(_state(live), _state(other)), "they learn differently after loading"


def test_a_model_that_will_not_train_takes_the_nets_alone(model, tmp_path):
    live = model()
    path = _saved(live, tmp_path / "c.safetensors")
    other = model(seed=42, rate=0)
    before = other.generator.get_state()
    checkpoint.load(path, other)
    assert torch.equal(other.nets["decoder"][0].weight, live.nets["decoder"][0].weight)
    assert other.step_count == 3 and torch.equal(other.generator.get_state(), before)


def test_the_file_is_plain_safetensors_with_json(model, tmp_path):
    path = _saved(model(), tmp_path / "c.safetensors")
    with safe_open(path, "pt") as file:
        meta = json.loads(file.metadata()["latentlab"])
        names = set(file.keys())
    assert meta["format"] == 1 and meta["model"] == "vae-mlp" and meta["device"] == "cpu"
    assert {"net.encoder.1.weight", "optimizer.vae.0.exp_avg", "optimizer.vae.0.step", "generator"} <= names


def _write(path, change):
    """The same checkpoint with its JSON or tensors changed."""
    with safe_open(path, "pt") as file:
        meta = json.loads(file.metadata()["latentlab"])
        tensors = {k: file.get_tensor(k).clone() for k in file.keys()}  # noqa: SIM118
    meta = change(meta, tensors) or meta
    save_file(tensors, path, {"latentlab": json.dumps(meta)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, t: m.update(format=99), "has checkpoint format 99; this version reads 1"),
        (lambda m, t: [1], "has checkpoint format list; this version reads 1"),
        (lambda m, t: m.update(model="dcgan"), "holds a dcgan, expected a vae-mlp"),
        (lambda m, t: t.pop("net.encoder.1.weight"), "does not fit the model: .*encoder|.*Missing key"),
        (
            lambda m, t: t.update({"net.encoder.1.bias": torch.zeros(3)}),
            "does not fit the model: size mismatch",
        ),
        (lambda m, t: m.pop("step"), "does not fit the model's optimizers"),
        (lambda m, t: m["optimizers"].clear(), "does not fit the model's optimizers"),
        (lambda m, t: m["optimizers"]["vae"].append({}), "does not fit the model's optimizers"),
        (lambda m, t: t.pop("generator"), "does not fit the model's optimizers"),
        (lambda m, t: t.update(generator=torch.zeros(3, dtype=torch.uint8)), "does not fit the model's"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(model, tmp_path, change, message):
    path = _saved(model(), tmp_path / "c.safetensors")
    _write(path, lambda m, t: result if isinstance(result := change(m, t), list) else None)
    with pytest.raises(RunError, match=message) as raised:
        checkpoint.load(path, model())
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_nets_of_another_size_do_not_fit(model, tmp_path):
    path = _saved(model(), tmp_path / "c.safetensors")
    with pytest.raises(RunError, match="does not fit the model: size mismatch"):
        checkpoint.load(path, model(width=16))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_off_file_is_refused(model, tmp_path, share):
    path = _saved(model(), tmp_path / "c.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RunError, match="is damaged or no checkpoint of latentlab"):
        checkpoint.load(path, model())


def test_what_is_no_checkpoint_is_refused(model, tmp_path):
    with pytest.raises(RunError, match="There is no checkpoint at"):
        checkpoint.load(tmp_path / "none.safetensors", model())
    with pytest.raises(RunError, match="is damaged or no checkpoint"):
        checkpoint.load(tmp_path, model())
    save_file({"a": torch.zeros(1)}, tmp_path / "theirs.safetensors")
    with pytest.raises(RunError, match="is damaged or no checkpoint"):
        checkpoint.load(tmp_path / "theirs.safetensors", model())


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(model, tmp_path, monkeypatch):
    live = model()
    path = _saved(live, tmp_path / "c.safetensors")
    old = path.read_bytes()

    def full_disk(tensors, file, metadata):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(path, live, {})
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_loaded_checkpoint_is_not_held_open(model, tmp_path):
    """The optimizer keeps the tensors it is given; mapped ones would bar the file from being removed."""
    path = _saved(model("vae-conv"), tmp_path / "held-open.safetensors")
    other = model("vae-conv")
    checkpoint.load(path, other)
    assert "held-open" not in Path("/proc/self/maps").read_text()


def test_on_another_kind_of_device_the_noise_goes_on_from_a_new_seed(model, tmp_path):
    path = _saved(model(), tmp_path / "c.safetensors")
    _write(path, lambda m, t: m.update(device="cuda"))
    first, second = model(), model()
    checkpoint.load(path, first)
    checkpoint.load(path, second)
    assert torch.equal(first.generator.get_state(), second.generator.get_state())
    assert not torch.equal(first.generator.get_state(), model().generator.get_state())
    first.step(_batch(0))


def test_a_checkpoint_from_before_something_was_carried_along_loads_with_its_first_value(model, tmp_path):
    live = model("mlp-gan")
    live.state["accuracy"].fill_(0.9)
    path = _saved(live, tmp_path / "c.safetensors")
    _write(path, lambda meta, tensors: tensors.pop("state.accuracy") and None)
    other = model("mlp-gan")
    checkpoint.load(path, other)
    assert other.state["accuracy"] == 0.5 < live.state["accuracy"]
    assert _same(_state(other), _state(live))
