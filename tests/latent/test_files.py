"""Latents as files: back to the last bit, and every kind of damage."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentlab.core.errors import ConfigError, RunError
from latentlab.latent.files import holds_latents, load_latents, read_latents, save_latents

FINITE = {"allow_nan": False, "allow_infinity": False}
Z = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)


def test_latents_come_back_to_the_last_bit_with_what_is_known_of_them(tmp_path):
    path = tmp_path / "z.npz"
    save_latents(path, Z, names=["a.png", "bär.png", "c", "d", "e"], run="first", step=7)
    assert np.array_equal(load_latents(path, 4), Z) and load_latents(str(path)).dtype == np.float32
    with np.load(path, allow_pickle=False) as held:  # any numpy reads it
        assert held["names"].tolist() == ["a.png", "bär.png", "c", "d", "e"]
        assert (str(held["run"]), int(held["step"])) == ("first", 7)
    save_latents(path, Z[:2])
    assert np.array_equal(load_latents(path), Z[:2])
    assert [p.name for p in tmp_path.iterdir()] == ["z.npz"]


@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(width=32, **FINITE)
    ),
    st.sampled_from([".npz", ".json", ".JSON"]),
    st.data(),
)
def test_names_and_latents_come_back_from_every_format(tmp_path_factory, z, ending, data):
    # NumPy's strings end before zeros, and no file holds halves of a character's pair.
    letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    names = data.draw(st.lists(letters, min_size=len(z), max_size=len(z)))
    path = tmp_path_factory.mktemp("z") / f"z{ending}"
    save_latents(path, z, names=names, run="first", step=7)
    found, back = read_latents(path, z.shape[1])
    assert found == names and back.dtype == np.float32 and back.tobytes() == z.tobytes()


def test_latents_without_names_are_called_after_their_file(tmp_path):
    np.save(tmp_path / "one.npy", Z[0])
    np.savez(tmp_path / "few.npz", z=Z[:2], names=np.array(["too", "many", "names"]))
    assert read_latents(tmp_path / "one.npy")[0] == ["one"]
    assert read_latents(tmp_path / "few.npz")[0] == ["few 1", "few 2"]


def test_an_npz_of_images_or_damage_holds_no_latents(tmp_path):
    save_latents(tmp_path / "ours.npz", Z)
    np.savez(tmp_path / "images.npz", images=np.zeros((3, 8, 8), np.uint8))
    np.savez(tmp_path / "called.npz", z=np.zeros((3, 8, 8), np.uint8))
    np.savez(tmp_path / "deep.npz", z=np.zeros((3, 8, 8), np.float32))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "ours.npz").read_bytes()[:90])
    held = {path.name for path in tmp_path.iterdir() if holds_latents(path)}
    assert held == {"ours.npz"} and not holds_latents(tmp_path / "none.npz")


def test_other_writers(tmp_path):
    np.save(tmp_path / "one.npy", Z[0].astype(np.float64))
    np.save(tmp_path / "order.npy", np.asfortranarray(Z).astype(">f4"))
    np.savez_compressed(tmp_path / "alone.npz", Z.astype(np.float16))
    np.savez(tmp_path / "several.npz", other=Z[:1], z=Z)
    (tmp_path / "several.npz").rename(tmp_path / "several.latents")
    assert np.array_equal(load_latents(tmp_path / "one.npy", 4), Z[:1])
    assert np.array_equal(load_latents(tmp_path / "order.npy"), Z)
    np.testing.assert_allclose(load_latents(tmp_path / "alone.npz"), Z, atol=2e-3)
    assert np.array_equal(load_latents(tmp_path / "several.latents"), Z)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "z.npz"
    save_latents(path, Z)
    with pytest.raises(ValueError):
        save_latents(path, Z, names=["one"])
    with pytest.raises(RunError, match=r"^Cannot write .*missing.*: No such file"):
        save_latents(tmp_path / "missing" / "z.npz", Z)
    with pytest.raises(ConfigError, match=r"ends in '\.npy', expected \.npz or \.json\.$"):
        save_latents(tmp_path / "z.npy", Z)
    assert np.array_equal(load_latents(path), Z)
    assert [p.name for p in tmp_path.iterdir()] == ["z.npz"]


def _npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), **options)
    return file.getvalue()


def _claiming(shape, dtype="<f4", content=b"\0" * 64):
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def _npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def _flipped(content, place):
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _pickled(array):
    return _npy(np.array(array, object), allow_pickle=True)


@pytest.mark.parametrize("wrapped", [False, True], ids=["npy", "npz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_pickled([[1.0, {}]]), "holds an array of object; expected floating-point numbers"),
        (_npy(np.zeros((2, 4), np.int64)), "holds an array of int64"),
        (_npy(np.zeros((2, 4), np.complex64)), "holds an array of complex64"),
        (_npy(np.array([["a"]])), "holds an array of <U1"),
        (_npy(np.zeros((2, 4, 1), np.float32)), r"shape \(2, 4, 1\); expected \(N, D\)"),
        (_npy(np.float32(1)), r"shape \(\)"),
        (_npy(np.zeros((0, 4), np.float32)), r"shape \(0, 4\)"),
        (_npy(np.float32([[1, np.nan]])), "not finite"),
        (_npy(np.array([[1, 1e300]])), "not finite"),
        (_claiming((10**12, 16)), "claims to hold 16,000,000,000,000 numbers"),
        (_claiming((10**6, 2, 10**9)), "expected \\(N, D\\)"),
        (_claiming((-1, 4)), r"shape \(-1, 4\)"),
        (_claiming((100, 4)), "is damaged"),
        (_npy(Z)[:-1], "is damaged"),
        (_npy(Z)[:30], "is damaged"),
        (_npy(Z)[:4], "no NPZ or NPY file"),
        (b"\x93NUMPY\x09\x00" + b"\0" * 200, "NPY version 9.0"),
        (b"", "no NPZ or NPY file"),
        (b"\x80\x04\x95K.", "no NPZ or NPY file"),
    ],
)
def test_damage_is_told_in_a_sentence(tmp_path, wrapped, content, message):
    path = tmp_path / "z.bin"
    path.write_bytes(_npz(z=content) if wrapped else content)
    with pytest.raises(RunError, match=message) as caught:
        load_latents(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


WHOLE = _npz(z=_npy(Z))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_npz(), "no array"),
        (_npz(a=_npy(Z), b=_npy(Z)), "the arrays a, b; expected one that is called z"),
        (WHOLE[: len(WHOLE) // 2], "is no NPZ|is damaged"),
        (_flipped(WHOLE, 180), "is damaged: Bad CRC"),
        (_flipped(WHOLE, 0), "is damaged"),
    ],
    ids=["empty", "two", "cut", "flipped", "head"],
)
def test_a_damaged_archive_is_told_in_a_sentence(tmp_path, content, message):
    (tmp_path / "z.npz").write_bytes(content)
    with pytest.raises(RunError, match=message):
        load_latents(tmp_path / "z.npz")


def test_any_flipped_byte_is_read_or_refused(tmp_path):
    path = tmp_path / "z.npz"
    for place in range(0, len(WHOLE), 7):
        path.write_bytes(_flipped(WHOLE, place))
        try:
            assert load_latents(path).shape[0] >= 1
        except RunError as error:
            assert str(path) in str(error)


def test_latents_of_another_model_and_files_that_are_not_there(tmp_path):
    save_latents(tmp_path / "z.npz", Z)
    with pytest.raises(ConfigError, match=r"z\.npz holds latents of 4 numbers; this model has 16\.$"):
        load_latents(tmp_path / "z.npz", 16)
    with pytest.raises(RunError, match=r"^Cannot read .*none\.npz: No such file or directory\.$"):
        load_latents(tmp_path / "none.npz")
    with pytest.raises(RunError, match=r"^Cannot read .*: Is a directory"):
        load_latents(tmp_path)
