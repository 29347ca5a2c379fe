"""What holds for every model: gradients, too little data, NaN, and that it is too early to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from latentlab.training.health.figures import RECENT, About, Figures
from latentlab.training.health.finding import Finding, percent

TOO_LITTLE = "too-little-data"
#: Images below which a net learns its examples rather than what they have in common.
FEW_IMAGES = 1000
#: Gradients beside their early level: by how much they vanish, by how much they explode, and what ends it.
VANISHED, EXPLODED, BACK = 1e-3, 100.0, 3.0
#: Gradient norms that are nothing at all, whatever they began with.
NOTHING = 1e-7

GRADIENTS = {"grad": "model", "grad_g": "generator", "grad_d": "discriminator"}


@dataclass(frozen=True)
class Failure:
    """`what` became NaN or infinite at `step`; the model is again what it was at `back_to`."""

    step: int
    back_to: int
    what: str


def not_a_number(failure: Failure | None, about: About, figures: Figures) -> Finding | None:
    """Told until training has come well past the step that failed."""
    if failure is None or figures.step > failure.step + RECENT:
        return None
    remedy = "Lower the learning rate"
    if about.family == "gan":
        remedy += ", or choose a gradient penalty, R1 or spectral normalisation"
    what = failure.what[:1].upper() + failure.what[1:]
    return Finding(
        "not-a-number",
        "error",
        f"{what} became infinite or no number (NaN) at step {failure.step:,}. The model is again "
        f"what it was at step {failure.back_to:,}; nothing of the failure was kept.",
        f"{remedy}, then go on.",
        float(failure.step),
    )


def too_little_data(about: About) -> Finding | None:
    if not 0 < about.images < FEW_IMAGES:
        return None
    text = f"There are only {about.images:,} {about.noun} to learn from."
    if about.family == "gan":
        return Finding(
            TOO_LITTLE,
            "warning",
            f"{text} A discriminator soon knows so few by heart and can teach the generator nothing new.",
            "Choose the preset “Small data”, which switches augmentation on, or add more.",
            float(about.images),
        )
    return Finding(
        TOO_LITTLE,
        "warning",
        f"{text} The model may learn them by heart, and be poor at others.",
        "Add more, or take a smaller width; watch the held-out curves and stop where they turn.",
        float(about.images),
    )


def gradients(about: About, figures: Figures) -> Iterator[Finding]:
    """Gradient norms of the last `RECENT` steps against those the run began with."""
    for name, net in GRADIENTS.items():
        levels = figures.levels(name)
        if levels is None:
            continue
        early, recent = levels
        change = recent / early if early > 0 else 1.0
        key = f"vanishing-gradients:{name}"
        if figures.exceeds(key, min(change / VANISHED, recent / NOTHING), 1.0, BACK):
            yield Finding(
                "vanishing-gradients",
                "warning",
                f"The {net}'s gradients have all but vanished: their norm is {recent:.1g}, "
                f"{percent(change)} of what it was at first. It learns nothing any more.",
                _remedy_vanishing(name, about),
                recent,
            )
        elif figures.exceeds(f"exploding-gradients:{name}", change, EXPLODED, EXPLODED / BACK):
            yield Finding(
                "exploding-gradients",
                "warning",
                f"The {net}'s gradients explode: their norm is {recent:.2g}, {change:,.0f} times what it was "
                "at first. A step may soon throw the model far off.",
                "Lower the learning rate"
                + (", or add a gradient penalty, R1 or spectral normalisation." if name != "grad" else "."),
                recent,
            )


def _remedy_vanishing(name: str, about: About) -> str:
    if name == "grad":
        return "Raise the learning rate, or begin again with another seed."
    if name == "grad_d":
        return "The discriminator is sure of itself: lower its learning rate, or smooth its labels."
    if about.loss == "minimax":
        return "The minimax loss does this when the discriminator wins: choose the non-saturating one."
    return "Weaken the discriminator: a lower learning rate, instance noise, a gradient penalty or R1."


def too_early(about: About, figures: Figures) -> Finding:
    if figures.step < RECENT:
        return Finding(
            "too-early",
            "info",
            f"It is too early to say how the training goes: {figures.step:,} steps are done.",
            value=float(figures.step),
        )
    return Finding(
        "nothing-found",
        "info",
        f"Nothing unusual was measured in {figures.step:,} steps.",
        value=float(figures.step),
    )
