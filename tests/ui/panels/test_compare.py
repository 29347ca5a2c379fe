"""The Compare mode: the same latent and seeds through two models, each with the pixels of its own run."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog

import latentlab
from latentlab import data, run
from latentlab.export.grid import compose
from latentlab.latent import samplers
from latentlab.models.base import Choice
from latentlab.training import checkpoint

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]

SEEDS = samplers.from_seeds(range(8), (6,))


@pytest.fixture(scope="session")
def two_stages(saved_run, tmp_path_factory):
    """A copy of the small run with a checkpoint of step 30 too, whose weights are others."""
    folder = tmp_path_factory.mktemp("stages") / "two stages"
    shutil.copytree(saved_run, folder)
    early = latentlab.open_run(folder)
    with torch.no_grad():
        for net in early.model.nets.values():
            for weight in net.parameters():
                weight.mul_(0.5)
    early.model.step_count = 30
    checkpoint.save(early.folder.checkpoint_path(30), early.model, {})
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """made(latent_size, side): a run of three steps on digits of this many pixels a side."""
    runs = {}

    def made(latent_size, side):
        if (latent_size, side) not in runs:
            limits = {"batch_size": 64, "steps": 3, "device": "cpu"}
            plan = run.plan("vae-mlp", {"latent_size": latent_size}, limits)
            folder = tmp_path_factory.mktemp("other") / f"run of {latent_size} and {side}"
            for _ in run.begin(data.load("digits", {"size": side}), plan, folder).events():
                pass
            runs[latent_size, side] = folder
        return runs[latent_size, side]

    return made


@pytest.fixture
def comparison(window, two_stages, the, qtbot):
    """`two_stages` opened at its last step, with the Compare tab in front."""
    window.session.open_run(two_stages)
    comparison = window.session.comparison
    qtbot.waitUntil(lambda: comparison.steps == [60, 30, 0], timeout=10_000)
    the("canvas_tabs").setCurrentWidget(window.compare)
    qtbot.waitUntil(lambda: the("compare_picture_a").picture is not None, timeout=10_000)
    return comparison


@pytest.fixture
def shows(the, qtbot, window):
    """shows("b", run): wait until a side's picture is what the run makes of the present latent."""

    def shows(letter, opened):
        def right():
            picture = the(f"compare_picture_{letter}").picture
            wanted = opened.pixels(window.session.latent.z)[0, 0]
            return picture is not None and np.array_equal(picture, wanted)

        qtbot.waitUntil(right, timeout=10_000)

    return shows


@pytest.fixture
def shows_seeds(the, qtbot):
    def shows_seeds(letter, opened):
        tiles = opened.pixels(samplers.draw(opened.model, range(8)))
        wanted = compose(tiles, 8, max(1, tiles.shape[2] // 14))
        row = the(f"compare_seeds_{letter}")
        qtbot.waitUntil(
            lambda: row.picture is not None and np.array_equal(row.picture, wanted), timeout=10_000
        )
        assert row.isVisible()

    return shows_seeds


def early_key(two_stages):
    return f"{two_stages}//30"


def test_at_first_the_present_model_stands_alone(comparison, the, two_stages, shows, shows_seeds):
    now = latentlab.open_run(two_stages)
    assert the("compare_a").currentText() == "Present model"
    assert the("compare_b").currentText() == "Nothing"
    shows("a", now)
    shows_seeds("a", now)
    assert the("compare_caption_a").text() == "two stages · step 60"
    assert the("compare_picture_b").picture is None and not the("compare_seeds_b").isVisible()
    assert "Choose a checkpoint" in the("compare_picture_b").accessibleDescription()
    assert comparison.samplers == []  # no second thread before it is needed


def test_both_sides_follow_the_slider_each_with_its_own_pixels(
    comparison, window, the, pick, two_stages, shows, shows_seeds, qtbot
):
    now, early = latentlab.open_run(two_stages), latentlab.open_run(two_stages, 30)
    pick("compare_b", early_key(two_stages))
    assert the("compare_b").currentText() == "step 30"
    shows("b", early)
    shows_seeds("b", early)
    shows_seeds("a", now)
    assert the("compare_caption_b").text() == "two stages · step 30"
    slider = the("latent_slider_1")
    end = QPoint(slider.width() - 20, slider.height() // 2)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 10))
    qtbot.mouseMove(slider, end)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)
    assert abs(window.session.latent.z[1]) > 1
    shows("a", now)
    shows("b", early)
    assert not np.array_equal(the("compare_picture_a").picture, the("compare_picture_b").picture)


def test_both_sides_can_be_saved_models_or_the_present_one(comparison, pick, two_stages, shows, shows_seeds):
    now, early = latentlab.open_run(two_stages), latentlab.open_run(two_stages, 30)
    pick("compare_b", "present")
    for letter in "ab":
        shows(letter, now)
        shows_seeds(letter, now)
    pick("compare_a", early_key(two_stages))
    shows("a", early)
    pick("compare_b", f"{two_stages}//60")
    shows("b", now)
    assert len(comparison.samplers) == 2


def test_the_difference_is_in_grey_levels(comparison, the, pick, click, two_stages, shows, type_into, qtbot):
    now, early = latentlab.open_run(two_stages), latentlab.open_run(two_stages, 30)
    click("compare_difference")
    assert not the("compare_picture_difference").isVisible()  # there is nothing to compare with
    pick("compare_b", early_key(two_stages))
    type_into("latent_seed", "5")
    shows("a", now)
    shows("b", early)
    a, b = (side.pixels(comparison._latent.z)[0, 0].astype(int) for side in (now, early))
    np.testing.assert_array_equal(the("compare_picture_difference").picture, abs(a - b))
    assert the("compare_picture_difference").isVisible()
    assert the("compare_caption_difference").text() == f"mean |A − B| {abs(a - b).mean():.2f} of 255"
    assert abs(a - b).max() > 10
    click("compare_difference")
    assert not the("compare_picture_difference").isVisible()


def test_models_of_other_dimensions_say_so_and_still_show_their_seeds(
    comparison, the, pick, click, made, shows_seeds, monkeypatch
):
    other = made(4, 8)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(other))
    pick("compare_b", "browse")
    shows_seeds("b", latentlab.open_run(other))
    sentence = "run of 4 and 8 has 4 dimensions, the present model 6: they do not share a latent space."
    assert the("compare_picture_b").accessibleDescription() == sentence
    assert the("compare_picture_b").picture is None
    assert the("compare_b").currentText() == "run of 4 and 8"
    click("compare_difference")
    assert not the("compare_picture_difference").isVisible()


def test_models_of_other_categories_say_so(comparison, the, pick, two_stages, shows, window):
    pick("compare_b", early_key(two_stages))
    shows("b", latentlab.open_run(two_stages, 30))
    comparison.sides[1].model.choices = (Choice("digit", "Digit", 4, ("0", "1")),)
    window.session.latent.space_changed.emit()
    assert "has other categories than the present model" in the("compare_picture_b").accessibleDescription()
    assert the("compare_picture_b").picture is None


def test_images_of_another_size_are_shown_alike_without_a_difference(
    comparison, the, click, made, shows, qtbot
):
    other = made(6, 12)
    comparison.sides[1].choose(str(other))
    shows("b", latentlab.open_run(other))
    assert the("compare_picture_a").target_rect().size() == the("compare_picture_b").target_rect().size()
    click("compare_difference")
    assert the("compare_picture_difference").picture is None
    assert "show a difference" in the("compare_picture_difference").accessibleDescription()


def test_recent_runs_are_offered_by_name(comparison, window, the, pick, saved_run, shows, qtbot):
    window.session.open_run(saved_run)
    qtbot.waitUntil(lambda: window.session.run.path == saved_run, timeout=10_000)
    side = comparison.sides[1]
    shows("a", latentlab.open_run(saved_run))
    path = next(p for p in window.session.settings.recent_runs if p.endswith("two stages"))
    assert the("compare_b").itemText(the("compare_b").findData(path)) == "two stages"
    pick("compare_b", path)
    shows("b", latentlab.open_run(path))
    assert side.label() == "two stages · step 60"


def test_a_run_that_is_gone_is_a_notice(comparison, the, qtbot, tmp_path):
    comparison.sides[1].choose(str(tmp_path / "gone"))
    assert the("compare_b").currentText() == "gone"
    qtbot.waitUntil(lambda: "There is no run at" in the("status_notice").text(), timeout=10_000)
    assert the("compare_b").currentText() == "Nothing" and comparison.samplers == []


def test_a_dialog_that_is_given_up_changes_nothing(comparison, the, pick, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: "")
    combo = the("compare_b")
    combo.setCurrentIndex(combo.findData("browse"))
    combo.activated.emit(combo.currentIndex())
    assert combo.currentText() == "Nothing"


def test_what_is_chosen_last_is_shown(comparison, two_stages, made, shows, qtbot):
    comparison.sides[1].choose(str(made(4, 8)))
    comparison.sides[1].choose(early_key(two_stages))
    shows("b", latentlab.open_run(two_stages, 30))
    assert len(comparison.samplers) == 1


def test_a_sampler_that_is_not_needed_ends(comparison, the, pick, two_stages, shows, qtbot):
    pick("compare_b", early_key(two_stages))
    shows("b", latentlab.open_run(two_stages, 30))
    (sampler,) = comparison.samplers
    assert sampler.isRunning()
    pick("compare_b", 0)
    assert comparison.sides[1].tile is None
    qtbot.waitUntil(lambda: comparison.samplers == [], timeout=5_000)


def test_closing_waits_for_the_second_sampler(comparison, window, pick, two_stages, shows):
    pick("compare_b", early_key(two_stages))
    shows("b", latentlab.open_run(two_stages, 30))
    (sampler,) = comparison.samplers
    assert window.session.close(seconds=10)
    assert sampler.isFinished()


def test_what_is_opened_when_the_window_closes_starts_no_thread(comparison, window, two_stages, qtbot):
    comparison.sides[1].choose(early_key(two_stages))
    assert window.session.close(seconds=10)
    with qtbot.waitSignal(comparison.sides[1].pictured, timeout=1, raising=False):
        pass
    assert comparison.samplers == []


def test_nothing_is_decoded_while_another_tab_is_in_front(
    comparison, window, the, pick, two_stages, shows, qtbot
):
    early = latentlab.open_run(two_stages, 30)
    pick("compare_b", early_key(two_stages))
    shows("b", early)
    decoded = []
    comparison.samplers[0].rendered.connect(lambda *answer: decoded.append(answer))
    the("canvas_tabs").setCurrentWidget(window.explore)
    for seed in (11, 12, 13):
        with qtbot.waitSignal(window.session.latent.explored, timeout=10_000):
            window.session.latent.set_seed(seed)
    assert decoded == []
    the("canvas_tabs").setCurrentWidget(window.compare)
    shows("b", early)
    assert len(decoded) == 1


def test_a_click_on_a_seed_goes_there(comparison, window, the, two_stages, shows_seeds, qtbot):
    shows_seeds("a", latentlab.open_run(two_stages))
    row = the("compare_seeds_a")
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton, pos=row.tile_rect(3).center().toPoint())
    np.testing.assert_array_equal(window.session.latent.z, SEEDS[3])


def test_the_present_model_is_followed_while_it_learns(
    comparison, window, the, pick, two_stages, train, shows, shows_seeds, qtbot
):
    early = latentlab.open_run(two_stages, 30)
    pick("compare_b", early_key(two_stages))
    shows("b", early)
    comparison._pacing.setInterval(10)
    train(steps=0)
    qtbot.waitUntil(lambda: window.session.latent.step > 5, timeout=30_000)
    assert all(sampler.modest for sampler in comparison.samplers)
    window.session.stop()
    qtbot.waitUntil(lambda: not window.session.busy, timeout=30_000)
    assert not any(sampler.modest for sampler in comparison.samplers)
    now = latentlab.open_run(window.session.run.path)
    shows("a", now)
    shows_seeds("a", now)
    qtbot.waitUntil(lambda: comparison.steps == [now.step, 0], timeout=10_000)
    assert the("compare_caption_a").text() == f"{now.folder.name} · step {now.step:,}"
    # B is still what it was, though its run is another now, and can be chosen again.
    shows("b", early)
    assert the("compare_b").currentText() == "two stages · step 30"
