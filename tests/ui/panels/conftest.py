"""What tests of panels share: a person's hands, and a small run that was trained without a window."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

import latentlab
from latentlab.data.shapes import Shapes
from latentlab.run import Run
from latentlab.ui.main_window import MainWindow


@pytest.hookimpl(tryfirst=True)  # before those marked slow are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A window of its own costs a test most of a second, and hundreds have one here: all are slow."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "window" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture
def the(window: MainWindow) -> Callable[[str], Any]:
    """the("train_start"): the one widget of the window that has this name."""

    def find(name: str) -> Any:
        found = window.findChildren(QWidget, name)
        assert len(found) == 1, f"{len(found)} widgets are called {name}"
        return found[0]

    return find


@pytest.fixture
def click(the: Callable[[str], Any], qtbot: QtBot) -> Callable[[str], None]:
    """Click a button with the mouse; it must be there to be clicked."""

    def click(name: str) -> None:
        button = the(name)
        assert isinstance(button, QAbstractButton)
        assert button.isVisible() and button.isEnabled(), f"{name} cannot be clicked"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return click


@pytest.fixture
def pick(the: Callable[[str], Any], qtbot: QtBot) -> Callable[[str, object], None]:
    """Open a combo box, walk to the entry with this data, and press Enter."""

    def pick(name: str, data: object) -> None:
        combo = the(name)
        assert isinstance(combo, QComboBox) and combo.isEnabled(), f"{name} cannot be chosen from"
        index = combo.findData(data) if isinstance(data, str) else data
        assert index >= 0, f"{name} has no {data}"
        combo.showPopup()
        combo.view().setCurrentIndex(combo.model().index(index, combo.modelColumn()))
        qtbot.keyClick(combo.view(), Qt.Key.Key_Return)
        combo.hidePopup()
        assert combo.currentIndex() == index

    return pick


@pytest.fixture
def type_into(the: Callable[[str], Any], qtbot: QtBot) -> Callable[..., None]:
    """Replace what a field says, and press Enter (or not)."""

    def type_into(name: str, text: str, enter: bool = True) -> None:
        field = the(name)
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, text)
        if enter:
            qtbot.keyClick(field, Qt.Key.Key_Return)

    return type_into


@pytest.fixture(scope="session")
def saved_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense VAE of 6 dimensions on 8x8 digits: 60 steps, a snapshot after each of the first five."""
    from latentlab import data, run
    from latentlab.training.control import Control
    from latentlab.training.events import Paused

    dataset = data.load("digits", {"size": 8})
    limits = {"batch_size": 64, "steps": 60, "learning_rate": 5e-3, "device": "cpu"}
    plan = run.plan("vae-mlp", {"latent_size": 6}, limits)
    folder = tmp_path_factory.mktemp("trained") / "small run"
    control = Control()
    control.step_once()
    for event in run.begin(dataset, plan, folder).events(control):
        if isinstance(event, Paused):
            (control.step_once if event.step < 5 else control.resume)()
    return folder


@pytest.fixture(scope="session")
def saved_gan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small DCGAN of 8 dimensions on 8x8 digits, 20 steps old."""
    from latentlab import data, run

    limits = {"batch_size": 64, "steps": 20, "device": "cpu"}
    plan = run.plan("dcgan", {"latent_size": 8, "width": 4}, limits)
    folder = tmp_path_factory.mktemp("trained") / "small gan"
    for _ in run.begin(data.load("digits", {"size": 8}), plan, folder).events():
        pass
    return folder


@pytest.fixture
def run(saved_run: Path) -> Run:
    """The checkpoint of `saved_run` from disk, without a window."""
    return latentlab.open_run(saved_run)


@pytest.fixture
def opened(window: MainWindow, saved_run: Path, qtbot: QtBot) -> MainWindow:
    """The window with `saved_run` opened and its picture shown, without keyframes of tests before."""
    (saved_run / "timeline.json").unlink(missing_ok=True)
    window.session.open_run(saved_run)
    qtbot.waitUntil(lambda: window.explore.view.picture is not None, timeout=10_000)
    qtbot.waitUntil(lambda: window.samples.view.picture is not None, timeout=10_000)
    return window


@pytest.fixture
def settled(opened: MainWindow, qtbot: QtBot) -> Callable[[], None]:
    """Wait until the picture of the present latent is the one that is shown."""

    def settled() -> None:
        latent = opened.session.latent
        qtbot.waitUntil(lambda: not latent._asked, timeout=10_000)

    return settled


@pytest.fixture
def train(window: MainWindow, qtbot: QtBot) -> Callable[..., None]:
    """train(steps=20): train a dense VAE on what is loaded, and wait for the end where there is one."""

    def train(steps: int = 20, model: str = "vae-mlp", latent_size: int = 6, **training: Any) -> None:
        session = window.session
        session.set_model(model)
        session.model_values |= {"latent_size": latent_size}
        session.training_values |= {"steps": steps, "batch_size": 64, **training}
        session.train()
        if steps:
            qtbot.waitUntil(lambda: session.state == "idle" and not session.busy, timeout=30_000)
        else:
            qtbot.waitUntil(lambda: session.state == "running", timeout=30_000)

    return train


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of colour images, and a file that only says it is one."""
    random = np.random.default_rng(0)
    for name, count in (("cats", 3), ("dogs", 2)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 256, (12, 16, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{i}.png")
    (tmp_path / "pets" / "cats" / "broken.jpg").write_bytes(b"not a picture")
    return tmp_path / "pets"


@pytest.fixture
def idx_file(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (12, 9, 10), np.uint8)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *images.shape) + images.tobytes())
    return path


@pytest.fixture
def slow_shapes(monkeypatch: pytest.MonkeyPatch):
    """Shapes that take ten seconds unless they are given up."""
    load = Shapes.load.__func__

    def slowly(cls, config, report):
        for done in range(1000):
            report(done, 1000)
            time.sleep(0.01)
        return load(cls, config, report)

    monkeypatch.setattr(Shapes, "load", classmethod(slowly))


@pytest.fixture
def loaded(window: MainWindow) -> Callable[[str], Callable[[], bool]]:
    """loaded("folder"): to wait for, images of that source are loaded."""
    session = window.session
    return lambda source: lambda: session.dataset.source == source and not session.loading


@pytest.fixture
def drop(window: MainWindow) -> Callable[..., None]:
    """drop(path, ...): what the window system sends when a person lets go of files over the window."""

    def drop(*paths: Path) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPoint(400, 300), copy, data, left, none)
        QApplication.sendEvent(window, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(window, QDropEvent(QPointF(400, 300), copy, data, left, none))

    return drop
