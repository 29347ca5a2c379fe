"""Reading what other programs saved: nothing in a file ever runs, and what is damaged is one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import struct
import warnings
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from latentlab.core.errors import RunError
from latentlab.training.foreign import MOST_TENSORS, read


class Payload:
    """Unpickled by anyone who executes what a pickle says, it makes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def saved(path, content, **how):
    torch.save(content, path, **how)
    return path


TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2, dtype=torch.float16)}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_comes_back(tmp_path, zipped):
    found = read(saved(tmp_path / "a.pth", TENSORS, _use_new_zipfile_serialization=zipped))
    assert list(found) == ["a.weight", "a.bias"]
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_parameters_are_tensors_that_learn_no_more(tmp_path):
    state = dict(torch.nn.Linear(2, 2).named_parameters())
    found = read(saved(tmp_path / "a.pt", state))
    assert not any(tensor.requires_grad for tensor in found.values())


def test_safetensors_come_in_the_order_of_their_numbers(tmp_path):
    names = ["main.0.weight", "main.2.weight", "main.10.weight"]
    save_file({name: torch.full((i + 1,), 1.0) for i, name in enumerate(names)}, tmp_path / "a.safetensors")
    assert list(read(tmp_path / "a.safetensors")) == names


def test_what_lies_within_others_is_named_by_its_way_and_what_is_no_weight_is_passed_over(tmp_path):
    content = {
        "epoch": 7,
        "state_dict": {"w": torch.ones(1)},
        "generator": {"x": {"w": torch.ones(2)}},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}},
        "optim_g": {"w": torch.ones(3)},
        "names": ["a", "b"],
        "sparse": torch.ones(2).to_sparse(),
        "elsewhere": torch.ones(2, device="meta"),
    }
    assert list(read(saved(tmp_path / "a.pth", content))) == ["state_dict.w", "generator.x.w"]


@pytest.mark.parametrize("how", ["zip", "legacy", "bare 2", "bare 4", "in a zip that torch wrote"])
def test_code_is_refused_and_does_not_run(tmp_path, how):
    mark, path = tmp_path / "ran", tmp_path / "evil.pth"
    content = {"a.weight": torch.ones(2), "b": Payload(mark)}
    if how in ("zip", "legacy"):
        saved(path, content, _use_new_zipfile_serialization=how == "zip")
    elif how.startswith("bare"):
        path.write_bytes(pickle.dumps(Payload(mark), protocol=int(how[-1])))
    else:
        saved(path, TENSORS)
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items():
                evil = pickle.dumps(Payload(mark), protocol=2)
                archive.writestr(name, evil if name.endswith("data.pkl") else data)
    with pytest.raises(RunError, match=r"evil\.pth .* a state dict of tensors\.$") as raised:
        read(path)
    if how in ("zip", "legacy"):
        assert "holds code or objects (posix.mkdir)" in str(raised.value) or os.name != "posix"
    assert not mark.exists()
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):  # the payload is a real one
        warnings.simplefilter("ignore")
        torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_whole_module_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"holds code or objects \(torch\.nn\.modules\.linear\.Linear\)"):
        read(saved(tmp_path / "a.pth", torch.nn.Linear(2, 2)))


def test_torchscript_is_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)).save(tmp_path / "a.pt")
    with pytest.raises(RunError, match="is a TorchScript archive, which holds code"):
        read(tmp_path / "a.pt")


def archive_of(path, compression, inflated=1):
    saved(path, {"w": torch.zeros(200_000)})
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data * inflated if "/data/" in name else data)


def test_an_archive_that_would_grow_is_refused(tmp_path):
    archive_of(tmp_path / "bomb.pth", zipfile.ZIP_DEFLATED, inflated=50)
    assert (tmp_path / "bomb.pth").stat().st_size < 100_000
    with pytest.raises(RunError, match=r"claims to hold 40,\d+,\d+ bytes, but has \d+,\d+"):
        read(tmp_path / "bomb.pth")


def test_a_tensor_that_claims_more_than_there_is_takes_no_memory(tmp_path):
    """Strides of 0 let 4 bytes stand for a terabyte."""
    content = {"w": torch.zeros(1).expand(2**20, 2**18), "v": torch.ones(1)}
    found = read(saved(tmp_path / "a.pth", content))
    assert found["w"].untyped_storage().nbytes() == 4


def test_a_legacy_file_that_claims_more_than_there_is_is_damaged(tmp_path):
    path = saved(tmp_path / "a.pth", {"w": torch.ones(3)}, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    size = struct.pack("<q", 3)
    assert data.count(size) >= 1
    path.write_bytes(data.replace(size, struct.pack("<q", 2**40)))
    with pytest.raises(RunError, match="is damaged"):
        read(path)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.pth", b"", "is damaged"),
        ("a.pth", b"PK\x03\x04", "is damaged"),
        ("a.safetensors", b"", "is damaged or no safetensors file"),
        ("a.safetensors", b"\xff" * 64, "is damaged or no safetensors file"),
        ("a.pkl", b"", r"ends in '.pkl'; expected one of .pth, .pt, .safetensors"),
        ("gone/a.pth", None, "There is no file"),
        ("folder.pth", None, "Cannot read .*folder.pth: Is a directory"),
    ],
)
def test_what_is_no_such_file(tmp_path, name, data, sentence):
    (tmp_path / "folder.pth").mkdir()
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(RunError, match=sentence):
        read(tmp_path / name)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.ones(2)], torch.ones(2), {3: torch.ones(2)}])
def test_no_tensors_by_name(tmp_path, content):
    with pytest.raises(RunError, match="holds no tensors; expected a state dict"):
        read(saved(tmp_path / "a.pth", content))


def test_more_tensors_than_a_net_has(tmp_path):
    one = torch.ones(1)
    with pytest.raises(RunError, match=r"holds 10,001 tensors; expected at most 10,000"):
        read(saved(tmp_path / "a.pth", {str(i): one for i in range(MOST_TENSORS + 1)}))


_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def attempt(path, data):
    """A file of any bytes is read or refused in a sentence; no other exception, no warning."""
    path.write_bytes(data)
    try:
        read(path)
    except RunError as error:
        assert re.fullmatch(r"[^\n]+\.", str(error))


@_FUZZ
@given(data=st.binary(max_size=300), suffix=st.sampled_from([".pth", ".safetensors"]))
def test_random_bytes(tmp_path, data, suffix):
    attempt(tmp_path / f"a{suffix}", data)


@pytest.mark.parametrize("zipped", [True, False])
@_FUZZ
@given(draw=st.data())
def test_files_that_were_cut_or_changed(tmp_path, zipped, draw):
    buffer = io.BytesIO()
    torch.save(TENSORS, buffer, _use_new_zipfile_serialization=zipped)
    data = bytearray(buffer.getvalue())
    if draw.draw(st.booleans()):
        del data[draw.draw(st.integers(0, len(data))) :]
    for place in draw.draw(st.lists(st.integers(0, max(0, len(data) - 1)), max_size=4)):
        if data:
            data[place] = draw.draw(st.integers(0, 255))
    attempt(tmp_path / "a.pth", bytes(data))
