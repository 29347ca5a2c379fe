"""Choosing images in the Dataset dock: kinds, paths, what was opened lately, downloads, the Load button."""

from __future__ import annotations

import shutil
import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data.base import SOURCES, Source, SourceConfig
from latentlab.data.originals import HeldArray, Listing
from latentlab.data.shapes import Shapes
from latentlab.ui.panels.source_choice import PATH_WIDTH, file_filters, short_path

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


# Choosing


def test_sources_that_are_there_come_before_those_to_fetch_and_ones_own(window, the):
    source = the("dataset_source")
    keys = [source.itemData(i) for i in range(source.count())]
    assert sorted(keys) == sorted(SOURCES)
    assert max(map(keys.index, ("digits", "shapes", "points"))) < keys.index("mnist")
    own = {key for key, kind in SOURCES.items() if kind.needs_path}
    assert set(keys[-len(own) :]) == own
    for place, key in enumerate(keys):
        assert source.itemText(place) == SOURCES.get(key).title
        assert source.itemData(place, Qt.ItemDataRole.ToolTipRole) == SOURCES.get(key).about


def test_an_image_dropped_on_the_dock_is_encoded(window, the, qtbot, pictures, monkeypatch, drop):
    opened = []
    monkeypatch.setattr(window.reconstruct, "open_image", opened.append)
    drop(pictures / "cats" / "0.png")
    qtbot.waitUntil(lambda: opened == [pictures / "cats" / "0.png"], timeout=5_000)
    assert window.canvas_tabs.currentWidget() is window.reconstruct
    assert window.session.dataset.source == "digits"


def test_of_several_things_dropped_the_first_is_opened_and_a_notice_says_so(
    window, the, qtbot, pictures, loaded, drop
):
    said = []
    window.session.notified.connect(lambda notice: said.append(notice.text))
    drop(pictures / "dogs", pictures / "cats")
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    assert window.session.dataset.name == "dogs"
    assert any("Only dogs is opened" in text for text in said)


def test_a_path_that_is_typed_shows_its_kind_before_it_is_loaded(
    window, the, pick, type_into, qtbot, idx_file
):
    pick("dataset_source", "folder")
    type_into("dataset_size", "12")
    type_into("dataset_path", str(idx_file), enter=False)
    the("dataset_size").setFocus()
    qtbot.waitUntil(lambda: the("dataset_source").currentData() == "idx", timeout=5_000)
    assert (
        the("dataset_hint").accessibleName()
        == f"{idx_file.name} is not of the kind “Folder of images” but “IDX files”."
    )
    assert the("dataset_hint").isVisible()
    assert the("dataset_size").value() == 12
    assert window.session.dataset.source == "digits"
    pick("dataset_source", "digits")
    assert not the("dataset_hint").isVisible()


@pytest.mark.parametrize("pasted", ["  {} ", '"{}"', "file://{}"])
def test_paths_are_taken_as_people_paste_them(window, the, pick, type_into, qtbot, pictures, loaded, pasted):
    pick("dataset_source", "folder")
    type_into("dataset_path", pasted.format(pictures))
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    assert window.session.dataset.config["path"] == str(pictures)


def test_a_path_where_nothing_is_says_so_in_its_place(window, the, pick, type_into, tmp_path, qtbot):
    pick("dataset_source", "folder")
    type_into("dataset_path", str(tmp_path / "gone"), enter=False)
    the("dataset_size").setFocus()
    qtbot.waitUntil(lambda: the("dataset_hint").isVisible(), timeout=5_000)
    assert the("dataset_hint").accessibleName() == f"There is no file or folder {tmp_path / 'gone'}."


def test_a_long_path_is_broken_rather_than_cut_and_is_no_html(window, the, pick, type_into, qtbot, tmp_path):
    width = window.dataset.minimumSizeHint().width()
    pick("dataset_source", "folder")
    name = "<b>" + "x" * 200
    type_into("dataset_path", str(tmp_path / name), enter=False)
    the("dataset_size").setFocus()
    hint = the("dataset_hint")
    qtbot.waitUntil(hint.isVisible, timeout=5_000)
    assert hint.text().replace("\u200b", "").endswith(f"{name}.")
    assert hint.textFormat() == Qt.TextFormat.PlainText
    assert window.dataset.minimumSizeHint().width() == width


def test_a_folder_that_is_chosen_as_something_else_is_loaded_as_what_it_is(
    window, the, pick, type_into, qtbot, pictures, loaded
):
    said = []
    window.session.notified.connect(lambda notice: said.append(notice.text))
    pick("dataset_source", "idx")
    type_into("dataset_path", str(pictures))
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    assert "pets is not of the kind “IDX files” but “Folder of images”." in said
    assert the("dataset_source").currentData() == "folder"


class Striped(Source):
    """Test images of a width that only its own setting says."""

    class Config(SourceConfig):
        path: str = setting("", "Path", "Any file that ends in .stripes.")
        stripes: int = setting(2, "Stripes", "How many.", ge=1, le=8)

    title, about, needs_path = "Stripes", "Test images.", True

    @classmethod
    def accepts(cls, path):
        return path.suffix == ".stripes"

    @classmethod
    def open(cls, config, report):
        images = np.repeat(np.arange(8, dtype=np.uint8), 8 * 8 * config.stripes).reshape(
            8, 1, 8, 8 * config.stripes
        )
        return HeldArray("stripes", images, Listing(8))


@pytest.fixture
def stripes(monkeypatch, tmp_path):
    """A kind of file with a setting of its own."""
    Striped.key = "stripes"
    monkeypatch.setitem(SOURCES._entries, "stripes", Striped)
    path = tmp_path / "my.stripes"
    path.write_bytes(b"")
    return path


def test_settings_that_only_one_kind_has_are_kept_shown_and_used(
    stripes, window, the, type_into, click, pick, qtbot, loaded
):
    pick("dataset_source", "stripes")
    type_into("dataset_size", "0")
    type_into("dataset_stripes", "3")
    type_into("dataset_path", str(stripes))
    qtbot.waitUntil(loaded("stripes"), timeout=10_000)
    assert window.session.dataset.image_shape == (1, 8, 24)
    assert window.session.dataset.config["stripes"] == 3
    assert the("dataset_stripes").value() == 3
    type_into("dataset_stripes", "4")
    click("dataset_load")
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == (1, 8, 32), timeout=10_000)


# What was opened lately


def entries(menu):
    return [action for action in menu.actions() if isinstance(action.data(), str)]


def test_what_was_opened_lately_is_offered_newest_first_and_gone_ones_are_grey(
    window, the, qtbot, pictures, idx_file, loaded
):
    session = window.session
    for path, kind in ((pictures, "folder"), (idx_file, "idx")):
        session.open_data(path)
        qtbot.waitUntil(loaded(kind), timeout=10_000)
    shutil.rmtree(pictures)
    for menu in (window.dataset.choice.menu, window.menus.recent_data):
        menu.aboutToShow.emit()
        assert [action.data() for action in entries(menu)] == [str(idx_file), str(pictures)]
        qtbot.waitUntil(lambda menu=menu: not entries(menu)[1].isEnabled(), timeout=5_000)
        assert entries(menu)[0].isEnabled()
        assert "not there any more" in entries(menu)[1].toolTip()
        assert entries(menu)[0].text().startswith(idx_file.name)
    session.load_dataset("digits", {})
    qtbot.waitUntil(loaded("digits"), timeout=10_000)
    entries(window.dataset.choice.menu)[0].trigger()
    qtbot.waitUntil(loaded("idx"), timeout=10_000)
    assert the("dataset_path").text() == str(idx_file)


def test_the_list_of_what_was_opened_can_be_cleared(window, the, qtbot, pictures, loaded):
    window.session.open_data(pictures)
    qtbot.waitUntil(loaded("folder"), timeout=10_000)
    menu = window.dataset.choice.menu
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == "Clear list").trigger()
    assert window.session.settings.recent_datasets == ()
    menu.aboutToShow.emit()
    assert not entries(menu)
    nothing = next(action for action in menu.actions() if action.text() == "Nothing opened yet")
    assert not nothing.isEnabled()


def test_long_paths_of_the_menu_are_shortened_in_their_middle(window):
    menu = window.dataset.choice.menu
    path = "/home/someone/" + "very/deep/" * 20 + "R&D photos"
    text = short_path(path, menu.fontMetrics())
    assert text.startswith("R&&D photos  —  /home/") and "…" in text
    assert menu.fontMetrics().horizontalAdvance(text) < PATH_WIDTH + 60


def test_the_dialog_for_files_offers_what_sources_read():
    filters = file_filters().split(";;")
    assert filters[0].startswith("Images (") and filters[-1] == "All files (*)"
    for _, kind in SOURCES.items():
        for pattern in kind.patterns:
            assert pattern in filters[0]
            assert any(line.startswith(kind.title) and pattern in line for line in filters)
    assert any(kind.patterns for _, kind in SOURCES.items())


# Loading


def test_what_goes_on_is_said_in_words(window, the, pick, click, qtbot, monkeypatch):
    load = Shapes.load.__func__
    told = []

    def slowly(cls, config, report):
        for stage in ("Looking for images", "Reading images"):
            report.say(stage)
            for done in range(500):
                report(done, 1000)
                time.sleep(0.01)
        return load(cls, config, report)

    monkeypatch.setattr(Shapes, "load", classmethod(slowly))
    summary = the("dataset_summary")
    window.session.loading_progressed.connect(lambda *_: told.append(summary.text()))
    pick("dataset_source", "shapes")
    qtbot.waitUntil(lambda: any(text.startswith("Looking for images… ") for text in told), timeout=5_000)
    qtbot.waitUntil(lambda: any(text.startswith("Reading images… ") for text in told), timeout=15_000)
    click("dataset_cancel")


def test_the_button_says_what_it_would_do(window, the, pick, type_into, click, qtbot):
    load = the("dataset_load")
    assert load.text() == "Load again" and not load.property("primary")
    type_into("dataset_limit", "50")
    assert load.text() == "Load" and load.property("primary")
    type_into("dataset_limit", "0")
    assert load.text() == "Load again"
    pick("dataset_balance", 1)
    assert load.text() == "Load"
    click("dataset_load")
    assert load.text().startswith("Loading…") and not load.property("primary")
    qtbot.waitUntil(lambda: window.session.dataset.config["balance"] == "over", timeout=10_000)
    qtbot.waitUntil(lambda: load.text() == "Load again", timeout=5_000)
    assert not load.property("primary")


def test_a_number_that_is_half_typed_is_left_alone_when_images_come(window, the, type_into, qtbot):
    the("dataset_size").setFocus()
    QApplication.processEvents()  # it selects its text a moment later
    type_into("dataset_size", "1", enter=False)
    window.session.load_dataset("digits", {"limit": 40, "size": 28})
    qtbot.waitUntil(lambda: len(window.session.dataset) == 40 and not window.session.loading, timeout=10_000)
    assert the("dataset_size").lineEdit().text() == "1"
    qtbot.keyClicks(the("dataset_size"), "6\r")
    assert the("dataset_size").value() == 16
    assert the("dataset_load").text() == "Load"


def test_what_is_edited_while_images_are_loaded_stays(
    window, the, pick, type_into, qtbot, slow_shapes, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    type_into("dataset_limit", "20")
    window.session.load_dataset("digits", {"size": 10})
    pick("dataset_channels", 2)
    qtbot.waitUntil(lambda: window.session.dataset.image_shape == (1, 10, 10), timeout=10_000)
    assert the("dataset_channels").currentIndex() == 2
    assert the("dataset_limit").value() == 20
    assert the("dataset_load").text() == "Load"


@pytest.fixture
def mnist_here(monkeypatch, tmp_path):
    """MNIST would be fetched: 8,000,000 bytes, from nowhere."""
    asked = []

    def fetch(cls, config, report):
        asked.append(config)
        raise DataError("This machine has no network.")

    mnist = SOURCES.get("mnist")
    monkeypatch.setattr(mnist, "bytes_missing", classmethod(lambda cls: 8_000_000))
    monkeypatch.setattr(mnist, "load", classmethod(fetch))
    return asked


def test_choosing_what_must_be_fetched_fetches_nothing_until_it_is_asked_for(
    window, the, pick, click, qtbot, mnist_here
):
    pick("dataset_source", "mnist")
    qtbot.waitUntil(lambda: the("dataset_load").text() == "Download and load", timeout=5_000)
    assert the("dataset_hint").accessibleName() == "MNIST is not here yet: 8.0 MB come from the network."
    assert not mnist_here and window.session.dataset.source == "digits"
    click("dataset_load")
    qtbot.waitUntil(lambda: the("dataset_load").text() == "Download and load", timeout=5_000)
    qtbot.waitUntil(lambda: "no network" in the("status_notice").text(), timeout=5_000)
    assert len(mnist_here) == 1


def test_what_was_fetched_before_is_loaded_at_once(window, the, pick, qtbot, mnist_here, monkeypatch):
    monkeypatch.setattr(SOURCES.get("mnist"), "bytes_missing", classmethod(lambda cls: 0))
    pick("dataset_source", "mnist")
    qtbot.waitUntil(lambda: len(mnist_here) == 1, timeout=5_000)
