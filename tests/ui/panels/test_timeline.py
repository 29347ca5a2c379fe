"""The Timeline: keyframes, a path that goes exactly through them, played, and written as a film."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

import latentlab
from latentlab.latent import paths, samplers

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def timeline(opened, the, click, type_into):
    """Keyframes of the seeds 1, 2 and 3."""
    opened.bottom_tabs.setCurrentWidget(opened.timeline)
    for seed in (1, 2, 3):
        type_into("latent_seed", str(seed))
        click("keyframe_add")
    return opened.timeline


def keyframes():
    return samplers.from_seeds([1, 2, 3], (6,))


def test_with_fewer_than_two_keyframes_there_is_no_path(opened, the, click):
    opened.bottom_tabs.setCurrentWidget(opened.timeline)
    walking = ["interpolation_play", "interpolation_position", "timeline_export"]
    assert not any(the(name).isEnabled() for name in [*walking, "keyframe_remove"])
    click("keyframe_add")
    assert not any(the(name).isEnabled() for name in walking)
    click("keyframe_add")
    assert all(the(name).isEnabled() for name in walking)


def test_keyframes_are_exact_latents_with_a_picture(opened, the, timeline):
    assert the("keyframe_list").count() == 3
    np.testing.assert_array_equal(timeline._latents, keyframes())
    assert not the("keyframe_list").item(0).icon().isNull()


def test_a_removed_keyframe_is_gone(opened, the, timeline, click):
    the("keyframe_list").setCurrentRow(1)
    click("keyframe_remove")
    assert the("keyframe_list").count() == 2
    np.testing.assert_array_equal(timeline._latents, keyframes()[[0, 2]])
    assert the("interpolation_position").maximum() == 2000
    click("keyframe_remove")
    click("keyframe_remove")
    assert the("keyframe_list").count() == 0
    assert not the("keyframe_remove").isEnabled()


def test_the_position_goes_exactly_through_the_keyframes_and_back_to_the_first(opened, the, timeline):
    position, latent = the("interpolation_position"), opened.session.latent
    for leg in (1, 2, 3):
        position.setValue(1000 * leg)
        np.testing.assert_allclose(latent.z, keyframes()[leg % 3], atol=1e-6)
    position.setValue(0)
    np.testing.assert_allclose(latent.z, keyframes()[0], atol=1e-6)


@pytest.mark.parametrize("kind", list(paths.PATHS))
def test_between_keyframes_the_path_is_of_the_chosen_kind(opened, the, timeline, pick, kind):
    assert the("interpolation_kind").count() == len(paths.PATHS)
    if the("interpolation_kind").currentData() != kind:
        pick("interpolation_kind", kind)
    the("interpolation_position").setValue(1250)
    wanted = paths.PATHS[kind](keyframes()[1], keyframes()[2], np.array([0.25]))[0]
    np.testing.assert_allclose(opened.session.latent.z, wanted, atol=1e-6)


def test_a_click_on_a_keyframe_goes_there(opened, the, timeline, qtbot):
    frames = the("keyframe_list")
    place = frames.visualItemRect(frames.item(1)).center()
    qtbot.mouseClick(frames.viewport(), Qt.MouseButton.LeftButton, pos=place)
    np.testing.assert_array_equal(opened.session.latent.z, keyframes()[1])
    assert the("interpolation_position").value() == 1000


def test_play_moves_at_the_chosen_pace_and_stops(opened, the, timeline, click, type_into, qtbot):
    type_into("interpolation_seconds", "0.5")
    position = the("interpolation_position")
    assert position.value() == 0
    click("interpolation_play")
    assert the("interpolation_play").text() == "Pause"
    qtbot.waitUntil(lambda: position.value() > 300, timeout=3_000)
    click("interpolation_play")
    assert the("interpolation_play").text() == "Play"
    stopped, z = position.value(), opened.session.latent.z.copy()
    qtbot.wait(150)
    assert position.value() == stopped
    wanted = paths.through(np.concatenate([keyframes(), keyframes()[:1]]), stopped / 1000)
    np.testing.assert_allclose(z, wanted, atol=1e-6)


def test_the_film_has_the_frames_that_were_asked_for(
    opened, the, timeline, click, type_into, qtbot, tmp_path, monkeypatch
):
    type_into("interpolation_seconds", "0.2")
    target = tmp_path / "walk.gif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(target), ""))
    click("timeline_export")
    qtbot.waitUntil(lambda: the("status_notice").text() == f"Written: {target}", timeout=10_000)
    loop = np.concatenate([keyframes(), keyframes()[:1]])
    run = latentlab.open_run(opened.session.run.path)
    with Image.open(target) as film:
        assert film.n_frames == 15  # 3 legs of 0.2 s at 25 a second
        assert film.size == (256, 256)  # 8 px, 32 times as large
        assert film.info["loop"] == 0 and film.info["duration"] == 40
        for frame in (0, 7):
            film.seek(frame)
            wanted = run.pixels(paths.through(loop, frame * 3 / 15))[0, 0].repeat(32, 0).repeat(32, 1)
            np.testing.assert_allclose(np.asarray(film.convert("L")), wanted, atol=1)


def test_a_name_without_its_ending_gets_one(opened, the, timeline, type_into, qtbot, tmp_path):
    type_into("interpolation_seconds", "0.1")
    timeline.export_to(tmp_path / "walk")
    qtbot.waitUntil((tmp_path / "walk.gif").exists, timeout=10_000)
    qtbot.waitUntil(lambda: the("status_notice").text().startswith("Written"), timeout=10_000)


def test_a_folder_that_is_not_there_is_one_sentence(opened, the, timeline, qtbot, tmp_path):
    timeline.export_to(tmp_path / "gone" / "walk.gif")
    qtbot.waitUntil(lambda: "Cannot write" in the("status_notice").text(), timeout=10_000)
    assert the("status_notice").accessibleName().startswith("error")


def test_keyframes_of_another_latent_size_are_dropped(opened, the, timeline, click, train):
    click("interpolation_play")
    train(steps=2, latent_size=4)
    assert the("keyframe_list").count() == 0
    assert not the("interpolation_play").isChecked()
    assert not timeline._timer.isActive()


def test_keyframes_stay_when_a_model_of_the_same_size_comes(opened, the, timeline, train):
    train(steps=2, latent_size=6)
    assert the("keyframe_list").count() == 3
