"""VAEs: whether the latent is used, whether the model learns, and whether it learns by heart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latentlab.training.health.figures import TAIL, About, Figures, Series
from latentlab.training.health.finding import Finding, nats
from latentlab.training.health.samplers import mode_collapse

#: Steps before the latent is judged: at first no model uses it.
JUDGED_FROM = 300
#: KL of a latent that says nothing, and of one that says something, in nats.
SILENT, SPEAKS = 0.5, 1.0
#: Share of the dimensions that is few, if they are fewer than `FEW`, and what is no longer few.
FEW_SHARE, FEW, MORE_SHARE = 0.25, 4, 0.35
#: How much held-out figures worsen from their best, beside all they improved, when a model learns by heart.
WORSE, NEARLY_BEST = 0.015, 0.0075
#: Diversity of samples that are nearly all the same, and that no longer are; less than a GAN's, because they
#: are means, without the pixels' noise.
SAME, VARIED = 0.05, 0.1
#: A figure whose last `TAIL` values differ by less than this share of its whole fall has settled.
SETTLED = 0.01

REMEDY = "Lower β (the KL weight), let it warm up over some thousand steps, or give dimensions free bits."


def findings(about: About, figures: Figures) -> Iterator[Finding | None]:
    collapse = posterior_collapse(about, figures)
    yield collapse
    if collapse is None:
        yield mode_collapse(about, figures, "Train for longer, or lower β (the KL weight).", SAME, VARIED)
    overfit = over_fitting(figures)
    yield overfit
    if overfit is None and (collapse is None or collapse.level != "error"):
        yield learning(about, figures)


def posterior_collapse(about: About, figures: Figures) -> Finding | None:
    """The posterior is the prior whatever the image: the latent says nothing of it."""
    kl, active = figures.last("heldout_kl"), figures.last("active_units")
    if kl is None or active is None or figures.step < JUDGED_FROM:
        return None
    size = about.latent_size
    each = f", {nats(kl / size)} per dimension" if size > 1 else ""
    of = f"of {size} latent dimensions" if size else "latent dimensions"
    if figures.exceeds("silent", kl, SILENT, SPEAKS):
        return Finding(
            "posterior-collapse",
            "error",
            f"Posterior collapse: {active:.0f} {of} are active and the KL is {nats(kl)} nats{each}. "
            "The latent says nothing of the image, so every sample is the same average.",
            REMEDY,
            kl,
        )
    if size and active < FEW and figures.exceeds("few", active / size, FEW_SHARE, MORE_SHARE):
        return Finding(
            "posterior-collapse",
            "warning",
            f"Most of the latent has collapsed: only {active:.0f} {of} are active "
            f"(KL {nats(kl)} nats{each}).",
            REMEDY,
            active / size,
        )
    return None


def _judged(figures: Figures) -> tuple[str, str, Series] | None:
    """What is compared, its title and its series: the ELBO, or of an auto-encoder the reconstruction."""
    for name, title in (("heldout_neg_elbo", "−ELBO"), ("heldout_reconstruction", "reconstruction")):
        if name in figures.series:
            return name, title, figures.series[name]
    return None


def over_fitting(figures: Figures) -> Finding | None:
    """Held-out figures worsen from their best, while those of the training images go on improving."""
    found = _judged(figures)
    if found is None:
        return None
    name, title, series = found
    training = figures.recent(Figures.COMPANIONS[name])
    (step, best), now = series.lowest, series.last[1]
    if training is None or series.companion is None:
        return None
    # A quick model has learned most before it is first evaluated: its first step knows where it began.
    gained = max(series.first[1], figures.series[Figures.COMPANIONS[name]].first[1]) - best
    if gained <= 0:
        return None
    # The less of both: what held-out images lost, and what the gap to the training images grew by.
    worse = min(now - best, (now - training) - (best - series.companion)) / gained
    if not figures.exceeds("over-fitting", worse, WORSE, NEARLY_BEST):
        return None
    return Finding(
        "over-fitting",
        "warning",
        f"The model learns its images by heart: held-out {title} was best at step {step:,} ({nats(best)}) "
        f"and is {nats(now)} now, while that of the training images went from {nats(series.companion)} to "
        f"{nats(training)}.",
        f"Stop here, or open the checkpoint nearest to step {step:,}; more images or a smaller width help.",
        now - best,
    )


def learning(about: About, figures: Figures) -> Finding | None:
    """How far the held-out figure has come, and whether going on is worth it."""
    found = _judged(figures)
    if found is None:
        return None
    _, title, series = found
    (_, first), (_, now) = series.first, series.last
    if len(series.tail) < 2 or figures.step < JUDGED_FROM or now >= first:
        return None
    text = f"The model learns: held-out {title} fell from {nats(first)} to {nats(now)} nats"
    active = figures.last("active_units")
    if active is not None and about.latent_size:
        text += f", and {active:.0f} of {about.latent_size} latent dimensions are active"
    text += "."
    if len(series.tail) == TAIL and np.ptp(series.tail) < SETTLED * (first - now):
        text += " It hardly falls any more: going on would change little."
    return Finding("learning", "good", text, value=now)
