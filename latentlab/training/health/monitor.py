"""Takes in figures as they come and says what they mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latentlab.core.points import is_points
from latentlab.models.base import MODELS
from latentlab.training.health import autoencoders, common, samplers
from latentlab.training.health.figures import About, Figures
from latentlab.training.health.finding import GRAVITY, Finding
from latentlab.training.run_folder import RunFolder

#: Whole series are taken in by so many parts, so that they are judged as if they had come one after another.
PARTS = 200


class Monitor:
    """Remembers a little of every figure and says what they mean.

    family: of the model, "gan" or "vae". images: how many are trained on, 0 where unknown. config: the
    model's settings by name. classes: how many the data's labels have. Fed step by step with `note`, or with
    whole series by `replay`.
    """

    def __init__(
        self,
        family: str,
        images: int,
        *,
        config: Mapping[str, object] | None = None,
        image_shape: tuple[int, ...] = (),
        classes: int = 0,
    ) -> None:
        config, points = config or {}, is_points(image_shape)
        size = config.get("latent_size")
        self._about = About(
            family=family,
            images=images,
            latent_size=size if isinstance(size, int) else 0,
            loss=str(config.get("loss", "")),
            modes=classes if points else 0,
            noun="points" if points else "images",
        )
        self._figures = Figures()
        self._failure: common.Failure | None = None

    def note(self, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Take in figures: int64 steps (K,), and by name float (K,), NaN where nothing was measured."""
        self._figures.note(steps, values)

    def diverged(self, step: int, back_to: int, what: str) -> None:
        """`what` became NaN or infinite at `step`, and the model is again what it was at `back_to`."""
        self._failure = common.Failure(step, back_to, what)

    def replay(self, series: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Take in the series of a run from disk: name -> (steps, values), as if it were trained now."""
        last = max((int(at[-1]) for at, _ in series.values() if len(at)), default=0)
        bounds = np.unique(np.linspace(0, last, PARTS + 1).astype(np.int64))
        # Figures on held-out data are compared with what training had reached by then.
        names = sorted(series, key=lambda name: name in Figures.COMPANIONS)
        edges = {name: np.searchsorted(series[name][0], bounds, side="right") for name in names}
        for part in range(len(bounds) - 1):
            for name in names:
                start, stop = (edges[name][part] if part else 0), edges[name][part + 1]
                at, values = series[name]
                self.note(at[start:stop], {name: values[start:stop]})
            self.findings()

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say now, the gravest first."""
        about, figures = self._about, self._figures
        found = [
            common.not_a_number(self._failure, about, figures),
            *(autoencoders if about.family == "vae" else samplers).findings(about, figures),
            *common.gradients(about, figures),
            common.too_little_data(about),
        ]
        said = [finding for finding in found if finding]
        if all(finding.key == common.TOO_LITTLE for finding in said):
            said.append(common.too_early(about, figures))
        return tuple(sorted(said, key=lambda finding: GRAVITY.index(finding.level)))


def watch(
    folder: RunFolder,
    images: int = 0,
    series: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Monitor:
    """A monitor that knows what a run has measured so far; `images` are those trained on.

    Where `images` is 0 the number that run.json holds counts, if it does; `series` is what the folder holds
    for whoever has read it already. ConfigError for a model that this version lacks.
    """
    info = folder.info
    monitor = Monitor(
        MODELS.get(info["model"]["key"]).family,
        images or info["data"].get("trained_on", 0),
        config=info["model"]["config"],
        image_shape=info["image_shape"],
        classes=len(info["data"].get("label_names", ())),
    )
    monitor.replay(folder.read_metrics() if series is None else series)
    for failure in info.get("diverged", [])[-1:]:
        monitor.diverged(failure["step"], failure["back_to"], failure["what"])
    return monitor
