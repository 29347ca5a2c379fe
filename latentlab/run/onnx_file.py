"""A model's decoder or encoder as an ONNX file, which other programs run without latentlab and torch."""

from __future__ import annotations

import io
import json
import threading
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import latentlab
from latentlab.core.errors import ExportError
from latentlab.core.files import write_bytes
from latentlab.data.base import Report, no_report
from latentlab.export.base import explained
from latentlab.models.base import Model
from latentlab.training.run_folder import RunFolder

if TYPE_CHECKING:
    from torch import Tensor

Part = Literal["decoder", "encoder"]
#: Input and output of each part, by name.
NAMES: dict[Part, tuple[str, str]] = {"decoder": ("z", "images"), "encoder": ("images", "z")}
#: The largest difference from torch that a file may have, in units of its output.
TOLERANCE = 1e-4
#: How many inputs at a time the file is tried with.
BATCHES = (1, 5)
#: The version of ONNX's operators: old enough for every runtime of the last years.
OPSET = 17
#: torch's exporter, and the filters of warnings, belong to the whole process.
_ONE_AT_A_TIME = threading.Lock()


def write_onnx(
    path: str | Path,
    model: Model,
    part: Part = "decoder",
    folder: RunFolder | None = None,
    report: Report = no_report,
) -> float:
    """Write a part of `model` as `path`, and return how far its output is from torch's at most.

    The decoder takes "z", float32 (N, D), and gives "images", float32 (N, C, H, W) in [0, 1]; the encoder
    takes such images and gives "z", the posterior means. N is free. What z is (its size, its prior, which of
    its numbers are one-hot), the version, the model's key and step, and name and fingerprint of the run
    `folder` are metadata of the file, under keys that begin with "latentlab.".

    Before anything is written onnxruntime runs it on random inputs, of which torch says what they should
    give. ExportError where the outputs differ by more than `TOLERANCE`, where there is no such part, packages
    are missing, or the file cannot be written; nothing is left of it then. `report` gets (done, 3).
    """
    path = Path(path)
    if part not in NAMES:
        raise ExportError(f"part: {part!r} is not allowed; expected one of {', '.join(NAMES)}.")
    check_ending(path)
    if part == "encoder" and not model.can_encode:
        raise ExportError(f"A {model.key} has no encoder to export; its decoder can be.")
    if problem := missing_packages():
        raise ExportError(problem)
    report(0, 3)
    model = _on_cpu(model)
    compute = _computation(model, part)
    content = _described(_traced(model, part, compute), model, part, folder)
    report(1, 3)
    difference = _difference(content, model, part, compute)
    if not difference <= TOLERANCE:  # also where it is NaN
        raise ExportError(
            f"{path} was not written: run by onnxruntime the {part}'s output differs from torch's by up to "
            f"{difference:.2g}; expected at most {TOLERANCE:g}."
        )
    report(2, 3)
    with explained(path):
        write_bytes(path, content)
    report(3, 3)
    return difference


def check_ending(path: str | Path) -> None:
    """ExportError where the name of a file to write does not end in .onnx. Needs no torch."""
    if (suffix := Path(path).suffix).lower() != ".onnx":
        raise ExportError(f"Cannot write {path}: the name ends in '{suffix}', expected .onnx.")


def missing_packages() -> str:
    """Why no ONNX file can be written here, in a sentence with the remedy; "" where one can."""
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"ONNX files need packages that are not installed ({', '.join(missing)}): "
        "run pip install 'latentlab[onnx]'."
    )


def _on_cpu(model: Model) -> Model:
    """A copy that nobody else uses, where exporter and runtime work."""
    import torch

    copy = model.evaluation_copy()
    copy.device = torch.device("cpu")
    for net in copy.nets.values():
        net.to(copy.device)
    return copy


def _computation(model: Model, part: Part) -> Callable[[Tensor], Tensor]:
    return model.encode if part == "encoder" else lambda z: model.decode(z).clamp(0, 1)


def _inputs(model: Model, part: Part, count: int) -> Tensor:
    """Latents of the prior, or images of noise, the same every time."""
    import torch

    generator = torch.Generator().manual_seed(count)
    if part == "decoder":
        return model.draw(count, generator)
    return torch.rand(count, *model.image_shape, generator=generator)


def _traced(model: Model, part: Part, compute: Callable[[Tensor], Tensor]) -> bytes:
    """By torch's tracing exporter, which needs no further package. Its successor (``dynamo=True``) patches
    what all threads share, upon which a training that goes on meanwhile fails (torch 2.13)."""
    import torch
    from torch import nn

    class Traced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.nets = nn.ModuleDict(model.nets)

        def forward(self, x: Tensor) -> Tensor:
            return compute(x)

    given, made = NAMES[part]
    file = io.BytesIO()
    # What it warns of is that it is the older one, and that sizes of images become constants, as they are.
    with _ONE_AT_A_TIME, warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.register_custom_op_symbolic("aten::expm1", _expm1, OPSET)
        try:
            torch.onnx.export(
                Traced().eval(),
                (_inputs(model, part, 2),),
                file,  # type: ignore[arg-type]
                input_names=[given],
                output_names=[made],
                dynamic_axes={given: {0: "N"}, made: {0: "N"}},
                opset_version=OPSET,
                dynamo=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ExportError(f"The {part} of a {model.key} cannot be written as ONNX: {reason}") from error
        finally:
            torch.onnx.unregister_custom_op_symbolic("aten::expm1", OPSET)
    return file.getvalue()


def _expm1(graph: Any, x: Any) -> Any:
    """exp(x) - 1, for which ONNX has no operator of its own."""
    import torch

    return graph.op("Sub", graph.op("Exp", x), graph.op("Constant", value_t=torch.tensor(1.0)))


def _described(content: bytes, model: Model, part: Part, folder: RunFolder | None) -> bytes:
    """The file with what people and programs want to know of it."""
    import onnx

    proto = onnx.load_from_string(content)
    channels, height, width = model.image_shape
    images = f"images, float32 (N, {channels}, {height}, {width}) in [0, 1]"
    latents = f"z, float32 (N, {model.latent_shape[0]})"
    sentence = (
        f"Decoder of a {model.title}: {latents} -> {images}."
        if part == "decoder"
        else f"Encoder of a {model.title}: {images} -> {latents}, the posterior means."
    )
    choices = [
        {"name": c.name, "start": c.start, "stop": c.stop, "labels": list(c.labels)} for c in model.choices
    ]
    known: dict[str, Any] = {
        "version": latentlab.__version__,
        "model": model.key,
        "step": model.step_count,
        "part": part,
        "description": sentence,
        "latent": json.dumps({"size": model.latent_shape[0], "prior": model.prior, "choices": choices}),
    }
    if folder is not None:
        known |= {"run": folder.name, "fingerprint": folder.fingerprint}
    onnx.helper.set_model_props(proto, {f"latentlab.{name}": str(value) for name, value in known.items()})
    proto.producer_name, proto.producer_version = "latentlab", latentlab.__version__
    proto.doc_string = sentence
    # Tracing loses the sizes behind the batch.
    sizes = model.latent_shape if part == "encoder" else model.image_shape
    for dimension, size in zip(proto.graph.output[0].type.tensor_type.shape.dim[1:], sizes, strict=True):
        dimension.dim_value = size
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def _difference(content: bytes, model: Model, part: Part, compute: Callable[[Tensor], Tensor]) -> float:
    """The largest between onnxruntime's output and torch's; infinite where their shapes differ."""
    import numpy as np
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised, too
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    differences = []
    for count in BATCHES:
        x = _inputs(model, part, count)
        with torch.inference_mode():
            expected = compute(x).numpy()
        (found,) = session.run(None, {NAMES[part][0]: x.numpy()})
        if found.shape != expected.shape:
            return float("inf")
        differences.append(np.abs(found - expected).max())
    return float(np.max(differences))  # NaN where one is
