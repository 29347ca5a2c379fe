"""The Samples mode: the history grows, can be gone back through, and follows again at its end."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

import latentlab
from latentlab.latent import samplers

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


def on_disk(window, index):
    """The snapshot in the run folder."""
    with Image.open(window.session.run.samples()[index][1]) as image:
        return np.asarray(image)


@pytest.fixture
def samples(opened, qtbot):
    opened.canvas_tabs.setCurrentWidget(opened.samples)
    return opened.samples


def test_samples_grow_while_training_and_the_newest_is_shown(window, the, train, qtbot):
    window.canvas_tabs.setCurrentWidget(window.samples)
    train(steps=0)
    history = window.session.history
    qtbot.waitUntil(lambda: len(history.steps) >= 3, timeout=15_000)
    assert history.steps[0] == 0 and history.steps == sorted(set(history.steps))
    assert the("history_slider").maximum() >= 2 and the("history_slider").isEnabled()
    window.session.stop()
    qtbot.waitUntil(lambda: window.session.state == "idle", timeout=10_000)
    assert the("history_slider").value() == the("history_slider").maximum() == len(history.steps) - 1
    assert history.steps == [step for step, _ in window.session.run.samples()]
    np.testing.assert_array_equal(the("samples_view").picture, on_disk(window, -1))


def test_the_slider_goes_back_to_what_is_in_the_run_folder(opened, the, samples, qtbot):
    slider, view = the("history_slider"), the("samples_view")
    assert slider.maximum() == len(opened.session.run.samples()) - 1 >= 6
    np.testing.assert_array_equal(view.picture, on_disk(opened, -1))
    shown = [view.picture.tobytes()]
    for index in (0, 3):
        slider.setValue(index)
        qtbot.waitUntil(lambda i=index: samples.step.text() == f"step {i}", timeout=5_000)
        np.testing.assert_array_equal(view.picture, on_disk(opened, index))
        shown.append(view.picture.tobytes())
    assert len(set(shown)) == 3


def test_an_older_snapshot_stays_while_training_until_the_end_of_the_slider_follows_again(
    window, the, train, qtbot
):
    window.canvas_tabs.setCurrentWidget(window.samples)
    train(steps=0)
    history, slider = window.session.history, the("history_slider")
    qtbot.waitUntil(lambda: len(history.steps) >= 2, timeout=15_000)
    slider.setValue(0)
    before, first = len(history.steps), on_disk(window, 0)
    qtbot.waitUntil(lambda: len(history.steps) > before, timeout=15_000)
    assert slider.value() == 0
    np.testing.assert_array_equal(the("samples_view").picture, first)
    slider.setValue(slider.maximum())
    before = len(history.steps)
    qtbot.waitUntil(lambda: len(history.steps) > before, timeout=15_000)
    assert slider.value() == slider.maximum()


def test_a_click_on_tile_7_explores_seed_7(opened, the, samples, qtbot):
    view, latent = the("samples_view"), opened.session.latent
    latent.set_value(0, 2.0)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.tile_rect(7).center().toPoint())
    assert latent.seed == the("latent_seed").value() == 7
    np.testing.assert_array_equal(latent.z, samplers.from_seeds([7], (6,))[0])
    assert view.selected == 7
    # And tile 7 is what seed 7 decodes to.
    place = view._geometry.rect(7)
    tile = view.picture[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
    run = latentlab.open_run(opened.session.run.path)
    np.testing.assert_array_equal(tile, run.pixels(latent.z)[0, 0])


def test_play_runs_from_the_first_snapshot_to_the_last_and_stops(opened, the, samples, click, qtbot):
    slider, seen = the("history_slider"), []
    slider.valueChanged.connect(seen.append)
    assert slider.value() == slider.maximum()
    click("history_play")
    qtbot.waitUntil(lambda: not the("history_play").isChecked(), timeout=5_000)
    assert seen == list(range(slider.maximum() + 1))
    assert not samples._timer.isActive()
    qtbot.waitUntil(lambda: np.array_equal(the("samples_view").picture, on_disk(opened, -1)), timeout=5_000)


def test_play_can_be_stopped_in_between(opened, the, samples, click, qtbot):
    slider = the("history_slider")
    click("history_play")
    qtbot.waitUntil(lambda: slider.value() >= 1, timeout=5_000)
    click("history_play")
    stopped = slider.value()
    qtbot.wait(150)
    assert slider.value() == stopped < slider.maximum()


def test_of_a_thousand_snapshots_some_are_left_out_and_each_shown_one_is_waited_for(
    opened, the, samples, click, monkeypatch
):
    history = opened.session.history
    path = opened.session.run.samples()[0][1]
    history.show(opened.session.run, [(number, path) for number in range(1000)])
    slider = the("history_slider")
    held = []
    monkeypatch.setattr(history, "_start_task", lambda read, then, ended: held.append((read, then)))
    click("history_play")
    samples._timer.stop()  # the test is the clock
    assert slider.value() == 0
    samples._on_tick()
    assert slider.value() == 0  # it is still read
    read, then = held.pop()
    then(read(None))
    assert samples.step.text() == "step 0"
    places = []
    while samples.play.isChecked():
        samples._on_tick()
        places.append(slider.value())
        while held:
            read, then = held.pop()
            history.looked_at = (history.steps[history.index], None)
    assert places[-1] == 999 and len(places) < 450
    assert set(np.diff(places)) <= {0, 1, 3}


def test_a_snapshot_that_never_comes_does_not_hold_up_the_rest(opened, the, samples, click, monkeypatch):
    history, slider = opened.session.history, the("history_slider")
    history._cache.clear()
    monkeypatch.setattr(history, "_start_task", lambda read, then, ended: None)
    click("history_play")
    samples._timer.stop()
    for _ in range(30):
        samples._on_tick()
    assert slider.value() == 1


def test_with_one_snapshot_there_is_nothing_to_play_but_a_strip(opened, the, samples):
    history = opened.session.history
    history.show(opened.session.run, opened.session.run.samples()[:1])
    assert not the("history_play").isEnabled() and the("history_export").isEnabled()
    history.show(opened.session.run, opened.session.run.samples()[:2])
    assert the("history_play").isEnabled() and the("history_slider").maximum() == 1
    history.show(opened.session.run, [])
    assert not the("history_export").isEnabled()


def test_the_training_leaves_as_a_film_or_as_a_strip(opened, the, samples):
    film, strip = the("history_export").menu().actions()
    film.trigger()
    dialog = the("film_dialog")
    assert dialog.windowTitle() == "Export the training as a film" and dialog.isVisible()
    dialog.close()
    strip.trigger()
    assert the("export_source").currentData() == "history"
    the("export_grid_dialog").close()


def test_a_late_read_of_another_run_does_not_show_under_this_one(opened, samples, qtbot):
    """Two runs have snapshots of the same steps; which file is read first is nobody's choice."""
    from latentlab.ui.workers import read_run

    history, held = opened.session.history, []
    starts = history._start_task
    history._start_task = lambda read, then, ended: held.append((read, then))
    history._cache.clear()
    history.show(opened.session.run, opened.session.run.samples())
    read, then = held.pop()
    late = read(None)
    history._start_task = starts
    again = read_run(opened.session.run, 6)
    moved = [(step, path.with_name("other")) for step, path in again.samples]
    shown = []
    history.shown.connect(lambda step, images: shown.append(step))
    history._start_task = lambda read, then, ended: None
    history.show(opened.session.run, moved)
    then(late)
    assert shown == []
    history._start_task = starts
