"""The first paint comes before every slow import; the end comes within two seconds and loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from latentlab.run import open_run
from latentlab.ui.main_window import MainWindow


def run_script(body: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A Python of its own, in this checkout."""
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)],
        cwd=root,
        env=dict(os.environ, LATENTLAB_HOME=str(home), QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_window_is_painted_before_torch_pyqtgraph_and_scikit_learn_are_imported(tmp_path: Path) -> None:
    result = run_script(
        """
        import sys
        import latentlab.cli
        from latentlab.ui.app import create_window
        from PySide6.QtWidgets import QApplication
        window = create_window()
        found = []
        def look():
            slow = ("torch", "pyqtgraph", "sklearn", "scipy", "av", "PIL", "typer", "rich")
            found.extend(m for m in slow if m in sys.modules)
            QApplication.instance().quit()
        window.painted.connect(look)
        window.show()
        QApplication.instance().exec()
        window.session.close(60)
        print("imported:", found)
        """,
        tmp_path,
    )
    assert result.stdout.strip() == "imported: []", result.stderr


def test_a_window_that_is_dressed_when_it_is_built_looks_as_one_that_is_built_dressed(tmp_path: Path) -> None:
    result = run_script(
        """
        from latentlab.ui.app import create_window
        from PySide6.QtWidgets import QApplication
        pictures = []
        for _ in range(2):  # to the second, the style sheet of the first applies from the beginning
            window = create_window()
            looks = []
            for tabs in (window.canvas_tabs, window.right_tabs, window.bottom_tabs):
                for index in reversed(range(tabs.count())):
                    tabs.setCurrentIndex(index)
                    looks.append(window.grab().toImage())
            choice = window.toolbar.preset
            choice.showPopup()
            looks.append(choice.view().window().grab().toImage())
            choice.hidePopup()
            window.session.close(60)
            pictures.append(looks)
            window.deleteLater()
        print([a == b for a, b in zip(*pictures)])
        """,
        tmp_path,
    )
    assert result.stdout.strip() == str([True] * 12), result.stderr


def test_quitting_at_once_leaves_no_running_thread_behind(tmp_path: Path) -> None:
    result = run_script(
        """
        import sys
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication
        from latentlab.ui import app
        create = app.create_window
        def create_and_close(argv=()):
            window = create(argv)
            window.painted.connect(lambda: QTimer.singleShot(200, window.close))
            return window
        app.create_window = create_and_close
        sys.exit(app.main())
        """,
        tmp_path,
    )
    assert result.returncode == 0
    assert result.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal between processes")
def test_ctrl_c_in_the_terminal_saves_and_ends(tmp_path: Path) -> None:
    body = """
        from latentlab.ui import app
        create = app.create_window
        def create_and_train(argv=()):
            window = create(argv)
            session = window.session
            session.set_model("vae-mlp")
            session.training_values |= {"steps": 0}
            begun = []
            def begin(state):
                if session.can_train and not begun:
                    begun.append(True)
                    session.train()
            session.state_changed.connect(begin)
            session.progressed.connect(lambda progress: print("training", flush=True))
            return window
        app.create_window = create_and_train
        raise SystemExit(app.main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body)],
        cwd=Path(__file__).parents[2],
        env=dict(os.environ, LATENTLAB_HOME=str(tmp_path), QT_QPA_PLATFORM="offscreen"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert open_run(run).step > 0


def answer(button_name: str) -> None:
    """Press a button of the question that is open, or ask again in a moment."""
    box = QApplication.activeModalWidget()
    if isinstance(box, QMessageBox):
        accept = box.findChild(QPushButton, "close_accept")
        assert accept is not None
        other = next(b for b in box.buttons() if b is not accept)
        (accept if button_name == "close_accept" else other).click()
    else:
        QTimer.singleShot(20, lambda: answer(button_name))


def start(qtbot: QtBot, window: MainWindow) -> None:
    session = window.session
    session.set_model("vae-mlp")
    session.training_values |= {"steps": 0}
    session.train()
    qtbot.waitUntil(lambda: session.state == "running" and bool(session.history.steps), timeout=30_000)


def test_closing_while_training_asks_and_a_no_goes_on(qtbot: QtBot, window: MainWindow) -> None:
    start(qtbot, window)
    QTimer.singleShot(0, lambda: answer("no"))
    window.close()
    assert window.isVisible()
    assert window.session.state == "running"


def test_closing_while_training_saves_and_is_gone_within_two_seconds(
    qtbot: QtBot, window: MainWindow
) -> None:
    start(qtbot, window)
    run = window.session.run
    assert run is not None
    qtbot.waitUntil(lambda: window.session.latent.step > 0, timeout=10_000)  # there is something to save
    asked = time.perf_counter()
    QTimer.singleShot(0, lambda: answer("close_accept"))
    window.close()
    assert not window.isVisible()
    assert window.session.close(seconds=max(0.0, 2 - (time.perf_counter() - asked)))
    assert open_run(run.path).step > 0


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_window_opens_in_both_themes(qtbot: QtBot, window: MainWindow, theme: str) -> None:
    window.menus.set_theme(theme)
    qtbot.wait(50)
    assert window.session.settings.theme == theme
    assert not window.grab().isNull()
