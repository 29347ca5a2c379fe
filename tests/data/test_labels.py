import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.core.errors import Cancelled, DataError
from latentlab.data import labels, load, tables
from latentlab.data.arrangement import UNSORTED
from latentlab.data.labels import read_tables
from latentlab.data.report import no_report

FILES = ["cats/1.png", "cats/2.png", "dogs/3.jpg", "dogs/4.jpg"]


def tell(*tables, paths=FILES, column="", **named):
    """What tables tell: the first is called labels.csv, others as they are named, with _csv for .csv."""
    names = {"labels.csv": tables[0]} if tables else {}
    names |= {name.replace("_csv", ".csv").replace("_txt", ".txt"): text for name, text in named.items()}
    content = {k: v.encode() if isinstance(v, str) else v for k, v in names.items()}
    readers = {name: lambda most, held=held: held[:most] for name, held in content.items()}
    return read_tables(readers, paths, column, no_report)


def classes(found):
    return None if found.labels is None else [found.label_names[label] for label in found.labels]


def reasons(found):
    return [skipped.reason for skipped in found.skipped]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_dialects(delimiter, encoding, newline):
    rows = ["file,größe,kind", "1.png,1.5,Kätzchen", "2.png,-2,Kätzchen", "3.jpg,1e3,Hund", "4.jpg,.5,Hund"]
    text = newline.join(row.replace(",", delimiter) for row in rows)
    found = tell(text.encode(encoding))
    assert classes(found) == ["Kätzchen", "Kätzchen", "Hund", "Hund"]
    assert found.label_names == ("Hund", "Kätzchen") and found.labels.dtype == np.int64
    assert list(found.factors) == ["größe"] and found.factors["größe"].dtype == np.float32
    assert found.factors["größe"].tolist() == [1.5, -2, 1000, 0.5]
    assert found.skipped == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_old_macs_and_quotes(newline):
    text = f'name,kind,note{newline}1.png,"a ""b"", c",x{newline}2.png,"two{newline}lines",y'
    assert classes(tell(text, paths=["1.png", "2.png", "3.png"], column="kind")) == [
        'a "b", c',
        "two lines",
        UNSORTED,
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["cats/1.png", "cats/2.png", "dogs/3.jpg", "dogs/4.jpg"],
        ["1.png", "2.png", "3.jpg", "4.jpg"],
        ["1", "2", "3", "4"],
        ["cats/1", "cats/2", "dogs/3", "dogs/4"],
        ["./cats/1.png", "/cats/2.png", "DOGS/3.JPG", "dogs\\4.jpg"],
        ["C:\\me\\set\\cats\\1.png", "../input/cats/2.png", "/home/x/3.jpg", "https://x.org/4.jpg"],
    ],
)
def test_how_a_file_may_be_named(names):
    text = "n,path,x\n" + "".join(f"{9 - i},{name},{i}\n" for i, name in enumerate(names))
    found = tell(text)
    assert found.factors["x"].tolist() == [0, 1, 2, 3] and found.skipped == ()


def test_a_name_that_two_files_have_means_neither():
    text = "file,x\n1.png,1\nb/1.png,2\nb/2.png,3\na/2.png,4\n"
    found = tell(text, paths=["a/1.png", "b/1.png", "a/2.png", "b/2.png"])
    assert reasons(found)[0] == "1 of its rows name no image here (first 1.png)"
    assert found.factors["x"].tolist() == [3, 2, 4, 3]  # the middle one where none is


def test_a_whole_path_comes_before_a_name():
    found = tell("file,x\n1.png,1\nb/1.png,2\n", paths=["b/1.png", "1.png"])
    assert found.factors["x"].tolist() == [2, 1]


def test_names_count_from_where_the_table_lies():
    paths = ["train/img/1.png", "test/img/1.png"]
    found = tell(
        paths=paths, **{"train/l_csv": "file,x\nimg/1.png,1\n", "test/l_csv": "file,x\nimg/1.png,2\n"}
    )
    assert found.factors["x"].tolist() == [1, 2] and found.skipped == ()


def test_the_column_that_names_most_is_the_key():
    text = "age,file\n1,4.jpg\n1,3.jpg\n2,2.png\n3,1.png\n"
    assert tell(text).factors["age"].tolist() == [3, 2, 1, 1]


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "list_attr_celeba.csv"])
def test_celeba(name):
    if name.endswith("txt"):
        text = "3\n5_o_Shadow Bald Smiling\n000001.jpg -1  1 -1\n000002.jpg  1 -1 -1\n000003.jpg -1 -1  1\n"
    else:
        text = (
            "image_id,5_o_Shadow,Bald,Smiling\n000001.jpg,-1,1,-1\n000002.jpg,1,-1,-1\n000003.jpg,-1,-1,1\n"
        )
    found = tell(paths=[f"img/00000{i}.jpg" for i in (1, 2, 3)], **{name: text})
    assert list(found.factors) == ["5_o_Shadow", "Bald", "Smiling"]
    assert found.factors["Bald"].tolist() == [1, -1, -1] and found.labels is None and found.skipped == ()


@pytest.mark.parametrize(
    ("header", "is_key"),
    [("id", True), ("Image_ID", True), ("file", True), ("filename", True), ("epoch", False), ("side", False)],
)
def test_bare_numbers_are_names_if_they_are_called_so(header, is_key):
    found = tell(f"{header},loss\n1,0.5\n2,0.4\n3,0.3\n4,0.2\n")
    assert ("loss" in found.factors) == is_key
    assert bool(reasons(found)) != is_key


def test_without_a_row_of_names():
    found = tell("1.png,cat,3\n2.png,cat,4\n3.jpg,dog,5\n4.jpg,dog,6\n")
    assert classes(found) == ["cat", "cat", "dog", "dog"] and list(found.factors) == ["column 3"]


# Which column the classes are


def table(**columns):
    lines = ["file", *FILES]
    for name, values in columns.items():
        for i, value in enumerate([name, *values]):
            lines[i] += f",{value}"
    return "\n".join(lines)


WORDS, DIGITS, OTHERS = ("x", "y", "x", "y"), (7, 10, 7, 9), ("p", "p", "q", "p")


@pytest.mark.parametrize(
    ("columns", "wanted", "expected"),
    [
        ({"n": DIGITS}, "", None),
        ({"n": DIGITS, "kind": WORDS, "other": OTHERS}, "", WORDS),
        ({"kind": WORDS, "Label": DIGITS}, "", ("7", "10", "7", "9")),
        ({"y": WORDS, "target": OTHERS}, "", OTHERS),
        ({"label": WORDS, "other": OTHERS}, "OTHER", OTHERS),
        ({"label": WORDS, "n": DIGITS}, "n", ("7", "10", "7", "9")),
        ({"caption": ("p", "q", "r", "s"), "kind": WORDS}, "", WORDS),
        ({"caption": ("p", "q", "r", "s")}, "", None),
        ({"caption": ("p", "q", "r", "s")}, "caption", ("p", "q", "r", "s")),
        ({"set": ("train", "test", "train", "Val"), "kind": WORDS}, "", WORDS),
        ({"label": ("", "x", "nan", "x")}, "", (UNSORTED, "x", UNSORTED, "x")),
        ({"label": ("1.0", "2.0", "", "1.0")}, "", ("1", "2", UNSORTED, "1")),
    ],
)
def test_which_column_the_classes_are(columns, wanted, expected):
    found = tell(table(**columns), column=wanted)
    assert classes(found) == (None if expected is None else list(expected))
    used = wanted.lower() or next((n for n in columns if columns[n] is expected), "label")
    numbers = [n for n, v in columns.items() if v is DIGITS and n.lower() != used]
    if expected is not None and "7" in expected:
        numbers = []
    assert list(found.factors) == numbers


def test_classes_are_in_natural_order():
    assert tell(table(label=(10, 9, 10, 100))).label_names == ("9", "10", "100")


def test_too_many_words_are_no_classes(monkeypatch):
    monkeypatch.setattr(labels, "MOST_CLASSES", 2)
    text = table(label=("p", "q", "r", "p"), kind=WORDS)
    assert classes(tell(text)) == list(WORDS)
    assert classes(tell(text, column="label")) == ["p", "q", "r", "p"]


def test_a_column_that_is_not_there():
    with pytest.raises(DataError, match=r"labels.csv has no column 'colour'; expected one of: kind, n\."):
        tell(table(kind=WORDS, n=DIGITS), column="colour")
    with pytest.raises(DataError, match="no table beside the images that could have the label column 'kind'"):
        tell(column="kind")


# Numbers


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("0", "1", "1", "0"), [0, 1, 1, 0]),
        (("True", "false", "TRUE", "False"), [1, 0, 1, 0]),
        (("1", "", "3", "10"), [1, 3, 3, 10]),
        (("1", "nan", "3", "NA"), [1, 1, 3, 1]),  # the lower of two is the middle
        (("inf", "2", "-inf", "4"), [2, 2, 2, 4]),
        (("1e99", "2", "3", "4"), [3, 2, 3, 4]),
        (("1", "", "", ""), None),
        (("", "", "", ""), None),
        (("1_000", "2", "3", "4"), None),
        (("1", "2", "3", "four"), None),
    ],
)
def test_numbers(values, expected):
    found = tell(table(label=WORDS, x=values))
    assert classes(found) == list(WORDS)
    if expected is None:
        assert found.factors == {}
    else:
        assert found.factors["x"].tolist() == expected


def test_missing_numbers_are_told():
    found = tell(table(label=WORDS, x=(1, "", 2, 3), y=("", 1, 2, 3), z=("", "", "", 1)))
    assert reasons(found) == [
        "2 missing numbers are filled with the middle one of their column (x, y)",
        "less than half of the numbers are there of z: left out",
    ]


def test_decimal_commas():
    found = tell("file;x\n1.png;1,5\n2.png;-2\n3.jpg;0,25\n4.jpg;1,0\n")
    assert found.factors["x"].tolist() == [1.5, -2, 0.25, 1]


# What does not fit together


def test_rows_and_files_that_are_alone():
    found = tell("file,label\n9.png,cat\n1.png,cat\n1.png,dog\n2.png,dog\n8.png,x\n,y\n")
    assert classes(found) == ["cat", "dog", UNSORTED, UNSORTED]
    assert found.label_names == ("cat", "dog", UNSORTED)
    assert reasons(found) == [
        "3 of its rows name no image here (first 9.png)",
        "1 of its rows name an image a second time; the first row counts",
        "2 of 4 images have no row (first dogs/3.jpg)",
    ]
    assert {skipped.path for skipped in found.skipped} == {"labels.csv"}


def test_a_table_about_many_more_images(monkeypatch):
    monkeypatch.setattr(labels, "_ROWS", 3)
    rows = "".join(f"{i},{i % 2}\n" for i in range(100, 120))
    found = tell("id,x\n" + rows + "".join(f"{i},{i}\n" for i in range(1, 5)) + rows)
    assert found.factors["x"].tolist() == [1, 2, 3, 4]
    assert reasons(found) == ["40 of its rows name no image here (first 100)"]


def test_rows_of_any_length():
    found = tell("file,a,b\n1.png,1\n2.png,2,3,4,5\n\n\n3.jpg\n4.jpg,5,6\n9.jpg,5,6\n")
    assert found.factors["a"].tolist() == [1, 2, 2, 5] and found.factors["b"].tolist() == [3, 3, 3, 6]


def test_several_tables():
    found = tell(
        "file,kind,age\n1.png,cat,1\n2.png,cat,2\n",
        test_csv="file,kind,age\n2.png,dog,9\n3.jpg,dog,3\n4.jpg,dog,4\n",
        more_csv="id,weight\n1,10\n2,20\n3,30\n4,40\n",
    )
    assert classes(found) == ["cat", "cat", "dog", "dog"] and found.skipped == ()
    assert found.factors["age"].tolist() == [1, 2, 3, 4]
    assert found.factors["weight"].tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is no table with two columns or more"),
        ("\n \n", "it is no table with two columns or more"),
        ("1.png\n2.png\n3.jpg\n", "it is no table with two columns or more"),
        ("epoch,loss\n100,0.5\n200,0.4\n", "no column of it names images that are here"),
        ("id,x\n" + "9,1\n" * 2000, "no column of it names images that are here"),
        ("file,x\n", "no column of it names images that are here"),
        (bytes(range(256)) * 30, None),
        ('file,x\n1.png,"' + "a" * 200_000, "it is damaged (field larger than field limit (131072))"),
    ],
)
def test_a_table_that_cannot_be_used(content, reason):
    found = tell(content, good_csv="file,x\n1.png,1\n2.png,1\n3.jpg,1\n4.jpg,2\n")
    assert found.factors["x"].tolist() == [1, 1, 1, 2]
    assert [skipped.path for skipped in found.skipped] == ["labels.csv"]
    assert reason is None or reasons(found) == [reason]
    assert tell(labels_txt=content).skipped == ()  # any text may be called so


def test_a_table_that_is_too_large(monkeypatch):
    for module in (labels, tables):
        monkeypatch.setattr(module, "MOST_BYTES", 2**20)
    found = tell("file,x\n1.png,1\n" + "\n" * 2**20)
    assert reasons(found) == ["it is a table of more than 1 MiB"] and found.factors == {}


def test_more_columns_than_are_used(monkeypatch):
    monkeypatch.setattr(labels, "MOST_COLUMNS", 2)
    found = tell(table(a=DIGITS, b=DIGITS, c=DIGITS))
    assert list(found.factors) == ["a", "b"]
    assert reasons(found) == ["1 of its columns are left out: at most 2 are used"]
    monkeypatch.setattr(labels, "MOST_CELLS", 3 * len(FILES) - 1)
    monkeypatch.setattr(labels, "MOST_COLUMNS", 9)
    found = tell(table(a=DIGITS, b=DIGITS), more_csv=table(b=DIGITS, c=DIGITS))
    assert list(found.factors) == ["a", "b"] and len(found.skipped) == 1


def test_names_can_be_shown():
    found = tell(f'file," a\n\tb\0 ","{"c" * 500}",label\n1.png,1,2,"x\u200b\n y"\n2.png,1,2,"{"z" * 500}"\n')
    assert list(found.factors) == ["a b", "c" * 80]
    assert found.label_names == ("x y", "z" * 80, UNSORTED)


def test_cancel():
    told = []

    def report(done, total):
        told.append(done)
        if len(told) == 3:
            raise Cancelled

    text = "file,x\n" + "".join(f"{i}.png,{i}\n" for i in range(9000))
    with pytest.raises(Cancelled):
        read_tables({"a.csv": lambda most: text.encode()}, ["1.png"], "", report)
    assert len(told) == 3


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8) | st.just("")
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    st.lists(st.tuples(CELLS, NUMBERS), min_size=3, max_size=20),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(max_examples=150, deadline=None)
def test_what_was_written_is_read(rows, delimiter, quoting, encoding):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting)
    writer.writerow(["name", "label", "number"])
    for i, (word, number) in enumerate(rows):
        writer.writerow([f"{i}.png", word, number])
    content = stream.getvalue().encode(encoding)
    found = read_tables(
        {"a.csv": lambda most: content}, [f"d/{i}.png" for i in range(len(rows))], "label", no_report
    )
    np.testing.assert_array_equal(found.factors["number"], np.array([n for _, n in rows], np.float32))
    for said, (word, _) in zip(classes(found), rows, strict=True):
        missing = word.strip().casefold() in labels._MISSING
        assert said == (UNSORTED if missing else labels._class_name(word, delimiter == ";"))
        if word.isalpha() and not missing:
            assert said == word


@given(st.binary(max_size=300) | st.text(st.sampled_from('1.png2,;"\n\t |ax'), max_size=80).map(str.encode))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_stands_in_it(content):
    found = read_tables({"a.csv": lambda most: content}, ["1.png", "2.png", "a.png"], "", no_report)
    for values in found.factors.values():
        assert values.dtype == np.float32 and values.shape == (3,) and np.isfinite(values).all()
    if found.labels is not None:
        assert found.labels.shape == (3,) and 0 <= found.labels.min() <= found.labels.max() < len(
            found.label_names
        )
    assert all("\n" not in skipped.reason for skipped in found.skipped)


# In a folder


def test_beside_the_images(tmp_path, write_image):
    for i in range(6):
        write_image(tmp_path / "images" / f"{i}.png", seed=i)
    (tmp_path / "labels.csv").write_text(
        "file,kind,age\n" + "".join(f"{i},{'pq'[i % 2]},{i}\n" for i in range(6))
    )
    found = load(str(tmp_path))
    assert found.class_counts() == {"p": 3, "q": 3} and found.skipped == ()
    assert found.factors["age"].tolist() == [0, 1, 2, 3, 4, 5]
    part = load(str(tmp_path), {"limit": 2})
    assert part.factors["age"].tolist() == [0, 3] and classes(part) == ["p", "q"]


def test_a_table_that_changes_is_read_again(tmp_path, write_image):
    write_image(tmp_path / "1.png")
    write_image(tmp_path / "2.png")
    (tmp_path / "labels.csv").write_text("file,label\n1.png,p\n2.png,q\n")
    assert load(str(tmp_path)).label_names == ("p", "q")
    (tmp_path / "labels.csv").write_text("file,label\n1.png,other\n2.png,q\n")
    assert load(str(tmp_path)).label_names == ("other", "q")
    (tmp_path / "labels.csv").unlink()
    assert load(str(tmp_path)).labels is None


def test_without_a_table_folders_are_classes(tmp_path, write_image):
    for name in ("a/1.png", "b/2.png"):
        write_image(tmp_path / name)
    (tmp_path / "a" / "notes.csv").write_text("epoch,y\n1,2\n2,2\n")
    found = load(str(tmp_path))
    assert found.label_names == ("a", "b") and [skipped.path for skipped in found.skipped] == ["a/notes.csv"]
