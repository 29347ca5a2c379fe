"""The Latent dock and the Explore mode: every way to move, and the picture that answers."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from latentlab.latent import samplers, traversal

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


def drawn(seed, truncation=1.0):
    return samplers.from_seeds([seed], (6,), truncation)[0]


def unit(dim):
    return traversal.unit(dim, 6)


def test_a_dragged_slider_moves_its_dimension_alone_and_the_picture_is_the_runs_own(
    opened, the, settled, run, qtbot
):
    latent, slider = opened.session.latent, the("latent_slider_2")
    before = latent.z.copy()
    end = QPoint(slider.width() - 7, slider.height() // 2)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, 10))
    qtbot.mouseMove(slider, end)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)
    assert latent.z[2] == pytest.approx(3, abs=0.05)
    np.testing.assert_array_equal(np.delete(latent.z, 2), np.delete(before, 2))
    assert the("latent_value_2").value() == pytest.approx(latent.z[2])
    settled()
    np.testing.assert_array_equal(the("explore_view").picture, run.pixels(latent.z)[0, 0])


def test_every_picture_of_the_seed_is_that_of_the_saved_run(opened, the, type_into, settled, run):
    shown = []
    for seed in (3, 12_345):
        type_into("latent_seed", str(seed))
        settled()
        np.testing.assert_array_equal(opened.session.latent.z, drawn(seed))
        np.testing.assert_array_equal(the("explore_view").picture, run.pixels(drawn(seed))[0, 0])
        shown.append(the("explore_view").picture.tobytes())
    assert shown[0] != shown[1]


def test_a_typed_value_is_kept_exactly_beyond_the_end_of_the_slider_too(opened, the, type_into, settled, run):
    type_into("latent_value_0", "4.25")
    assert opened.session.latent.z[0] == 4.25
    assert the("latent_slider_0").value() == the("latent_slider_0").maximum()
    settled()
    np.testing.assert_array_equal(the("explore_view").picture, run.pixels(opened.session.latent.z)[0, 0])


def test_a_rows_reset_is_offered_only_where_there_is_something_to_reset(opened, the, click, type_into):
    type_into("latent_value_1", "1.5")
    assert the("latent_reset_1").isEnabled()
    click("latent_reset_1")
    assert opened.session.latent.z[1] == 0
    assert not the("latent_reset_1").isEnabled()


def test_a_locked_dimension_stays_through_randomise_reset_and_seeds(opened, the, click, type_into):
    latent = opened.session.latent
    type_into("latent_value_3", "1.25")
    click("latent_lock_3")
    assert latent.locked == {3}
    before = latent.z.copy()
    click("latent_randomize")
    assert latent.z[3] == 1.25 and not np.isclose(np.delete(latent.z, 3), np.delete(before, 3)).any()
    assert the("latent_seed").value() == latent.seed
    click("latent_reset")
    np.testing.assert_array_equal(latent.z, [0, 0, 0, 1.25, 0, 0])
    type_into("latent_seed", "5")
    np.testing.assert_array_equal(np.delete(latent.z, 3), np.delete(drawn(5), 3))
    assert latent.z[3] == 1.25
    click("latent_lock_3")
    click("latent_reset")
    np.testing.assert_array_equal(latent.z, np.zeros(6))


def test_truncation_redraws_what_a_seed_made(opened, the, type_into, settled, run):
    type_into("latent_seed", "9")
    type_into("latent_truncation", "0.5")
    np.testing.assert_array_equal(opened.session.latent.z, drawn(9, 0.5))
    assert not np.allclose(drawn(9, 0.5), drawn(9))
    settled()
    np.testing.assert_array_equal(the("explore_view").picture, run.pixels(drawn(9, 0.5))[0, 0])


def test_truncation_leaves_what_was_made_by_hand(opened, type_into):
    type_into("latent_seed", "9")
    type_into("latent_value_0", "2")
    by_hand = opened.session.latent.z.copy()
    type_into("latent_truncation", "0.5")
    np.testing.assert_array_equal(opened.session.latent.z, by_hand)


def test_a_click_on_a_neighbour_goes_there(opened, the, settled, run, qtbot):
    latent, around = opened.session.latent, the("explore_around")
    latent.set_seed(4)
    settled()
    qtbot.waitUntil(lambda: around.picture is not None)
    wanted = traversal.around(latent.z, unit(0), unit(1), 5, 0.75)[9]  # second row, last column
    assert (wanted != latent.z).sum() == 2
    qtbot.mouseClick(around, Qt.MouseButton.LeftButton, pos=around.tile_rect(9).center().toPoint())
    np.testing.assert_array_equal(latent.z, wanted)
    settled()
    np.testing.assert_array_equal(the("explore_view").picture, run.pixels(wanted)[0, 0])


def test_the_axes_choose_which_dimensions_the_neighbourhood_varies(opened, the, pick, settled, run, qtbot):
    latent, around = opened.session.latent, the("explore_around")
    pick("explore_axis_down", 4)
    pick("explore_axis_right", 2)
    assert [axis.name for axis in latent.axes] == ["z4", "z2"]
    tiles = run.pixels(traversal.around(latent.z, unit(4), unit(2), 5, 0.75))

    def shown(index):
        place = around._geometry.rect(index)
        return around.picture[place.top() : place.bottom() + 1, place.left() : place.right() + 1]

    qtbot.waitUntil(lambda: np.array_equal(shown(0), tiles[0, 0]), timeout=5_000)
    for index in range(25):
        np.testing.assert_array_equal(shown(index), tiles[index, 0])
    np.testing.assert_array_equal(shown(12), run.pixels(latent.z)[0, 0])


def test_filmstrips_appear_along_the_rows_in_view(opened, the, run, qtbot):
    sliders = the("latent_sliders")
    in_view = sliders.visible_dimensions()
    assert in_view
    qtbot.waitUntil(lambda: set(in_view) <= set(sliders._strips), timeout=10_000)
    for index in in_view:
        row = traversal.traverse(opened.session.latent.z, [index], 11)[0]
        np.testing.assert_array_equal(sliders._strips[index], run.pixels(row))
        assert sliders.row(index).strip.isVisible()


def test_another_latent_size_rebuilds_the_rows(opened, the, train):
    opened.session.latent.set_locked(5, True)
    assert the("latent_sliders").count() == 6
    train(steps=5, latent_size=3)
    assert the("latent_sliders").count() == 3
    assert opened.session.latent.locked == set()
    assert the("explore_axis_down").count() == 3
    assert opened.findChild(object, "latent_slider_3") is None
    train(steps=5, latent_size=1)
    assert the("latent_sliders").count() == 1
    assert not the("explore_around").isVisible()


def test_a_large_latent_makes_rows_only_when_they_come_into_view(opened, the, train, qtbot):
    train(steps=2, latent_size=200)
    sliders = the("latent_sliders")
    assert sliders.count() == 200
    assert 150 not in sliders._rows
    sliders.scroll_to(150)
    assert the("latent_slider_150").isVisible()
    the("latent_slider_150").setValue(500)
    assert opened.session.latent.z[150] == 1.5


def test_without_a_model_there_is_nothing_to_move(window, the):
    assert not the("latent_randomize").isEnabled()
    assert not the("latent_reset").isEnabled()
    assert not the("latent_sliders").isVisible()
    window.session.latent.randomise()  # R does nothing yet
    assert window.session.latent.size == 0
