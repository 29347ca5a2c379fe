"""ONNX files: what they hold is what torch computes, for every model; nothing else is ever written."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import latentlab
from latentlab.core.config import parse
from latentlab.core.errors import ExportError
from latentlab.models import MODELS
from latentlab.run import onnx_file
from latentlab.run.onnx_file import write_onnx
from latentlab.training.run_folder import RunFolder

NAMES = ("ant", "bee", "cat")


def small(key, shape=(1, 12, 12), seed=0, **values):
    kind = MODELS.get(key)
    config = parse(kind.Config, {"latent_size": 6, "width": 8} | values, "model")
    return kind(config, shape, seed=seed, label_names=NAMES)


def latents(model, count, seed=7):
    return model.draw(count, torch.Generator().manual_seed(seed))


def images(model, count, seed=7):
    return torch.rand(count, *model.image_shape, generator=torch.Generator().manual_seed(seed))


def agrees(path, model, part, count):
    """Whether onnxruntime, told nothing but the file, gives what the model does; N need not be 1 or 5."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = latents(model, count) if part == "decoder" else images(model, count)
    with model.evaluating():
        wanted = model.decode(x).clamp(0, 1) if part == "decoder" else model.encode(x)
    name = {"decoder": "z", "encoder": "images"}[part]
    (found,) = session.run(None, {name: x.numpy()})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4, rtol=0)


CASES = [(key, "decoder", {}) for key in MODELS]
CASES += [(key, "encoder", {}) for key, kind in MODELS.items() if kind.family == "vae"]
CASES += [
    ("cvae", "encoder", {"likelihood": "discretised-logistic"}),
    ("cvae", "encoder", {"likelihood": "gaussian-pixel"}),
    ("vae-conv", "decoder", {"likelihood": "gaussian-global"}),
    ("dcgan-radford", "decoder", {"ema": 0.99}),
    ("cgan", "decoder", {"regularizer": "spectral-norm", "conditioning": "projection"}),
]


@pytest.mark.parametrize(("key", "part", "values"), CASES, ids=lambda v: str(v))
def test_every_model_gives_the_same_as_in_torch(tmp_path, key, part, values):
    model = small(key, **values)
    difference = write_onnx(tmp_path / "a.onnx", model, part)
    assert 0 <= difference <= 1e-4
    for count in (1, 3, 8):
        agrees(tmp_path / "a.onnx", model, part, count)
    assert [p.name for p in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("vae-conv", (3, 28, 20)),
        ("densenet-gan", (4, 32, 24)),
        ("vae-mlp", (2, 1, 1)),
        ("mlp-gan", (2, 1, 1)),
    ],
)
def test_other_shapes_and_points(tmp_path, key, shape):
    model = small(key, shape, **({"likelihood": "gaussian"} if key == "vae-mlp" else {}))
    for part in ("decoder", "encoder") if model.can_encode else ("decoder",):
        write_onnx(tmp_path / "a.onnx", model, part)  # over the one that is there
        agrees(tmp_path / "a.onnx", model, part, 3)


def test_the_file_says_what_it_is(tmp_path):
    model = small("cvae")
    model.step_count = 41
    folder = RunFolder.create(
        tmp_path / "näme of a run",
        {"id": "5", "image_shape": [1, 12, 12], "metrics": []},
    )
    write_onnx(tmp_path / "ä.onnx", model, "decoder", folder)
    proto = onnx.load(tmp_path / "ä.onnx")
    onnx.checker.check_model(proto, full_check=True)
    props = {p.key: p.value for p in proto.metadata_props}
    assert props["latentlab.run"] == "näme of a run"
    assert props["latentlab.fingerprint"] == folder.fingerprint
    assert props["latentlab.version"] == proto.producer_version == latentlab.__version__
    assert (props["latentlab.model"], props["latentlab.part"]) == ("cvae", "decoder")
    assert props["latentlab.step"] == "41"
    assert "(N, 9) -> images, float32 (N, 1, 12, 12)" in props["latentlab.description"] == proto.doc_string
    assert json.loads(props["latentlab.latent"]) == {
        "size": 9,
        "prior": "standard-normal",
        "choices": [{"name": "class", "start": 6, "stop": 9, "labels": list(NAMES)}],
    }
    shapes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*proto.graph.input, *proto.graph.output)
    ]
    assert shapes == [["N", 9], ["N", 1, 12, 12]]


def test_the_model_stays_as_it_was(tmp_path):
    model = small("dcgan")
    model.start_training(1e-3)
    before = [t.clone() for t in model.weights()]
    filters = list(warnings.filters)
    write_onnx(tmp_path / "a.onnx", model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.weights(), strict=True))
    assert all(net.training for net in model.nets.values())
    assert warnings.filters == filters


def test_a_training_that_goes_on_meanwhile_is_not_disturbed(tmp_path):
    """Exporters of torch patch what other threads use: the window exports while a model trains."""

    def trained(steps, alive=lambda: True):
        model = small("dcgan")
        model.start_training(1e-3)
        noise = torch.randint(0, 256, (8, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator())
        done = 0
        while done < steps or alive():
            model.step(noise)
            done += 1
        return done, model.weights()

    exported, failures = small("vae-conv"), []

    def export():
        try:
            for n in range(10):
                write_onnx(tmp_path / f"{n}.onnx", exported)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=export)
    thread.start()
    steps, weights = trained(1, thread.is_alive)
    thread.join()
    assert failures == [] and len(list(tmp_path.iterdir())) == 10
    _, alone = trained(steps, lambda: False)
    assert all(torch.equal(a, b) for a, b in zip(alone, weights, strict=True))


def test_a_file_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    """The check is on the file: of a model whose traced weights are not its own it finds out."""
    model, other = small("vae-conv"), small("vae-conv", seed=1)
    honest = onnx_file._traced
    monkeypatch.setattr(
        onnx_file,
        "_traced",
        lambda _, part, compute: honest(other, part, onnx_file._computation(other, part)),
    )
    (tmp_path / "old.onnx").write_bytes(b"old")
    with pytest.raises(ExportError, match=r"old.onnx was not written: .* by up to 0\.\d+; expected"):
        write_onnx(tmp_path / "old.onnx", model)
    assert (tmp_path / "old.onnx").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["old.onnx"]


def test_numbers_that_are_not_finite_are_no_agreement(tmp_path):
    model = small("vae-mlp")
    with torch.no_grad():
        next(model.decoding_net.parameters()).fill_(float("nan"))
    with pytest.raises(ExportError, match="by up to nan"):
        write_onnx(tmp_path / "a.onnx", model)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "key", "part", "sentence"),
    [
        ("a.onnx", "dcgan", "encoder", "A dcgan has no encoder"),
        ("a.pb", "dcgan", "decoder", "ends in '.pb', expected .onnx"),
        ("a.onnx", "dcgan", "both", "'both' is not allowed; expected one of decoder, encoder"),
        ("gone/a.onnx", "dcgan", "decoder", "No such file or directory"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, name, key, part, sentence):
    with pytest.raises(ExportError, match=sentence):
        write_onnx(tmp_path / name, small(key), part)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_missing_packages_are_named_with_the_remedy(tmp_path, monkeypatch, missing):
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == missing else 1)
    with pytest.raises(ExportError, match=rf"{missing}.*pip install 'latentlab\[onnx\]'"):
        write_onnx(tmp_path / "a.onnx", small("vae-mlp"))


def test_nothing_is_printed_and_no_other_package_is_needed(tmp_path):
    """In a process of its own: exporters like to write to stdout and stderr behind Python's back."""
    code = (
        "import sys\n"
        "sys.modules['onnxscript'] = None\n"
        "from latentlab.models import MODELS\n"
        "from latentlab.run.onnx_file import write_onnx\n"
        "kind = MODELS.get('densenet-gan')\n"
        "model = kind(kind.Config(latent_size=6, width=8), (1, 12, 12))\n"
        "write_onnx(sys.argv[1], model)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "a.onnx")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
