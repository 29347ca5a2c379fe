"""What a plot of curves shows of a run: for the Curves tab, and for files that are written without it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab import metrics
from latentlab.core.files import write_bytes
from latentlab.export.base import explained
from latentlab.export.curves import CurvesConfig
from latentlab.models.base import MODELS
from latentlab.ui import wording

if TYPE_CHECKING:
    from latentlab.ui.widgets.loss_plot import LossPlot

#: What everybody looks at; the others wait in the legend's menu.
SHOWN_AT_FIRST = frozenset(
    ("neg_elbo", "reconstruction", "kl", "heldout_neg_elbo", "loss_d", "loss_g", "d_real", "d_fake")
)
#: Where the legend has no room for the whole title.
SHORT = {
    "heldout_reconstruction": "Held-out rec.",
    "active_units": "Active",
    "loss_d": "Loss D",
    "loss_g": "Loss G",
    "d_accuracy": "Accuracy D",
}
#: Shown of a model that has none of the usual ones.
FEWEST = 4


def fill(
    plot: LossPlot,
    info: Mapping[str, Any],
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Iterable[str] = (),
) -> None:
    """Show the series of a run, of which `info` is run.json, and its edits; those of `names` switched on, or
    else the usual ones.
    """
    kind = MODELS.get(info["model"]["key"])
    figures = [name for name in info["metrics"] if name not in kind.metric_titles]
    titles = dict(kind.metric_titles) | _figure_titles(figures)
    first = set(names) or {name for name in titles if name in SHOWN_AT_FIRST} or set(list(titles)[:FEWEST])
    if not names and "heldout_neg_elbo" not in titles:
        first.add("heldout_reconstruction")
    for name, title in titles.items():
        smoothed = name in kind.metric_titles
        plot.set_title(name, SHORT.get(name, title), smoothed=smoothed, shown=name in first)
    for name, (steps, values) in series.items():
        plot.extend(name, steps, values)
    for edit in info.get("edits", ()):
        plot.marks.add_edit(edit["step"], wording.edit_text(kind, edit["changes"]))


def _figure_titles(names: Iterable[str]) -> dict[str, str]:
    """What figures on held-out data are called."""
    known = {name: title for _, m in metrics.METRICS.items() for name, title in m.figures.items()}
    return {name: known.get(name, name) for name in names}


def write(
    path: str | Path,
    info: Mapping[str, Any],
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    config: CurvesConfig,
) -> None:
    """Write the series of a run, of which `info` is run.json, as .png or .svg; needs no screen.

    They are drawn as the Curves tab draws them. ExportError where the file cannot be written; ConfigError for
    series that are not there.
    """
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from latentlab.ui import theme
    from latentlab.ui.widgets.loss_plot import LossPlot

    app = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(app, QApplication)
    theme.apply(app, config.theme)
    plot = LossPlot()
    try:
        plot.plot.setFixedSize(config.width, config.height)
        plot.set_smoothing(config.smoothing)
        fill(plot, info, series, config.chosen(series))
        plot.set_log(config.log)
        plot.grab()  # lays out what is never shown
        content = plot.picture("svg" if Path(path).suffix.lower() == ".svg" else "png")
    finally:
        plot.deleteLater()
    with explained(Path(path)):
        write_bytes(path, content)
