"""Which way a class or a factor can be read off the latent: linear probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import ConfigError
from latentlab.latent import samplers
from latentlab.latent.directions import labelled
from latentlab.latent.directions.base import Direction, Material, Method, Report, register
from latentlab.latent.directions.vectors import whole
from latentlab.latent.factors import CIRCULAR

if TYPE_CHECKING:
    from latentlab.models.base import Model

#: A class is probed where so many latents are of it, and so many are not: fewer cannot be judged.
FEWEST = 8
#: Share of the latents that a probe is judged on and does not learn from.
HELD_OUT = 0.25


@register("probe")
class Probe(Method):
    """Normals of linear probes (Alain and Bengio, arXiv 1610.01644; for GANs Shen et al., arXiv 1907.10786).

    A logistic regression per class against the rest, both weighted alike, and a ridge regression per factor;
    sine and cosine of a factor that is an angle. The notes tell balanced accuracy (1/2 is chance) and R^2 (0
    is chance) on latents that were held out. A model without an encoder judges its own samples; see
    `labelled.gather`.
    """

    title = "Linear probe"
    about = "Along what a class or a known factor of the data can be read off the latent, and how surely."
    paper = "1907.10786"

    class Config(Method.Config):
        samples: int = setting(
            4000, "Samples", "Images encoded, or samples judged, at most.", ge=40, le=100_000
        )
        seed: int = setting(0, "Seed", "Another seed takes and holds out other images.", ge=0, le=2**31 - 1)

    @classmethod
    def obstacle(cls, model: Model, material: Material) -> str:
        if reason := labelled.obstacle(model, material.dataset, "labels or factors"):
            return reason
        assert material.dataset is not None
        classes = sum(count > 0 for count in material.dataset.class_counts().values())
        if classes < 2 and not material.dataset.factors:
            return f"{material.dataset.name} has neither labels of two classes nor known factors."
        return ""

    @classmethod
    def find(cls, model: Model, material: Material, config: Any, report: Report) -> list[Direction]:
        assert material.dataset is not None
        known = labelled.gather(model, material.dataset, config.samples, config.seed, report)
        latents = known.latents[:, samplers.continuous(model)].astype(np.float64)
        classes = {}
        if known.labels is not None:
            members = {n: known.labels == i for i, n in enumerate(material.dataset.label_names)}
            classes = {n: m for n, m in members.items() if FEWEST <= m.sum() <= len(m) - FEWEST}
        factors = _targets(known.factors, known.labels)

        found: list[tuple[float, str, np.ndarray, str]] = []
        total = len(classes) + len(factors)
        for name, inside in classes.items():
            report(len(found), total)
            normal, accuracy = _classify(latents, inside, config.seed)
            found.append((accuracy, name, normal, f"accuracy {accuracy:.2f}"))
        for name, values in factors.items():
            report(len(found), total)
            normal, r2 = _regress(latents, values, config.seed)
            found.append((r2, name, normal, f"R² {round(r2, 2) + 0.0:.2f}"))  # + 0 for -0.00
        found.sort(key=lambda probe: -probe[0])
        directions = [Direction(n, whole(model, v), cls.key, note) for _, n, v, note in found if v.any()]
        if not directions:
            raise ConfigError(
                f"No class has {FEWEST} samples in and {FEWEST} out of it: there is none to probe."
            )
        return directions


def _targets(factors: Mapping[str, np.ndarray], labels: np.ndarray | None) -> dict[str, np.ndarray]:
    """The numbers to regress on: no constants, not the labels again, two for an angle."""
    targets: dict[str, np.ndarray] = {}
    for name, values in factors.items():
        if name in CIRCULAR:
            turn = np.deg2rad(values)
            targets |= {f"{name} sin": np.sin(turn), f"{name} cos": np.cos(turn)}
        elif labels is None or not np.array_equal(values, labels):
            targets[name] = values
    return {name: values for name, values in targets.items() if np.ptp(values) > 0}


def _classify(latents: np.ndarray, inside: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """The normal (K,) towards the latents that are `inside`, and its balanced accuracy on held-out ones."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import train_test_split

    split = train_test_split(latents, inside, test_size=HELD_OUT, random_state=seed, stratify=inside)
    learned, judged, learned_in, judged_in = split
    probe = LogisticRegression(class_weight="balanced", max_iter=2000).fit(learned, learned_in)
    return probe.coef_[0], float(balanced_accuracy_score(judged_in, probe.predict(judged)))


def _regress(latents: np.ndarray, values: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """The gradient (K,) of the fit, and its R^2 on held-out latents."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import train_test_split

    split = train_test_split(latents, values, test_size=HELD_OUT, random_state=seed)
    learned, judged, learned_values, judged_values = split
    probe = Ridge().fit(learned, learned_values)
    return probe.coef_, float(probe.score(judged, judged_values))
