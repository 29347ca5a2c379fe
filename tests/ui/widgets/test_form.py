import math
import random
from typing import Literal

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QCheckBox, QColorDialog, QLineEdit

from latentlab.core.config import Config, setting
from latentlab.ui.widgets.colour_field import read_colour
from latentlab.ui.widgets.fields import (
    ChoiceField,
    FloatField,
    IntField,
    format_float,
    next_nice,
    parse_float,
)
from latentlab.ui.widgets.form import ConfigForm


class Example(Config):
    size: int = setting(16, "Latent size", "How many numbers describe an image.", ge=1, le=512)
    batch: int = setting(128, "Batch", "Images in a step.", ge=1, le=4096, log=True)
    warmup: int = setting(500, "KL warm-up", "Steps.", ge=0, le=10_000, unit="steps", zero="off")
    rate: float = setting(1e-4, "Learning rate", "Of Adam.", ge=1e-7, le=1.0, log=True)
    beta: float = setting(1.0, "β", "Weight of the KL term.", ge=0, le=10)
    clip: float = setting(0.0, "Clip", "Longest gradient.", ge=0, le=100, zero="off")
    seed: int = setting(0, "Seed", "Of everything random.", ge=0, le=2**48)
    average: bool = setting(True, "Average", "Keep an average of the weights.")
    kind: Literal["bernoulli", "gaussian"] = setting(
        "bernoulli", "Likelihood", "Of a pixel.", labels={"bernoulli": "Bernoulli", "gaussian": "Gaussian"}
    )
    width: Literal[1, 2, 4] = setting(2, "Width", "A factor.")
    note: str = setting("", "Note", "Anything.")


DEFAULTS = Example().model_dump()


@pytest.fixture
def form(qtbot):
    form = ConfigForm("model")
    qtbot.addWidget(form)
    form.set_config(Example)
    form.show()
    qtbot.waitExposed(form)
    return form


def type_into(field, text):
    field.setFocus()
    QApplication.processEvents()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def wheel(widget, steps=1):
    """Turn the wheel over a widget; whether it took the event."""
    centre = QPointF(widget.rect().center())
    event = QWheelEvent(
        centre,
        QPointF(widget.mapToGlobal(centre)),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_rows_have_names_and_accessible_names(form):
    for name in Example.model_fields:
        assert form.field(name).objectName() == f"model_{name}"
        assert form.field(name).accessibleName() == Example.model_fields[name].title
        assert form.field(name).isVisible()
    assert form.objectName() == "model_form"
    assert isinstance(form.field("size"), IntField)
    assert isinstance(form.field("rate"), FloatField)
    assert isinstance(form.field("average"), QCheckBox)
    assert isinstance(form.field("kind"), ChoiceField)
    assert isinstance(form.field("note"), QLineEdit)


def test_the_tooltip_says_help_and_range(form):
    tip = form.field("size").toolTip()
    assert "How many numbers" in tip
    assert "from 1 to 512" in tip
    assert "0 means off" in form.field("warmup").toolTip()
    assert form._rows["size"].label.toolTip() == f"Latent size\n{tip}"


def test_defaults_round_trip(form):
    assert form.values() == DEFAULTS
    assert {k: type(v) for k, v in form.values().items()} == {k: type(v) for k, v in DEFAULTS.items()}


@pytest.mark.parametrize(
    "values",
    [
        {"rate": 1e-4},
        {"rate": 0.00012345678901234567},
        {"rate": 0.1 + 0.2},
        {"beta": math.pi},
        {"seed": 2**48},
        {"seed": 2**31},
        {"kind": "gaussian", "width": 4, "average": False, "note": "ä β ✓"},
        {"warmup": 0, "clip": 0.0, "size": 512},
    ],
)
def test_values_round_trip_exactly_and_silently(form, qtbot, values):
    with qtbot.assertNotEmitted(form.changed):
        form.set_values(values)
    assert form.values() == DEFAULTS | values


def test_random_floats_survive_focus_and_return(form, qtbot):
    rng = random.Random(0)
    field = form.field("rate")
    for _ in range(50):
        value = 10 ** rng.uniform(-7, 0)
        form.set_values({"rate": value})
        field.setFocus()
        QTest.keyClick(field, Qt.Key.Key_Return)
        form.field("size").setFocus()
        assert form.values()["rate"] == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-4, "1e-4"), (0.0002, "2e-4"), (0.001, "0.001"), (1.0, "1"), (0.25, "0.25"), (0.0, "0")],
)
def test_floats_are_shown_short(value, text):
    assert format_float(value) == text


def test_short_texts_read_back_exactly():
    rng = random.Random(1)
    for _ in range(2000):
        value = rng.choice((-1, 1)) * 10 ** rng.uniform(-20, 12)
        assert float(format_float(value)) == value


def test_numbers_are_read_as_people_write_them():
    assert parse_float("1e-4") == 1e-4
    assert parse_float("0,5") == 0.5
    assert parse_float("−3") == -3
    for text in ("nan", "inf", "", "abc"):
        assert parse_float(text) is None


def test_typing_a_number_emits_once_with_the_field(form, qtbot):
    got = []
    form.changed.connect(got.append)
    type_into(form.field("rate"), "2e-4")
    assert got == ["rate"]
    assert form.values()["rate"] == 2e-4
    type_into(form.field("size"), "64")
    assert got == ["rate", "size"]
    assert form.values()["size"] == 64


def test_half_typed_numbers_are_in_values(form):
    field = form.field("size")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "77")
    assert form.values()["size"] == 77


def test_what_is_out_of_range_or_no_number_is_refused(form):
    type_into(form.field("size"), "9999")
    assert 1 <= form.values()["size"] <= 512
    type_into(form.field("rate"), "abc")
    assert form.values()["rate"] == 1e-4
    type_into(form.field("beta"), "-1")
    assert form.values()["beta"] >= 0


def test_words_and_units(form):
    field = form.field("warmup")
    assert field.text() == "500 steps"
    type_into(field, "0")
    assert field.text() == "off"
    assert form.values()["warmup"] == 0
    type_into(field, "20")
    assert field.text() == "20 steps"
    type_into(field, "off")
    assert form.values()["warmup"] == 0
    assert form.field("clip").text() == "off"


def test_logarithmic_fields_step_by_factors(form):
    form.field("rate").stepUp()
    assert form.values()["rate"] == 2e-4
    form.field("rate").stepDown()
    form.field("rate").stepDown()
    assert form.values()["rate"] == 5e-5
    form.field("batch").stepUp()
    assert form.values()["batch"] == 256
    form.field("batch").stepDown()
    form.field("batch").stepDown()
    assert form.values()["batch"] == 64


def test_linear_fields_step_cleanly(form):
    for _ in range(3):
        form.field("beta").stepUp()
    assert form.values()["beta"] == 1.3


def test_nice_numbers():
    assert [next_nice(x, True) for x in (1, 1.5, 2, 5, 7)] == [2, 2, 5, 10, 10]
    assert [next_nice(x, False) for x in (1, 1.5, 2, 10)] == [0.5, 1, 1, 5]


def test_checkbox_choice_and_text_emit(form, qtbot):
    got = []
    form.changed.connect(got.append)
    QTest.mouseClick(form.field("average"), Qt.MouseButton.LeftButton, pos=QPoint(8, 10))
    form.field("kind").setFocus()
    QTest.keyClick(form.field("kind"), Qt.Key.Key_Down)
    type_into(form.field("note"), "hello")
    assert got == ["average", "kind", "note"]
    assert form.field("kind").currentText() == "Gaussian"
    assert form.field("kind").currentData() == "gaussian"
    assert form.values() == DEFAULTS | {"average": False, "kind": "gaussian", "note": "hello"}


def test_the_baseline_marks_what_differs(form):
    assert form.differing() == ()
    form.set_baseline(DEFAULTS)
    assert form.differing() == ()
    form.set_values({"rate": 0.5})
    assert form.differing() == ("rate",)
    type_into(form.field("warmup"), "0")
    assert form.differing() == ("warmup", "rate")
    form.set_values(DEFAULTS)
    assert form.differing() == ()
    form.set_baseline({"warmup": 10})
    assert form.differing() == ("warmup",)
    form.set_baseline(None)
    assert form.differing() == ()


def test_skipped_fields_have_no_row_but_keep_their_value(qtbot):
    form = ConfigForm("model", skip={"seed"})
    qtbot.addWidget(form)
    form.set_config(Example, {"seed": 5})
    assert form.findChild(IntField, "model_seed") is None
    assert form.values()["seed"] == 5


def test_unknown_fields_are_named(form):
    with pytest.raises(KeyError, match="nonsense"):
        form.set_values({"nonsense": 1})


def test_another_config_replaces_the_rows(form):
    class Other(Config):
        size: int = setting(3, "Size", "Other.", ge=0, le=9)

    form.set_config(Other, {"size": 4})
    assert form.values() == {"size": 4}
    found = [w for w in form.findChildren(IntField) if w.objectName() == "model_size"]
    assert len(found) == 1
    assert found[0].value() == 4


def test_locked_rows_say_why(form):
    form.set_field_enabled("size", False, "Needs a new network.")
    assert not form.field("size").isEnabled()
    assert "Needs a new network." in form.field("size").toolTip()
    form.set_field_enabled("size", True)
    assert "Needs" not in form.field("size").toolTip()


@pytest.mark.parametrize("name", ["size", "rate", "kind"])
def test_the_wheel_is_left_to_the_page_unless_the_field_has_the_focus(form, name):
    form.set_values({"kind": "gaussian"})
    field, before = form.field(name), form.values()
    form.field("note").setFocus()
    assert not wheel(field)  # what a widget does not accept goes to the one around it
    assert form.values() == before
    assert not field.hasFocus()
    field.setFocus()
    assert wheel(field)
    assert form.values()[name] != before[name]


def test_prefixes_work_too(qtbot):
    field = IntField(minimum=0, maximum=99_999)
    qtbot.addWidget(field)
    field.setPrefix("seed ")
    field.show()
    type_into(field, "41")
    assert field.value() == 41
    assert field.text() == "seed 41"
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == 41


class Grouped(Config):
    kind: Literal["soft", "hard"] = setting(
        "soft", "Loss", "What is minimised.", labels={"soft": "Soft loss", "hard": "Hard loss"}
    )
    width: int = setting(16, "Width", "Of the net.", ge=4, le=64, live=False)
    margin: float = setting(0.1, "Margin", "Of the hard loss.", only={"kind": ("hard",)}, group="Shape")
    noise: float = setting(0.0, "Noise", "On inputs.", ge=0, le=1, zero="off", live=True, group="Shape")
    noise_steps: int = setting(
        100, "Noise ends", "Steps.", ge=1, le=1000, group="Shape", only={"kind": ("soft", "hard")}
    )
    cutout: bool = setting(False, "Cut out", "Of images.", group="Images")
    late: int = setting(1, "Late", "Of a sub-class: without a group, but after those with one.", ge=0, le=9)


@pytest.fixture
def grouped(qtbot):
    form = ConfigForm("model", strict=True)
    qtbot.addWidget(form)
    form.set_config(Grouped)
    form.resize(262, 400)
    form.show()
    qtbot.waitExposed(form)
    return form


def section(form, name):
    return form.findChild(QAbstractButton, f"model_section_{name}")


def shown(form):
    return [name for name in Grouped.model_fields if form.field(name).isVisible()]


def test_groups_begin_folded_below_what_has_none_and_open_by_mouse_and_keys(grouped):
    assert shown(grouped) == ["kind", "width", "late"]
    assert grouped.values() == Grouped().model_dump()
    heard = []
    grouped.group_toggled.connect(lambda *toggled: heard.append(toggled))
    shape = section(grouped, "shape")
    assert shape.accessibleName() == "Shape settings" and shape.accessibleDescription() == "Folded"
    QTest.mouseClick(shape, Qt.MouseButton.LeftButton)
    assert shown(grouped) == ["kind", "width", "margin", "noise", "noise_steps", "late"]
    assert shape.accessibleDescription() == "Open"
    for key, state in ((Qt.Key.Key_Left, False), (Qt.Key.Key_Right, True), (Qt.Key.Key_Return, False)):
        QTest.keyClick(shape, key)
        assert shape.isChecked() is state and grouped.field("noise").isVisible() is state
    assert heard == [("Shape", True), ("Shape", False), ("Shape", True), ("Shape", False)]
    QApplication.processEvents()
    lines = [grouped.field(n).y() for n in ("kind", "width", "late")] + [
        shape.y(),
        section(grouped, "images").y(),
    ]
    assert lines == sorted(lines)


def test_a_folded_heading_carries_the_dot_of_what_differs_in_it(grouped):
    grouped.set_baseline(Grouped().model_dump())
    shape, images = section(grouped, "shape"), section(grouped, "images")
    assert not shape.dot.on
    grouped.set_values({"noise": 0.5})
    assert shape.dot.on and not images.dot.on
    assert "Noise" in shape.toolTip()
    shape.setChecked(True)
    assert not shape.dot.on and grouped.differing() == ("noise",)  # the row's own dot says it now
    shape.setChecked(False)
    grouped.set_values({"noise": 0.0})
    assert not shape.dot.on and "differs" not in shape.toolTip().lower()


def test_what_has_no_effect_is_greyed_says_why_and_follows_edits_at_once(grouped):
    margin = grouped.field("margin")
    assert not margin.isEnabled() and grouped.field("noise_steps").isEnabled()
    assert margin.toolTip().endswith("Only with loss: Hard loss.")
    grouped.field("kind").setFocus()
    QTest.keyClick(grouped.field("kind"), Qt.Key.Key_Down)
    assert margin.isEnabled() and "Only with" not in margin.toolTip()
    grouped.set_values({"kind": "soft"})
    assert not margin.isEnabled()
    grouped.set_field_enabled("margin", False, "Because.")
    grouped.set_values({"kind": "hard"})
    assert not margin.isEnabled() and margin.toolTip().endswith("Because.")


def test_groups_stay_open_over_another_config_and_back(grouped):
    section(grouped, "images").setChecked(True)
    grouped.set_config(Example)
    assert section(grouped, "images") is None
    grouped.set_config(Grouped)
    assert section(grouped, "images").isChecked() and not section(grouped, "shape").isChecked()
    assert grouped.field("cutout").isVisible()


def test_settled_follows_where_a_person_is_done_with_a_field(grouped):
    heard = []
    grouped.changed.connect(lambda name: heard.append(("changed", name)))
    grouped.settled.connect(lambda name: heard.append(("settled", name)))
    width = grouped.field("width")
    width.setFocus()
    width.stepUp()
    assert heard == [("changed", "width")]
    QTest.keyClick(width, Qt.Key.Key_Return)
    assert heard == [("changed", "width"), ("settled", "width")]
    heard.clear()
    grouped.field("kind").setFocus()  # leaving the number settles it too
    heard.clear()
    QTest.keyClick(grouped.field("kind"), Qt.Key.Key_Down)
    assert heard == [("changed", "kind"), ("settled", "kind")]


@pytest.mark.parametrize("text", ["999", "3"])
def test_a_strict_form_refuses_with_field_value_and_range(grouped, text):
    heard, changed = [], []
    grouped.refused.connect(heard.append)
    grouped.changed.connect(changed.append)
    type_into(grouped.field("width"), text)
    assert heard == [f"Width: {text} is not allowed; expected a whole number from 4 to 64."]
    assert grouped.values()["width"] == 16 and grouped.field("width").text() == "16" and changed == []


def test_what_is_being_typed_survives_the_same_value_from_outside(grouped):
    width = grouped.field("width")
    width.setFocus()
    width.selectAll()
    QTest.keyClicks(width, "3")
    grouped.set_values({"width": 16, "kind": "hard"})
    assert width.text() == "3"
    grouped.set_values({"width": 20})
    assert width.text() == "20"


def test_hints_stand_only_with_what_no_training_takes_over(grouped):
    grouped.set_hint_of_fixed("Next run.")
    assert grouped.field("width").toolTip().endswith("Next run.")
    assert "Next run" not in grouped.field("noise").toolTip()
    grouped.set_hint_of_fixed("")
    assert "Next run" not in grouped.field("width").toolTip()


def test_one_of_something_is_said_in_the_singular(form):
    form.set_values({"warmup": 1})
    assert form.field("warmup").text() == "1 step"
    QTest.keyClick(form.field("warmup"), Qt.Key.Key_Return)
    assert form.values()["warmup"] == 1
    type_into(form.field("warmup"), "2 steps")
    assert form.values()["warmup"] == 2


class Coloured(Config):
    side: int = setting(8, "Side", "Of the square.", ge=1, le=64)
    behind: str = setting("#000000", "Background", "What is behind it.", colour=True)
    flip: Literal["none", "both"] = setting(
        "none", "Flip", "Mirrored.", labels={"none": "never", "both": "both ways"}, group="Augmentation"
    )
    turn: float = setting(0, "Rotate", "Turned.", ge=0, le=180, unit="°", zero="never", group="Augmentation")


@pytest.fixture
def coloured(qtbot):
    form = ConfigForm("data", telling=True)
    qtbot.addWidget(form)
    form.set_config(Coloured)
    form.show()
    qtbot.waitExposed(form)
    return form


@pytest.mark.parametrize(
    "typed, read",
    [
        ("#ff8000", "#ff8000"),
        ("FF8000", "#ff8000"),
        (" #fa0 ", "#ffaa00"),
        ("white", "#ffffff"),
        ("transparent", ""),
        ("#80ff8000", ""),
        ("#ff80", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_colours_are_read_as_people_write_them(typed, read):
    assert read_colour(typed) == read


def test_a_colour_is_typed_and_shown_in_its_swatch(coloured, qtbot):
    field, changes = coloured.field("behind"), []
    coloured.changed.connect(lambda name: changes.append((name, coloured.values()["behind"])))
    type_into(field, "#FA0")
    assert changes == [("behind", "#ffaa00")]
    assert field.text() == "#ffaa00"
    swatch = field.swatch
    assert swatch.objectName() == "data_behind_swatch" and "Background" in swatch.accessibleName()
    middle = swatch.grab().toImage().pixelColor(swatch.grab().width() // 2, swatch.grab().height() // 2)
    assert middle.name() == "#ffaa00"


def test_what_is_no_colour_goes_back_to_what_it_was(coloured):
    type_into(coloured.field("behind"), "#123456")
    type_into(coloured.field("behind"), "#12zz")
    assert coloured.field("behind").text() == "#123456"
    assert coloured.values()["behind"] == "#123456"


@pytest.mark.parametrize("by", ["mouse", "keys"])
def test_a_colour_is_chosen_from_a_palette(coloured, qtbot, by):
    field, changes = coloured.field("behind"), []
    coloured.changed.connect(changes.append)
    if by == "mouse":
        QTest.mouseClick(field.swatch, Qt.MouseButton.LeftButton)
    else:
        QTest.keyClick(field, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    palette = field.findChild(QColorDialog, "data_behind_palette")
    assert palette is not None and palette.isVisible() and not palette.isModal()
    palette.setCurrentColor(QColor("#00ff88"))
    palette.accept()
    assert coloured.values()["behind"] == "#00ff88"
    assert changes == ["behind"]


def test_a_palette_that_is_closed_changes_nothing(coloured):
    changes = []
    coloured.changed.connect(changes.append)
    coloured.field("behind").choose()
    palette = coloured.field("behind").findChild(QColorDialog)
    palette.setCurrentColor(QColor("#00ff88"))
    palette.reject()
    assert coloured.values()["behind"] == "#000000" and changes == []


def test_a_heading_tells_what_is_set_below_it(coloured):
    section = coloured.findChild(QAbstractButton, "data_section_augmentation")
    assert section.accessibleDescription() == "Folded"
    coloured.set_values({"flip": "both", "turn": 15.0})
    assert section.accessibleDescription() == "Folded: flip both ways, rotate 15°"
    assert section.toolTip().startswith("Augmentation: flip both ways, rotate 15°.")
    coloured.set_values({"flip": "none", "turn": 0.0})
    assert section.accessibleDescription() == "Folded"
