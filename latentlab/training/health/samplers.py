"""GANs: whether samples show all of the data, and whether the two nets are a match for each other."""

from __future__ import annotations

from collections.abc import Iterator

from latentlab.training.health.figures import RECENT, About, Figures
from latentlab.training.health.finding import Finding, percent

#: Steps before samples are judged: a generator begins with noise, or with one grey. What still grows is not
#: called collapsed later, either.
JUDGED_FROM = 1000
#: Steps after which modes that are missed are lost, also where samples lie between them.
LATE = 2000
#: Coverage that is little, that is no longer little, and that is a lot.
LITTLE, ENOUGH, MUCH = 0.25, 0.35, 0.5
#: Density from which samples look like data.
LIKE_DATA = 0.3
#: Diversity of a GAN's samples that are nearly all the same, and that no longer are.
SAME, VARIED = 0.2, 0.3
#: Share of a threshold by which a figure grows, lately, that is still on its way to it.
RISE = 0.1
#: Share of the modes that is half of them at most, and that is clearly more.
HALF, MORE = 0.5, 0.65
#: Accuracy of a discriminator that wins, and no longer does; of one that guesses, and no longer does.
WINS, WINS_LESS = 0.97, 0.93
GUESSES, KNOWS = 0.55, 0.6
#: D(G(z)) of a discriminator that is not fooled.
UNFOOLED = 0.05

REMEDY = (
    "Choose a loss or regulariser that holds the discriminator's gradient in check (R1, or the preset "
    "“WGAN-GP”), or lower the learning rate."
)


def findings(about: About, figures: Figures) -> Iterator[Finding | None]:
    collapse = mode_collapse(about, figures, REMEDY)
    yield collapse
    yield discriminator_wins(about, figures)
    yield discriminator_loses(about, figures)
    if collapse is None:
        yield samples(about, figures)


def mode_collapse(
    about: About, figures: Figures, remedy: str, same: float = SAME, varied: float = VARIED
) -> Finding | None:
    """Samples that are real but show few modes, or that are all the same."""
    if figures.step < JUDGED_FROM:
        return None
    modes, quality = figures.last("modes"), figures.last("quality")
    if (
        modes is not None
        and quality is not None
        and about.modes > 1
        and (quality >= LIKE_DATA or figures.step >= LATE)
        and not figures.rises("modes", 1)
        and figures.exceeds("modes", modes / about.modes, HALF, MORE)
    ):
        return Finding(
            "mode-collapse",
            "error",
            f"Mode collapse: samples reach only {modes:.0f} of {about.modes} modes of the data, and "
            f"{percent(quality)} of them lie in one.",
            remedy,
            modes,
        )
    diversity = figures.last("diversity")
    if (
        diversity is not None
        and not figures.rises("diversity", RISE * same)
        and figures.exceeds("diversity", diversity, same, varied)
    ):
        return Finding(
            "mode-collapse",
            "error",
            f"Mode collapse: samples vary only {percent(diversity)} as much as the held-out {about.noun}, so "
            "they are nearly all alike.",
            remedy,
            diversity,
        )
    coverage, density = figures.last("coverage"), figures.last("density")
    if (
        coverage is not None
        and density is not None
        and density >= LIKE_DATA
        and not figures.rises("coverage", RISE * LITTLE)
        and figures.exceeds("coverage", coverage, LITTLE, ENOUGH)
    ):
        return Finding(
            "mode-collapse",
            "error",
            f"Mode collapse: samples look like data, but cover only {percent(coverage)} of the held-out "
            f"{about.noun} (97 % would be all).",
            remedy,
            coverage,
        )
    return None


def samples(about: About, figures: Figures) -> Finding | None:
    """How much of the data samples cover, where they have not collapsed."""
    modes, quality, coverage = (figures.last(name) for name in ("modes", "quality", "coverage"))
    if figures.step < JUDGED_FROM or coverage is None:
        return None
    fall = figures.recovered_from()
    again = f", again: it was {percent(fall[1])} at step {fall[0]:,}." if fall else ""
    if modes is not None and quality is not None and about.modes > 1:
        is_good = modes / about.modes > MORE and quality >= MUCH
        return Finding(
            "coverage",
            "good" if is_good else "info",
            f"Samples reach {modes:.0f} of {about.modes} modes, and {percent(quality)} of them lie in one.",
            value=modes,
        )
    covered = f"Samples cover {percent(coverage)} of the held-out {about.noun}"
    if coverage >= MUCH:
        return Finding("coverage", "good", f"{covered}{again or '; 97 % would be all.'}", value=coverage)
    density = figures.last("density") or 0.0
    look = "look like data" if density >= LIKE_DATA else "do not look much like data yet"
    return Finding(
        "coverage", "info", f"{covered} so far, and {look} (density {density:.2f}).", value=coverage
    )


def discriminator_wins(about: About, figures: Figures) -> Finding | None:
    """Nearly always right for long, and not fooled: its verdicts no longer tell the generator anything.

    A critic of Wasserstein's distance is to be as good as it can: nothing is said of it.
    """
    if about.loss.startswith("wgan"):
        return None
    right, fooled = figures.lasting("d_accuracy"), figures.lasting("d_fake")
    if right is None:  # runs of old did not measure it
        real = figures.lasting("d_real")
        if real is None or fooled is None:
            return None
        right = (real + 1 - fooled) / 2
    if not figures.exceeds("discriminator-winning", right, WINS, WINS_LESS):
        return None
    if fooled is not None and fooled > UNFOOLED:
        return None
    said = "" if fooled is None else f", and D(G(z)) is {fooled:.2g}"
    coverage = figures.last("coverage")
    if coverage is not None and coverage >= MUCH:
        return Finding(
            "discriminator-winning",
            "info",
            f"The discriminator is right {percent(right)} of the time{said}. Samples cover "
            f"{percent(coverage)} of the data all the same, so it does no harm yet.",
            value=right,
        )
    return Finding(
        "discriminator-winning",
        "warning",
        f"The discriminator wins: for {RECENT} steps it was right {percent(right)} of the time{said}. It "
        "leaves the generator little to learn from.",
        "Lower its learning rate, let it rest (adaptive steps), smooth its labels or add instance noise.",
        right,
    )


def discriminator_loses(about: About, figures: Figures) -> Finding | None:
    """It guesses though samples are poor: it gives the generator no direction."""
    right, coverage = figures.lasting("d_accuracy"), figures.last("coverage")
    if right is None or coverage is None or figures.step < JUDGED_FROM:
        return None
    poor = figures.exceeds("poor-samples", coverage, LITTLE, ENOUGH) and not figures.rises(
        "coverage", RISE * LITTLE
    )
    if not poor or not figures.exceeds("discriminator-losing", right, GUESSES, KNOWS):
        return None
    return Finding(
        "discriminator-losing",
        "warning",
        f"The discriminator guesses: it is right {percent(right)} of the time, though samples cover only "
        f"{percent(coverage)} of the held-out {about.noun}. It gives the generator no direction.",
        "Raise the discriminator's learning rate or its steps, or weaken its regulariser or dropout.",
        right,
    )
