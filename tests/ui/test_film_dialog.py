"""The export-film dialog: what it says, writes, remembers and refuses."""

from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QWidget

from latentlab import data, run
from latentlab.models.pixels import render
from latentlab.run import films
from latentlab.ui import film_dialog
from latentlab.ui.film_dialog import FilmDialog
from latentlab.ui.session import Session

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of windows
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small run of some snapshots."""
    from latentlab.training.control import Control
    from latentlab.training.events import Paused

    plan = run.plan(
        "vae-mlp", {"latent_size": 3, "width": 8}, {"batch_size": 32, "steps": 6, "device": "cpu"}
    )
    folder, control = tmp_path_factory.mktemp("trained") / "v1.5 run", Control()
    control.step_once()
    for event in run.begin(data.load("digits", {"size": 8}), plan, folder).events(control):
        if isinstance(event, Paused):
            (control.step_once if event.step < 4 else control.resume)()
    return folder


@pytest.fixture
def session(qtbot, trained, tmp_path):
    """A session without a window with three keyframes, that writes into `tmp_path`."""
    session = Session()
    session.said = []
    session.notified.connect(session.said.append)
    session.sampler.start()
    session.state = "idle"
    session.open_run(trained)
    qtbot.waitUntil(lambda: session.run is not None and session.latent.model is not None, timeout=20_000)
    qtbot.waitUntil(lambda: session.timeline._file._reading is None, timeout=20_000)
    session.timeline.remove(list(session.timeline.items))
    session.remember(export_folder=str(tmp_path))
    session.timeline.set_walk(kind="slerp", seconds=0.4, fps=10.0, loop=True)
    for seed in (1, 2, 3):
        session.latent.set_seed(seed)
        session.timeline.add()
    yield session
    assert session.close(seconds=10)
    session.deleteLater()


@pytest.fixture
def film(session, qtbot):
    """film("walk"): the dialog, settled, with a small side."""

    def film(subject="walk", suffix=".gif"):
        dialog = FilmDialog(session, subject=subject)
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.form.set_values({"side": 16, "resampling": "nearest"})
        dialog.target.set_suffix(suffix)
        dialog.target.format.activated.emit(dialog.target.format.currentIndex())
        qtbot.waitUntil(lambda: not dialog.target.looking, timeout=10_000)
        return dialog

    return film


def save(dialog, qtbot):
    """Press Save and wait for what comes of it."""
    path = dialog.target.file
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog._job is None, timeout=20_000)
    return path


def frames_of(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def test_every_widget_has_a_name_that_can_be_spoken(film):
    dialog = film()
    for name in ("film_path", "film_format", "film_side", "film_resampling", "film_fps", "film_save"):
        widget = dialog.findChild(QWidget, name)
        assert widget is not None and widget.accessibleName() and (widget.toolTip() or name == "film_path")
    assert [dialog.target.format.itemText(i) for i in range(5)] == [
        "GIF",
        "MP4",
        "WebP",
        "APNG",
        "PNG sequence",
    ]


def test_it_says_how_long_and_large_the_film_is(film, session):
    dialog = film()
    dialog._show()
    assert dialog.summary.text() == "1.2 s · 12 frames · 16 × 16 pixels"
    dialog.form.field("fps").setValue(20)
    assert session.timeline.walk.fps == 20
    assert "24 frames" in dialog.summary.text()
    session.timeline.remove(session.timeline.items[:2])
    assert dialog.summary.text() == "Add two keyframes to the timeline first."
    assert not dialog.save.isEnabled()


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".apng", ".webp", ""])
def test_every_format_has_every_frame(film, session, qtbot, suffix):
    dialog = film(suffix=suffix)
    path = save(dialog, qtbot)
    assert path.name == f"v1-5 run-walk{suffix}"
    model = session.latent.model
    route, walk = session.timeline.route, session.timeline.walk
    latents = route.at(np.arange(12) * route.legs / 12)
    assert walk.fps == 10
    wanted = render(model, latents)[:, 0].repeat(2, 1).repeat(2, 2).astype(float)
    if suffix == "":
        found = [np.asarray(Image.open(file)) for file in sorted(path.iterdir())]
    elif suffix == ".mp4":
        found = frames_of(path)
    else:
        with Image.open(path) as image:
            assert image.n_frames == 12
            found = []
            for number in range(12):
                image.seek(number)
                found.append(np.asarray(image.convert("L")))
    assert len(found) == 12
    exact = suffix in ("", ".gif", ".apng")
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one - other).mean() < (0.01 if exact else 12)


def test_a_written_film_is_not_written_over_by_chance(film, session, qtbot):
    dialog = film()
    path = save(dialog, qtbot)
    qtbot.waitUntil(lambda: dialog.target.file != path, timeout=10_000)
    assert dialog.target.file.name == "v1-5 run-walk-2.gif"
    dialog.target.path.setText(str(path))
    qtbot.waitUntil(lambda: not dialog.target.looking, timeout=10_000)
    assert dialog.save.text() == "Replace"
    session.timeline.set_walk(seconds=0.2)
    save(dialog, qtbot)
    with Image.open(path) as image:
        assert image.n_frames == 6


def test_cancelling_leaves_no_file(film, session, qtbot, tmp_path, monkeypatch):
    def endless(model, latents, config, report):
        while True:
            report(1, 100)
            yield np.zeros((16, 16), np.uint8)

    monkeypatch.setattr(films, "decoded", endless)
    dialog = film()
    dialog.save.click()
    qtbot.waitUntil(lambda: session.exports.jobs[0].done == 1, timeout=10_000)
    assert not dialog.save.isEnabled()
    session.exports.cancel(session.exports.jobs[0])
    qtbot.waitUntil(lambda: dialog._job is None, timeout=10_000)
    assert list(tmp_path.glob("**/*walk*")) == []
    assert dialog.save.isEnabled() and session.said[-1].text.endswith("was not written.")


def test_a_folder_that_is_not_there_is_one_sentence(film, session, qtbot, tmp_path):
    dialog = film()
    dialog.target.path.setText(str(tmp_path / "gone" / "walk.gif"))
    qtbot.waitUntil(lambda: not dialog.target.looking, timeout=10_000)
    assert "There is no folder" in dialog.target.message.accessibleName()
    save(dialog, qtbot)
    assert session.said[-1].level == "error" and not (tmp_path / "gone").exists()


def test_a_geodesic_that_is_not_found_yet_is_found_for_the_film(film, session, qtbot):
    dialog = film()
    session.timeline.set_walk(kind="geodesic")
    assert "geodesic is found first" in dialog.summary.text()
    film_of = session.timeline.film()
    assert film_of[3] is None
    path = save(dialog, qtbot)
    with Image.open(path) as image:
        assert image.n_frames == 12


def test_the_training_as_a_film(film, session, qtbot):
    dialog = film("history")
    dialog.form.set_values({"seconds": 1.0, "fps": 10, "rows": 2, "columns": 3})
    dialog._show()
    snapshots = len(session.history.steps)
    assert dialog.summary.text() == f"2.5 s · 25 frames · of {snapshots} snapshots"
    path = save(dialog, qtbot)
    assert path.name == "v1-5 run-history.gif"
    with Image.open(path) as image:
        assert image.n_frames == 25 and image.width == 3 * (8 + 2) + 2


def test_last_settings_are_kept_for_each_kind(film, session, qtbot):
    dialog = film(suffix=".webp")
    dialog._remember()
    dialog.close()
    last = session.settings.exports["film"]
    assert last["suffix"] == ".webp" and last["walk"]["side"] == 16
    again = FilmDialog(session)
    qtbot.addWidget(again)
    assert again.form.values()["side"] == 16 and again.target.suffix == ".webp"
    history = FilmDialog(session, subject="history")
    qtbot.addWidget(history)
    assert history.form.values()["side"] == 512
    session.remember(exports={"film": {"walk": {"side": -3, "what": 1}, "suffix": ".doc"}})
    damaged = FilmDialog(session)
    qtbot.addWidget(damaged)
    assert damaged.form.values()["side"] == film_dialog.WalkFilm().side
