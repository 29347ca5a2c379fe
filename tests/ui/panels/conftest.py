"""What tests of panels share: a person's hands, and a small run that was trained without a window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QWidget
from pytestqt.qtbot import QtBot

import latentlab
from latentlab.run import Run
from latentlab.ui.main_window import MainWindow


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
    """The window with `saved_run` opened and its picture shown."""
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
