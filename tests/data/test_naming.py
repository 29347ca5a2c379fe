import os

import pytest

from latentlab.data.naming import natural_key, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a folder/cat 1.png", "a folder/cat 1.png"),
        ("näive 猫\u3000\N{CAT FACE}.png", "näive 猫\u3000\N{CAT FACE}.png"),
        ("می\u200cخواهم.png", "می\u200cخواهم.png"),  # a non-joiner is part of the word
        ("new\nline\ttab\x1b[31m.png", "new\ufffdline\ufffdtab\ufffd[31m.png"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),  # it would be read as exe.png
        ("two\u2028lines\x85.png", "two\ufffdlines\ufffd.png"),
        (os.fsdecode(b"caf\xe9.png"), "caf\ufffd.png"),
    ],
)
def test_a_name_can_be_shown(name, shown):
    assert printable(name) == shown == printable(shown)
    assert len(shown.splitlines()) == 1


def test_a_number_of_any_length_can_be_sorted():
    names = ["9" * 60_000, "8" * 60_000, "10", "9", "x"]
    assert sorted(names, key=natural_key) == ["9", "10", "8" * 60_000, "9" * 60_000, "x"]
