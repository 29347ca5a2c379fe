"""The main job, as a person does it, by objectName alone: load, train, look, drag, pause, export, close."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyqtgraph as pg
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractSlider,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from latentlab.ui.main_window import MainWindow
from latentlab.ui.widgets.picture import PictureView

W = TypeVar("W", bound=QWidget)


def named(parent: QWidget, kind: type[W], name: str) -> W:
    found = parent.findChild(kind, name)
    assert found is not None, f"there is no {kind.__name__} {name}"
    return found


def choose(combo: QComboBox, value: object) -> None:
    index = combo.findData(value)
    assert index >= 0, f"{combo.objectName()} has no {value}"
    combo.setCurrentIndex(index)


def points(plot: pg.PlotWidget) -> list[int]:
    """How many points each curve with any has."""
    curves = [item.getOriginalDataset()[0] for item in plot.getPlotItem().listDataItems()]
    return [len(x) for x in curves if x is not None and len(x)]


def test_load_train_drag_pause_export_close(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    def click(name: str) -> None:
        button = named(window, QPushButton, name)
        assert button.isEnabled(), f"{name} is disabled"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    # Load digits, 8x8.
    choose(named(window, QComboBox, "dataset_source"), "digits")
    named(window, QSpinBox, "dataset_size").setValue(8)
    click("dataset_load")
    summary = named(window, QLabel, "dataset_summary")
    qtbot.waitUntil(lambda: "1,797 images" in summary.text() and "8×8" in summary.text(), timeout=20_000)

    # Train a small VAE and see two curves grow.
    choose(named(window, QComboBox, "model_kind"), "vae-mlp")
    named(window, QSpinBox, "model_latent_size").setValue(6)
    named(window, QSpinBox, "training_steps").setValue(0)
    click("train_start")
    plot = named(window, pg.PlotWidget, "curves_plot")
    qtbot.waitUntil(lambda: sum(n >= 3 for n in points(plot)) >= 2, timeout=30_000)
    before = max(points(plot))
    qtbot.waitUntil(lambda: max(points(plot)) > before, timeout=10_000)

    # Drag a slider while it trains: the picture follows.
    view = named(window, PictureView, "explore_view")
    qtbot.waitUntil(lambda: view.picture is not None, timeout=10_000)
    assert window.session.state == "running"
    slider = named(window, QAbstractSlider, "latent_slider_0")
    shown = view.picture
    assert shown is not None
    shown = shown.copy()
    asked = time.perf_counter()
    with qtbot.waitSignal(view.painted, timeout=5_000):
        slider.setValue(slider.maximum() if slider.value() < 0 else slider.minimum())
    milliseconds = 1000 * (time.perf_counter() - asked)
    record_property("slider_to_picture_ms", round(milliseconds, 1))
    print(f"slider to painted picture while training: {milliseconds:.1f} ms")
    assert not np.array_equal(view.picture, shown)

    # Pause: the samples stand still.
    click("train_pause")
    qtbot.waitUntil(lambda: window.session.state == "paused", timeout=10_000)
    window.canvas_tabs.setCurrentIndex(1)
    samples = named(window, PictureView, "samples_view")
    qtbot.waitUntil(lambda: samples.picture is not None, timeout=5_000)
    qtbot.wait(300)

    # Export an 8x8 grid of the same seeds and compare it with what is on the screen.
    action = window.findChild(QAction, "export_grid_action")
    assert isinstance(action, QAction)
    action.trigger()
    dialog = next(w for w in QApplication.topLevelWidgets() if w.objectName() == "export_grid_dialog")
    assert isinstance(dialog, QDialog)
    choose(named(dialog, QComboBox, "export_source"), "seeds")
    named(dialog, QSpinBox, "export_rows").setValue(8)
    named(dialog, QSpinBox, "export_columns").setValue(8)
    target = tmp_path / "grid.png"
    named(dialog, QLineEdit, "export_path").setText(str(target))
    save = named(dialog, QPushButton, "export_save")
    qtbot.waitUntil(save.isEnabled, timeout=10_000)
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(target.exists, timeout=10_000)
    with Image.open(target) as image:
        written = np.asarray(image)
    assert written.shape == (8 * (8 + 2) + 2, 8 * (8 + 2) + 2)
    np.testing.assert_array_equal(written, samples.picture)
    dialog.close()

    # Stop and close: the run is on disk.
    click("train_stop")
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=10_000)
    assert window.session.run is not None
    assert window.session.run.checkpoints()
    window.close()
    assert not window.isVisible()
