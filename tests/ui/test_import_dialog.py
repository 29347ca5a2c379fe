"""The import dialog and the export-model dialog: weights come in as a run, a model leaves as ONNX."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel

import latentlab
from latentlab.core.config import parse
from latentlab.models import MODELS
from latentlab.ui import model_dialog
from latentlab.ui.import_dialog import ImportDialog
from latentlab.ui.model_dialog import ModelDialog
from latentlab.ui.session import Session


def small(key="dcgan-radford", shape=(1, 16, 16), names=("a", "b"), **values):
    kind = MODELS.get(key)
    config = parse(kind.Config, {"latent_size": 5, "width": 8} | values, "model")
    return kind(config, shape, seed=3, label_names=names)


@pytest.fixture
def weights(tmp_path):
    """A generator of latent size 5, width 8 and 16 pixels under other names, and what fits nothing."""
    model = small()
    state = {f"netG.main.{name}": tensor for name, tensor in model.nets["generator"].state_dict().items()}
    torch.save(state | {"netG.extra.weight": torch.ones(3, 7)}, tmp_path / "their net.pth")
    return tmp_path / "their net.pth", model


@pytest.fixture
def session(qtbot):
    session = Session()
    session.said = []
    session.notified.connect(session.said.append)
    session.sampler.start()
    yield session
    assert session.close(seconds=30), "a worker thread did not end"
    session.deleteLater()


@pytest.fixture
def dialog(qtbot, session):
    dialog = ImportDialog(session)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def looked(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog._looking.isActive() and dialog._task is None, timeout=20_000)


def listed(dialog):
    tops = [dialog.report.topLevelItem(i) for i in range(dialog.report.topLevelItemCount())]
    return {top.text(0): [top.child(i).text(0) for i in range(top.childCount())] for top in tops}


def test_a_file_suggests_settings_and_says_what_fits(qtbot, dialog, weights):
    path, _ = weights
    assert not dialog.start.isEnabled()
    dialog.path.setText(str(path))
    looked(qtbot, dialog)
    assert dialog.shape() == (1, 16, 16)
    assert (dialog.form.values()["latent_size"], dialog.form.values()["width"]) == (5, 8)
    assert dialog.name.text() == "their net"
    found = listed(dialog)
    assert found["Of the file, not used (1)"] == ["netG.extra.weight (3×7)"]
    assert sum(len(entries) for title, entries in found.items() if title.startswith("Fits")) == 5
    assert dialog.summary.text().startswith("5 of ") and "random" not in dialog.summary.text()
    assert dialog.start.isEnabled()


def test_other_settings_fit_less_at_once(qtbot, dialog, weights):
    dialog.path.setText(str(weights[0]))
    looked(qtbot, dialog)
    field = dialog.form.field("latent_size")
    field.setValue(6)
    qtbot.waitUntil(lambda: dialog.fit is not None and dialog.fit.count == 4, timeout=20_000)
    assert "generator.0 (256×6)" in dialog.fit.left
    assert "in part from random weights" in dialog.summary.text()
    assert "netG.main.0.weight (256×5)" in dialog.fit.unused
    assert dialog.form.values()["latent_size"] == 6  # what a person typed is not suggested away


def test_what_is_no_file_of_weights_is_said_beside_the_list_and_in_no_notice(
    qtbot, dialog, session, tmp_path
):
    (tmp_path / "a.pth").write_bytes(b"nothing")
    dialog.path.setText(str(tmp_path / "a.pth"))
    looked(qtbot, dialog)
    assert "is damaged" in dialog.message.accessibleName()
    assert not dialog.start.isEnabled() and session.said == []


def test_a_model_of_classes_asks_for_their_names(qtbot, dialog, tmp_path):
    model = small("cgan")
    torch.save(model.nets["generator"].state_dict(), tmp_path / "c.pth")
    dialog.kind.setCurrentIndex(dialog.kind.findData("cgan"))
    assert dialog.classes.isVisible()
    dialog.path.setText(str(tmp_path / "c.pth"))
    looked(qtbot, dialog)
    assert "needs at least 2 classes" in dialog.message.accessibleName()
    dialog.classes.setText("cat, dog,")
    qtbot.waitUntil(lambda: dialog.fit is not None, timeout=20_000)
    assert dialog.label_names() == ("cat", "dog")
    assert dialog.form.values()["latent_size"] == 5
    dialog.kind.setCurrentIndex(dialog.kind.findData("dcgan"))
    assert not dialog.classes.isVisible()


def test_importing_makes_a_run_and_opens_it(qtbot, dialog, session, weights):
    path, model = weights
    dialog.path.setText(str(path))
    looked(qtbot, dialog)
    dialog.name.setText("mine")
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.run is not None, timeout=20_000)
    assert not dialog.isVisible()
    assert session.run.path == session.settings.runs / "mine"
    run = latentlab.open_run(session.run.path)
    z = run.latents(4)
    with model.evaluating():
        np.testing.assert_array_equal(run.decode(z), model.decode(torch.from_numpy(z)).numpy())


@pytest.mark.parametrize("name", ["../out", "a/b", ".."])
def test_a_name_is_no_way_out_of_the_runs(qtbot, dialog, session, weights, name):
    dialog.path.setText(str(weights[0]))
    looked(qtbot, dialog)
    dialog.name.setText(name)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert "expected a folder's name" in dialog.message.accessibleName()
    assert not session.settings.runs.exists()


def test_a_name_that_is_taken_keeps_what_is_there(qtbot, dialog, session, weights):
    taken = session.settings.runs / "taken"
    taken.mkdir(parents=True)
    (taken / "run.json").write_text(json.dumps({}))
    dialog.path.setText(str(weights[0]))
    looked(qtbot, dialog)
    dialog.name.setText("taken")
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "already holds files" in dialog.message.accessibleName(), timeout=20_000)
    assert dialog.isVisible() and dialog.start.isEnabled()
    assert (taken / "run.json").read_text() == "{}"


# A model leaves


@pytest.fixture
def export(qtbot, session):
    """Opens the dialog with a model at hand."""

    def export(key="vae-conv"):
        session.sampler.adopt(small(key))
        qtbot.waitUntil(lambda: session.latent.model is not None, timeout=10_000)
        dialog = ModelDialog(session)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return export


@pytest.mark.parametrize(("part", "given", "size"), [("decoder", "z", 5), ("encoder", "images", 1)])
def test_a_part_is_written_and_its_difference_told(qtbot, session, export, tmp_path, part, given, size):
    dialog = export()
    dialog.part.setCurrentIndex(dialog.part.findData(part))
    assert dialog.path.text().endswith(f"{part}.onnx")
    path = tmp_path / f"{part}.onnx"
    dialog.path.setText(str(path))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(notice.text.startswith("Written") for notice in session.said), timeout=30_000)
    assert "it differs from this model by at most" in session.said[-1].text
    (entry,) = onnxruntime.InferenceSession(path).get_inputs()
    assert (entry.name, entry.shape[1]) == (given, size)


def test_a_file_that_is_there_is_replaced_only_where_that_is_said(qtbot, session, export, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_text("mine")
    dialog = export()
    dialog.path.setText(str(path))
    dialog.save.click()  # before it is known that there is one
    qtbot.waitUntil(lambda: "there already" in session.said[-1].text, timeout=30_000)
    assert path.read_text() == "mine"
    dialog = export()
    dialog.path.setText(str(path))
    qtbot.waitUntil(lambda: dialog.save.text() == "Replace", timeout=10_000)
    assert "mine.onnx is there already" in dialog.message.accessibleName()
    dialog.save.click()
    qtbot.waitUntil(lambda: session.said[-1].text.startswith("Written"), timeout=30_000)
    assert path.read_bytes()[:4] != b"mine"


def test_a_gan_has_a_decoder_alone(export):
    dialog = export("dcgan")
    assert [dialog.part.itemData(i) for i in range(dialog.part.count())] == ["decoder"]


def test_another_ending_and_missing_packages_are_said_before_anything_is_tried(export, monkeypatch):
    dialog = export()
    dialog.path.setText("/tmp/a.pb")
    assert "expected .onnx" in dialog.message.accessibleName() and not dialog.save.isEnabled()
    monkeypatch.setattr(model_dialog, "missing_packages", lambda: "run pip install 'latentlab[onnx]'.")
    dialog = export()
    dialog.path.setText("/tmp/a.onnx")
    assert "pip install" in dialog.message.accessibleName() and not dialog.save.isEnabled()


@pytest.mark.slow
def test_both_open_from_the_menu(window, qtbot):
    assert not window.findChild(QAction, "export_model_action").isEnabled()
    window.findChild(QAction, "import_weights_action").trigger()
    assert window.findChild(ImportDialog).isVisible()
    window.session.sampler.adopt(small())
    qtbot.waitUntil(window.findChild(QAction, "export_model_action").isEnabled, timeout=10_000)
    window.findChild(QAction, "export_model_action").trigger()
    assert window.findChild(ModelDialog).isVisible()
    for dialog in (window.findChild(ImportDialog), window.findChild(ModelDialog)):
        dialog.close()
    assert window.findChild(QLabel, "status_notice") is not None
