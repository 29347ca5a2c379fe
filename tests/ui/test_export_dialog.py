"""The export-grid dialog: what is previewed is written, and says where it came from."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import shiboken6
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget

import latentlab
from latentlab import data, run
from latentlab.core.config import Config, describe, setting
from latentlab.core.errors import ConfigError
from latentlab.export.base import write_picture
from latentlab.export.layout import Layout
from latentlab.export.state import read_state
from latentlab.latent import samplers
from latentlab.run import grids
from latentlab.run.grids import GRIDS, Grid, GridSource, compose
from latentlab.ui.directions_state import Item
from latentlab.ui.export_dialog import ExportGridDialog
from latentlab.ui.export_state import GridMaker, material, same
from latentlab.ui.reconstruction import Reconstruction, Sought
from latentlab.ui.session import Session
from latentlab.ui.widgets.form import ConfigForm

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", {"size": 8})


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    """Of a dense VAE of 5 dimensions on 8x8 digits, after ten steps."""
    plan = run.plan("vae-mlp", {"latent_size": 5}, {"batch_size": 64, "steps": 10, "device": "cpu"})
    place = tmp_path_factory.mktemp("trained") / "first rün"
    for _ in run.begin(digits, plan, place).events():
        pass
    return place


@pytest.fixture
def session(qtbot, folder, digits, tmp_path):
    """A session without a window: the run is open, the dataset there, one bookmark kept."""
    session = Session()
    session.said = []
    session.notified.connect(session.said.append)
    session.settings = session.settings.updated(export_folder=str(tmp_path))
    (folder / "bookmarks.json").unlink(missing_ok=True)  # those of the test before
    session.sampler.start()
    session.open_run(folder)
    qtbot.waitUntil(lambda: session.run is not None and session.latent.model is not None, timeout=20_000)
    session.dataset = digits
    session.bookmarks.add(name="kept")
    yield session
    assert session.close(seconds=10)
    session.deleteLater()


@pytest.fixture
def shown(session, qtbot):
    """shown(source="seeds"): a dialog whose picture is there."""
    dialogs = []

    def shown(**given):
        dialog = ExportGridDialog(session, **given)
        dialogs.append(dialog)
        dialog.show()
        wait_for(qtbot, dialog)
        return dialog

    yield shown
    for dialog in dialogs:
        if shiboken6.isValid(dialog):
            dialog.close()


@pytest.fixture
def dialog(shown):
    """Of three rows and four columns of seeds."""
    return shown(source="seeds", settings={"rows": 3, "columns": 4})


@pytest.fixture
def own_source(monkeypatch):
    """own_source(Kind): a source more, under the key "own"."""

    def own_source(kind):
        kind.key = "own"
        monkeypatch.setitem(GRIDS._entries, "own", kind)

    return own_source


def wait_for(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.picture() is not None, timeout=20_000)


def the(dialog, name):
    (found,) = dialog.findChildren(QWidget, name)
    return found


def choose(dialog, name, value):
    combo = the(dialog, name)
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def name_file(qtbot, dialog, path):
    """Type a path, and wait until it is known what is there."""
    the(dialog, "export_path").setText(str(path))
    qtbot.waitUntil(lambda: not dialog.target.looking, timeout=5_000)


def press_save(qtbot, dialog):
    qtbot.waitUntil(the(dialog, "export_save").isEnabled, timeout=20_000)
    qtbot.mouseClick(the(dialog, "export_save"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog._job is None, timeout=20_000)


def save(qtbot, dialog, path):
    name_file(qtbot, dialog, path)
    press_save(qtbot, dialog)


def message(dialog):
    return the(dialog, "export_message").accessibleName()


@pytest.mark.parametrize("source", list(GRIDS))
def test_what_is_previewed_is_written_with_what_it_came_from(session, shown, qtbot, tmp_path, source):
    dialog = ExportGridDialog(session, source=source)
    if reason := dialog._obstacle_of(source):
        assert the(dialog, "export_obstacle").accessibleName() == reason
        assert not the(dialog, "export_save").isEnabled()
        dialog.show()
        dialog.close()
        return
    dialog.close()
    dialog = shown(source=source)
    assert dialog.settings.key == the(dialog, "export_source").currentData() == source
    picture = dialog.picture()
    assert dialog.preview.picture is picture
    save(qtbot, dialog, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image), picture)
    state = read_state(tmp_path / "grid.png")
    assert (state.run, state.fingerprint, state.step) == (session.run.name, session.run.fingerprint, 10)
    assert state.source == source and state.layout == Layout().model_dump()
    np.testing.assert_array_equal(state.present(), session.latent.z)
    np.testing.assert_array_equal(state.tiles(), dialog.maker.made.grid.latents)
    assert message(dialog) == "Written: grid.png"
    assert session.said[-1].text == f"Written: {tmp_path / 'grid.png'}"
    again = shown(source=state.source, settings=state.settings, layout=state.layout)
    np.testing.assert_array_equal(again.picture(), picture)


def test_the_tiles_are_what_the_run_on_disk_gives(session, dialog, folder):
    opened = latentlab.open_run(folder)
    np.testing.assert_array_equal(dialog.maker.made.grid.tiles, opened.pixels(opened.latents(12)))
    assert dialog.picture().shape[:2] == (3 * (8 + 2) + 2, 4 * (8 + 2) + 2)
    size = the(dialog, "export_size").text()
    assert size.startswith("42 × 32 pixels · PNG · step 10 · shown at ") and size.endswith("00%")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    seed=st.integers(0, 2**31 - 40),
    truncation=st.floats(0, 2),
    layout=st.builds(
        Layout,
        scale=st.integers(1, 4),
        resampling=st.sampled_from(["nearest", "smooth"]),
        spacing=st.integers(0, 9),
        border=st.integers(0, 9),
        background=st.sampled_from(["#000000", "#ffffff", "#3060a0"]),
        labels=st.sampled_from(["none", "rows", "columns", "both"]),
        caption=st.sampled_from(["", "größer"]),
    ),
    suffix=st.sampled_from([".png", ".webp", ".tiff"]),
)
def test_whatever_is_set_is_written_as_it_is_previewed(
    session, qtbot, tmp_path, rows, columns, seed, truncation, layout, suffix
):
    maker, path = GridMaker(session, session), tmp_path / f"grid{suffix}"
    values = {"rows": rows, "columns": columns, "seed": seed, "truncation": truncation}
    maker.ask("seeds", values, layout)
    qtbot.waitUntil(lambda: maker.laid is not None, timeout=10_000)
    laid = maker.laid
    write_picture(path, laid.picture, laid.state)
    with Image.open(path) as image:
        written = np.asarray(image.convert("RGB"))
    wanted = laid.picture if laid.picture.ndim == 3 else laid.picture[..., None].repeat(3, 2)
    np.testing.assert_array_equal(written, wanted)
    if layout.labels == "none" and not layout.caption:
        sides = [count * (8 * layout.scale + layout.spacing) for count in (rows, columns)]
        assert laid.picture.shape[:2] == tuple(s - layout.spacing + 2 * layout.border for s in sides)
    state = read_state(path)
    assert state.settings == values and Layout(**state.layout) == layout
    assert state.seeds == tuple(range(seed, seed + rows * columns))
    np.testing.assert_array_equal(
        state.tiles(), samplers.draw(session.latent.model, range(seed, seed + rows * columns), truncation)
    )


@pytest.mark.parametrize("source", list(GRIDS))
def test_no_setting_of_a_source_has_the_name_of_one_of_the_layout(source):
    assert not set(GRIDS.get(source).Config.model_fields) & set(Layout.model_fields)


@pytest.mark.parametrize("source", list(GRIDS))
def test_every_field_is_named_once_spoken_and_explained(session, source):
    dialog = ExportGridDialog(session, source=source)
    names = [f"export_{spec.name}" for spec in (*describe(GRIDS.get(source).Config), *describe(Layout))]
    fixed = (
        "source",
        "path",
        "browse",
        "format",
        "state",
        "fit",
        "actual",
        "refresh",
        "copy",
        "close",
        "save",
    )
    for name in (*names, *(f"export_{name}" for name in fixed)):
        widget = the(dialog, name)
        assert widget.accessibleName() and widget.toolTip(), name
    assert len(dialog.findChildren(ConfigForm)) == 2
    dialog.show()
    dialog.close()


def test_a_change_takes_the_picture_away_until_the_next_is_there(dialog, qtbot):
    before = dialog.picture()
    the(dialog, "export_rows").setValue(2)
    assert dialog.picture() is None and not the(dialog, "export_save").isEnabled()
    assert dialog.preview.picture is before  # nothing flickers
    wait_for(qtbot, dialog)
    assert dialog.picture().shape[:2] == (2 * (8 + 2) + 2, 4 * (8 + 2) + 2)
    np.testing.assert_array_equal(dialog.picture(), before[:22])


class NoSettings(Config):
    pass


class Own(GridSource):
    """A source of one tile, without settings."""

    title, about, Config = "Own", "One tile.", NoSettings

    @classmethod
    def size(cls, model, config, material):
        return 1, 1


def blank(model, columns=1):
    return Grid(np.zeros((1, 1, 8, 8), np.uint8), columns, np.zeros((1, 5), np.float32))


def test_another_layout_decodes_nothing_again(session, shown, own_source, qtbot):
    calls = []

    class Counted(Own):
        @classmethod
        def make(cls, model, config, material, report):
            calls.append(threading.current_thread())
            return blank(model)

    own_source(Counted)
    dialog = shown(source="own")
    assert dialog.picture().shape[:2] == (12, 12)
    for name, value, side in (("export_border", 7, 22), ("export_scale", 3, 38)):
        the(dialog, name).setValue(value)
        assert dialog.picture() is None
        wait_for(qtbot, dialog)
        assert dialog.picture().shape[:2] == (side, side)
        assert dialog.maker.laid.state.layout[name.removeprefix("export_")] == value
    assert len(calls) == 1 and calls[0] is not threading.main_thread()


class Blank(Own):
    @classmethod
    def make(cls, model, config, material, report):
        return blank(model)


class Gate:
    """In place of `grids.compose`: waits, the first time, until it is opened."""

    def __init__(self):
        self.begun, self.open, self.borders = threading.Event(), threading.Event(), []

    def __call__(self, grid, layout):
        self.borders.append(layout.border)
        if len(self.borders) == 1:
            self.begun.set()
            assert self.open.wait(20)
        return compose(grid, layout)


def test_layouts_that_come_while_one_is_laid_out_wait_and_only_the_last_is_made(
    session, own_source, qtbot, monkeypatch
):
    own_source(Blank)
    gate, maker, pictures = Gate(), GridMaker(session, session), []
    monkeypatch.setattr(grids, "compose", gate)
    maker.changed.connect(lambda: maker.laid and pictures.append(maker.laid.picture.shape[0]))
    maker.ask("own", {}, Layout(border=1))
    qtbot.waitUntil(gate.begun.is_set, timeout=10_000)
    for border in (2, 3, 4):
        maker.lay_out(Layout(border=border))
    gate.open.set()
    qtbot.waitUntil(lambda: not maker.busy, timeout=10_000)
    assert gate.borders == [1, 4] and set(pictures) == {8 + 2 * 4}


def test_a_picture_that_is_laid_out_when_it_is_no_longer_wanted_is_not_there(
    session, own_source, qtbot, monkeypatch
):
    own_source(Blank)
    gate, maker = Gate(), GridMaker(session, session)
    monkeypatch.setattr(grids, "compose", gate)
    maker.ask("own", {}, Layout())
    qtbot.waitUntil(gate.begun.is_set, timeout=10_000)
    maker.outdate()
    gate.open.set()
    qtbot.waitUntil(lambda: not maker.busy, timeout=10_000)
    assert maker.laid is None


def test_a_picture_that_is_laid_out_while_others_are_asked_for_is_not_shown(
    session, own_source, qtbot, monkeypatch
):
    own_source(Blank)
    gate, maker, pictures = Gate(), GridMaker(session, session), []
    monkeypatch.setattr(grids, "compose", gate)
    maker.changed.connect(lambda: maker.laid and pictures.append(maker.laid.picture.shape[0]))
    maker.ask("own", {}, Layout(border=1))
    qtbot.waitUntil(gate.begun.is_set, timeout=10_000)
    maker.outdate()
    maker.ask("own", {}, Layout(border=6))
    qtbot.waitUntil(lambda: maker.made is not None, timeout=10_000)
    gate.open.set()
    qtbot.waitUntil(lambda: not maker.busy, timeout=10_000)
    assert gate.borders == [1, 6] and set(pictures) == {8 + 2 * 6}


class Slow(Own):
    """Goes on when it is told to; its second call does at once."""

    @classmethod
    def reset(cls):
        cls.begun, cls.open, cls.left = threading.Event(), threading.Event(), threading.Event()
        cls.calls, cls.went_on = 0, False

    @classmethod
    def make(cls, model, config, material, report):
        cls.calls += 1
        if cls.calls == 1:
            try:
                cls.begun.set()
                assert cls.open.wait(20)
                report(1, 2)
                cls.went_on = True
            finally:
                cls.left.set()
            return blank(model, columns=3)
        return blank(model)


def test_the_newest_wish_wins(session, own_source, qtbot):
    Slow.reset()
    own_source(Slow)
    dialog = ExportGridDialog(session, source="own")
    dialog.show()
    qtbot.waitUntil(Slow.begun.is_set, timeout=10_000)
    qtbot.waitUntil(the(dialog, "export_making").isVisible, timeout=5_000)
    assert the(dialog, "export_size").text() == "Decoding…"
    qtbot.mouseClick(the(dialog, "export_refresh"), Qt.MouseButton.LeftButton)
    wait_for(qtbot, dialog)
    newest = dialog.picture()
    assert not the(dialog, "export_making").isVisible()
    Slow.open.set()
    qtbot.waitUntil(Slow.left.is_set, timeout=10_000)
    qtbot.wait(20)
    assert dialog.picture() is newest and newest.shape[:2] == (12, 12)
    assert not Slow.went_on
    dialog.close()


def test_closing_gives_up_what_is_being_made(session, own_source, qtbot):
    Slow.reset()
    own_source(Slow)
    dialog = ExportGridDialog(session, source="own")
    dialog.show()
    gone = []
    dialog.destroyed.connect(lambda: gone.append(True))
    qtbot.waitUntil(Slow.begun.is_set, timeout=10_000)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: gone == [True], timeout=5_000)
    Slow.open.set()
    qtbot.waitUntil(Slow.left.is_set, timeout=10_000)
    qtbot.waitUntil(lambda: not any(task.isRunning() for task in session._tasks), timeout=5_000)
    session.latent.randomise()  # nobody follows it any more
    qtbot.wait(20)
    assert session.said[-1].level != "error" and Slow.calls == 1 and not Slow.went_on


def test_a_setting_that_does_not_fit_is_told_beside_it_and_nowhere_else(session, shown, own_source, qtbot):
    class Picky(Own):
        class Config(Config):
            dims: str = setting("0", "Dimensions", "Which.")

        @classmethod
        def make(cls, model, config, material, report):
            if config.dims != "0":
                raise ConfigError(f"own.dims: {config.dims} is not allowed; expected 0.")
            return blank(model)

    own_source(Picky)
    dialog = shown(source="own")
    said = len(session.said)
    qtbot.keyClicks(the(dialog, "export_dims"), "7")  # while it is typed
    problem = the(dialog, "export_source_problem")
    qtbot.waitUntil(problem.isVisible, timeout=5_000)
    assert problem.accessibleName() == "own.dims: 07 is not allowed; expected 0."
    assert the(dialog, "export_dims").property("invalid") and the(dialog, "export_size").text() == ""
    assert dialog.picture() is None and not the(dialog, "export_save").isEnabled()
    assert len(session.said) == said
    qtbot.keyClick(the(dialog, "export_dims"), Qt.Key.Key_Backspace)
    wait_for(qtbot, dialog)
    assert not problem.isVisible() and not the(dialog, "export_dims").property("invalid")


def test_a_number_out_of_range_is_refused_in_words(dialog, qtbot):
    rows = the(dialog, "export_rows")
    rows.setFocus()
    rows.selectAll()
    qtbot.keyClicks(rows, "5000")
    qtbot.keyClick(rows, Qt.Key.Key_Return)
    assert "Rows: 5000 is not allowed" in the(dialog, "export_source_problem").accessibleName()
    assert rows.value() == 3


def test_a_picture_that_is_too_large_is_refused(dialog, qtbot, tmp_path):
    the(dialog, "export_columns").setValue(1000)
    the(dialog, "export_rows").setValue(1)
    wait_for(qtbot, dialog)
    the(dialog, "export_scale").setValue(64)
    problem = the(dialog, "export_layout_problem")
    qtbot.waitUntil(problem.isVisible, timeout=10_000)
    assert "65" in problem.accessibleName()
    assert not the(dialog, "export_save").isEnabled() and not the(dialog, "export_copy").isEnabled()
    the(dialog, "export_scale").setValue(1)
    wait_for(qtbot, dialog)
    assert not problem.isVisible() and the(dialog, "export_save").isEnabled()


def test_bookmarks_can_be_shown_once_there_are_some(session, shown, qtbot):
    session.bookmarks.remove(session.bookmarks.items)
    dialog = ExportGridDialog(session, source="bookmarks")
    dialog.show()
    assert the(dialog, "export_obstacle").isVisible()
    reason, combo = dialog._obstacle_of("bookmarks"), the(dialog, "export_source")
    assert combo.itemData(combo.currentIndex(), Qt.ItemDataRole.ToolTipRole) == reason
    qtbot.waitUntil(lambda: not dialog._asking.isActive(), timeout=5_000)
    assert dialog.picture() is None and session.said[-1].level == "info"
    session.bookmarks.add(name="here")
    wait_for(qtbot, dialog)
    assert not the(dialog, "export_obstacle").isVisible()
    dialog.close()


# What there is to be shown


def test_the_material_is_what_the_session_holds(session, digits):
    latent = session.latent
    latent.set_axes(latent.dimension_axis(3), latent.dimension_axis(1))
    session.directions.items = [
        Item("smile", latent.dimension_axis(0).vector, "pca", "", kept=True),
        Item("found", latent.dimension_axis(1).vector, "pca", ""),
        Item("another's", np.float32([1, 0]), "pca", "", kept=True),
    ]
    own = Reconstruction(session)
    given = material(session)
    assert given.images is None and given.image_names == ()
    own.sought = Sought("me.jpg", digits.images[0])
    given = material(session)
    np.testing.assert_array_equal(given.images, digits.images[:1])
    assert given.image_names == ("me.jpg",)
    np.testing.assert_array_equal(given.z, latent.z)
    assert given.z is not latent.z
    assert [name for name, _ in given.axes] == ["z3", "z1"]
    assert [name for name, _ in given.directions] == ["smile"]
    assert [mark.name for mark in given.bookmarks] == ["kept"]
    assert given.dataset is digits and given.folder is session.run
    assert same(given, material(session))
    session.dataset = data.load("shapes", {"count": 2})  # of another shape
    assert material(session).dataset is None and not same(given, material(session))


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.latent.set_value(2, 0.125),
        lambda session: session.latent.set_around_step(0.5),
        lambda session: session.bookmarks.add(name="another"),
        lambda session: session.bookmarks.rename(session.bookmarks.items[0], "renamed"),
    ],
)
def test_every_change_of_the_material_is_seen(session, change):
    before = material(session)
    change(session)
    assert not same(before, material(session))


# The model


def test_while_the_model_learns_on_the_preview_stays_that_of_its_step(session, dialog, qtbot):
    before, model = dialog.picture(), session.latent.model
    with qtbot.waitSignal(session.latent.weights_changed, timeout=10_000):
        session.sampler.refresh([torch.zeros_like(w) for w in model.weights()], 77)
    assert dialog.picture() is before and "step 10" in the(dialog, "export_size").text()
    qtbot.keyClick(dialog, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: "step 77" in the(dialog, "export_size").text(), timeout=10_000)
    assert dialog.maker.laid.state.step == 77 and not np.array_equal(dialog.picture(), before)


def test_a_walk_in_the_window_is_followed(session, dialog, qtbot):
    before = dialog.maker.laid.state
    session.latent.set_value(0, 2.5)
    qtbot.waitUntil(lambda: dialog.maker.laid not in (None, before), timeout=10_000)
    qtbot.waitUntil(
        lambda: dialog.maker.laid and dialog.maker.laid.state.present()[0] == np.float32(2.5), timeout=10_000
    )


def test_another_run_takes_the_place_of_the_one_before(session, dialog, qtbot, digits, tmp_path):
    plan = run.plan("vae-mlp", {"latent_size": 2}, {"batch_size": 64, "steps": 2, "device": "cpu"})
    for _ in run.begin(digits, plan, tmp_path / "other").events():
        pass
    session.open_run(tmp_path / "other")
    qtbot.waitUntil(
        lambda: dialog.maker.laid is not None and dialog.maker.laid.state.run == "other", timeout=10_000
    )
    assert dialog.maker.laid.state.size == 2
    assert Path(the(dialog, "export_path").text()).name == "other-seeds.png"


# The file


def test_a_free_name_is_suggested_and_the_next_one_after_saving(session, dialog, qtbot, tmp_path):
    first = tmp_path / "first rün-seeds.png"
    qtbot.waitUntil(lambda: the(dialog, "export_path").text() == str(first), timeout=5_000)
    for name in ("first rün-seeds-2.png", "first rün-seeds-3.png"):
        press_save(qtbot, dialog)
        qtbot.waitUntil(lambda name=name: the(dialog, "export_path").text() == str(tmp_path / name))
        assert the(dialog, "export_save").text() == "Save"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "first rün-seeds-2.png",
        "first rün-seeds.png",
    ]
    assert session.settings.export_folder == str(tmp_path)


def test_the_suggested_name_follows_the_source_but_not_one_that_was_typed(
    session, shown, own_source, tmp_path
):
    own_source(Blank)
    dialog = shown(source="seeds")
    choose(dialog, "export_source", "own")
    assert the(dialog, "export_path").text() == str(tmp_path / "first rün-own.png")
    the(dialog, "export_path").setText("mine.png")
    choose(dialog, "export_source", "seeds")
    assert the(dialog, "export_path").text() == "mine.png"


def test_a_file_that_is_there_is_replaced_only_by_a_button_that_says_so(session, dialog, qtbot, tmp_path):
    path = tmp_path / "there.png"
    path.write_bytes(b"mine")
    name_file(qtbot, dialog, path)
    assert the(dialog, "export_save").text() == "Replace"
    assert message(dialog) == "there.png is there already; Replace writes over it."
    assert path.read_bytes() == b"mine"
    press_save(qtbot, dialog)
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), dialog.picture())


def test_a_file_that_came_in_between_is_not_replaced(session, dialog, qtbot, tmp_path):
    path = tmp_path / "sudden.png"
    name_file(qtbot, dialog, path)
    path.write_bytes(b"another's")
    press_save(qtbot, dialog)
    assert path.read_bytes() == b"another's"
    assert message(dialog) == f"{path} is there already; Replace writes over it."
    qtbot.waitUntil(lambda: the(dialog, "export_save").text() == "Replace", timeout=5_000)
    press_save(qtbot, dialog)
    assert path.read_bytes() != b"another's" and message(dialog) == "Written: sudden.png"


def test_the_format_changes_the_ending_and_the_ending_the_format(session, dialog, qtbot, tmp_path):
    path = the(dialog, "export_path")
    path.setText(str(tmp_path / "a.b.png"))
    choose(dialog, "export_format", ".jpg")
    assert path.text() == str(tmp_path / "a.b.jpg")
    path.setText("x.JPEG")
    assert the(dialog, "export_format").currentData() == ".jpg"
    path.setText("bare")
    choose(dialog, "export_format", ".png")
    assert path.text() == "bare.png"


def test_every_format_is_written_from_the_dialog(session, dialog, qtbot, tmp_path):
    for index in range(the(dialog, "export_format").count()):
        suffix = the(dialog, "export_format").itemData(index)
        save(qtbot, dialog, tmp_path / f"grid{suffix}")
        assert (tmp_path / f"grid{suffix}").stat().st_size > 100, suffix


@pytest.mark.parametrize(
    ("name", "early", "reason"),
    [
        ("gone/grid.png", "There is no folder", "No such file or directory"),
        ("grid.bmp", "expected one of", "expected one of"),
        ("grid", "expected one of", "expected one of"),
        ("file/grid.png", "There is no folder", "Not a directory"),
        ("x" * 300 + ".png", "File name too long", "File name too long"),
    ],
)
def test_what_cannot_be_written_is_told_before_and_after(
    session, dialog, qtbot, tmp_path, name, early, reason
):
    (tmp_path / "file").touch()
    name_file(qtbot, dialog, tmp_path / name)
    assert early in message(dialog)
    for _ in range(2):  # and Save is there to try again
        press_save(qtbot, dialog)
        assert reason in message(dialog) and str(tmp_path / name) in message(dialog)
        assert session.said[-1].level == "error" and session.said[-1].text == message(dialog)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert dialog.picture() is not None
    the(dialog, "export_path").setText(str(tmp_path / "good.png"))
    assert message(dialog) == ""


def test_a_home_that_is_nobodys_is_a_folder_that_is_not_there(session, dialog, qtbot):
    name_file(qtbot, dialog, "~nobody-of-this-name/grid.png")
    assert "There is no folder" in message(dialog)


def test_an_ending_that_was_typed_is_kept_once_it_was_written(session, dialog, qtbot, tmp_path):
    save(qtbot, dialog, tmp_path / "grid.webp")
    assert session.settings.exports["grid"]["suffix"] == ".webp"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_is_full_or_read_only_is_one_sentence_and_no_file(
    session, dialog, qtbot, tmp_path, monkeypatch, number
):
    def fail(self, *args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Image.Image, "save", fail)
    save(qtbot, dialog, tmp_path / "grid.png")
    sentence = f"Cannot write {tmp_path / 'grid.png'}: {os.strerror(number)}."
    assert message(dialog) == session.said[-1].text == sentence
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    press_save(qtbot, dialog)  # nothing is lost
    assert message(dialog) == "Written: grid.png"


def test_browse_offers_every_format_and_adds_an_ending(session, dialog, qtbot, tmp_path, monkeypatch):
    asked = []

    def chosen(parent, title, path, kinds):
        asked.append(kinds)
        return str(tmp_path / "chosen"), "JPEG (*.jpg *.jpeg)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", chosen)
    qtbot.mouseClick(the(dialog, "export_browse"), Qt.MouseButton.LeftButton)
    assert the(dialog, "export_path").text() == str(tmp_path / "chosen.jpg")
    assert asked[0].startswith("PNG (*.png)") and "JPEG (*.jpg *.jpeg)" in asked[0]


def test_without_the_switch_the_file_tells_nothing(session, dialog, qtbot, tmp_path):
    the(dialog, "export_state").setChecked(False)
    save(qtbot, dialog, tmp_path / "bare.png")
    assert read_state(tmp_path / "bare.png") is None
    the(dialog, "export_state").setChecked(True)
    save(qtbot, dialog, tmp_path / "full.png")
    assert read_state(tmp_path / "full.png") == dialog.maker.laid.state


def test_a_format_that_keeps_no_state_greys_the_switch_and_says_why(session, dialog):
    switch = the(dialog, "export_state")
    assert switch.isEnabled() and dialog.target.keeps_state
    choose(dialog, "export_format", ".jpg")
    assert not switch.isEnabled() and not dialog.target.keeps_state and switch.isChecked()
    assert "JPEG has no room for it" in switch.toolTip()
    choose(dialog, "export_format", ".png")
    assert dialog.target.keeps_state


def test_copy_puts_the_very_picture_on_the_clipboard(session, dialog, qtbot):
    QApplication.clipboard().clear()
    said = len(session.said)
    qtbot.keyClick(
        dialog, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.waitUntil(lambda: len(session.said) > said, timeout=5_000)
    assert session.said[-1].text == "Copied 42 × 32 pixels."
    image = QApplication.clipboard().image().convertToFormat(QImage.Format.Format_RGB888)
    bits = np.frombuffer(image.constBits(), np.uint8).reshape(32, image.bytesPerLine())[:, : 42 * 3]
    picture = dialog.picture()
    wanted = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    np.testing.assert_array_equal(bits.reshape(32, 42, 3), wanted[..., :3])


# Settings


def test_the_last_settings_come_back(session, shown, qtbot):
    first = shown()
    the(first, "export_rows").setValue(2)
    the(first, "export_border").setValue(9)
    choose(first, "export_format", ".jpg")
    the(first, "export_caption").setFocus()
    qtbot.keyClicks(the(first, "export_caption"), "half typed")
    the(first, "export_state").setChecked(False)
    first.close()
    second = shown()
    assert the(second, "export_rows").value() == 2 and the(second, "export_border").value() == 9
    assert the(second, "export_caption").text() == "half typed"
    assert the(second, "export_format").currentData() == ".jpg"
    assert the(second, "export_path").text().endswith("-seeds.jpg")
    assert not the(second, "export_state").isChecked()


@pytest.mark.parametrize(
    "last",
    [
        {"source": "gone", "sources": {"gone": {"x": 1}, "seeds": {"rows": 5}}},
        {"sources": {"seeds": {"rows": 5, "columns": -3, "old": True}}, "layout": {"spacing": "wide"}},
        {"source": 7, "sources": {"seeds": {"rows": "5"}}, "layout": [], "suffix": ".bmp", "state": "??"},
        {"sources": {"seeds": {"rows": 5}}, "layout": {"background": "red", "border": 4}, "new": 1},
    ],
)
def test_settings_that_are_damaged_or_of_another_version_fall_back(session, shown, last):
    session.settings = session.settings.updated(exports={"grid": last})
    dialog = shown()
    assert the(dialog, "export_source").currentData() == "seeds"
    assert the(dialog, "export_rows").value() == 5 and the(dialog, "export_columns").value() == 8
    assert the(dialog, "export_spacing").value() == 2 and the(dialog, "export_background").text() == "#000000"
    assert the(dialog, "export_state").isChecked() and the(dialog, "export_path").text().endswith(".png")


def test_a_source_alone_comes_with_its_last_settings(session, shown):
    last = {"source": "seeds", "sources": {"history": {"columns": 3}}, "layout": {"border": 3}}
    session.settings = session.settings.updated(exports={"grid": last})
    dialog = shown(source="history")
    assert the(dialog, "export_columns").value() == 3 and the(dialog, "export_border").value() == 3


def test_given_settings_come_before_the_last_ones_and_do_not_change_them(session, shown):
    kept = {"grid": {"source": "seeds", "sources": {"seeds": {"rows": 6}}, "layout": {"border": 3}}}
    session.settings = session.settings.updated(exports=kept)
    dialog = shown(source="seeds", settings={"columns": 2, "rows": 1, "unknown": 1}, layout={"spacing": 5})
    assert dialog.picture().shape[:2] == (8 + 2 * 2, 2 * 8 + 5 + 2 * 2)
    dialog.close()
    assert session.settings.exports == kept


# The keyboard


def test_enter_in_a_field_saves_nothing_and_asks_for_nothing(session, dialog, qtbot, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: asked.append(a) or ("", ""))
    name_file(qtbot, dialog, tmp_path / "grid.png")
    before = dialog.picture()
    for name in ("export_rows", "export_caption", "export_path"):
        the(dialog, name).setFocus()
        qtbot.keyClick(the(dialog, name), Qt.Key.Key_Return)
        assert dialog.picture() is before
    qtbot.wait(50)
    assert dialog.isVisible() and session.exports.jobs == asked == list(tmp_path.iterdir()) == []


def test_tab_goes_from_top_to_bottom(dialog, qtbot):
    dialog.activateWindow()
    choose(dialog, "export_source", list(GRIDS)[-1])
    choose(dialog, "export_source", "seeds")  # whose rows are made last now
    names = "source rows columns seed scale resampling spacing refresh fit path browse format state copy save"
    places = {}
    widget = the(dialog, "export_source")
    for place in range(60):
        places.setdefault(widget.objectName().removeprefix("export_"), place)
        widget = widget.nextInFocusChain()
    order = [places[name] for name in names.split()]
    assert order == sorted(order)


@pytest.mark.slow
def test_the_window_opens_it_and_says_what_to_do_without_a_model(window, folder, qtbot):
    window.menus.export.trigger()
    assert window.findChild(ExportGridDialog) is None
    assert "press Train" in window.notices.text.text()
    window.session.open_run(folder)
    qtbot.waitUntil(lambda: window.session.run is not None and window.session.latent.size == 5)
    window.menus.export.trigger()
    dialog = window.findChild(ExportGridDialog)
    wait_for(qtbot, dialog)
    assert isinstance(the(dialog, "export_path"), QLineEdit)
    qtbot.mouseClick(the(dialog, "export_close"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(ExportGridDialog) is None, timeout=5_000)
