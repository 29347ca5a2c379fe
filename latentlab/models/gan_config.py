"""The settings of every GAN."""

from __future__ import annotations

from typing import Literal

from latentlab.core.config import Config, setting


class GANConfig(Config):
    """What every GAN here can be told."""

    latent_size: int = setting(
        100, "Latent size", "Dimensions of the noise the generator starts from.", ge=1, le=512
    )
    width: int = setting(
        64, "Width", "Channels nearest the image; each level further in has twice as many.", ge=4, le=256
    )
    loss: Literal["non-saturating", "minimax", "lsgan", "wgan", "wgan-gp", "hinge", "relativistic"] = setting(
        "non-saturating",
        "Loss",
        "What the two nets play for: non-saturating is the usual one, WGAN-GP the steadiest and slowest, and "
        "minimax stalls when the discriminator wins early.",
        labels={
            "non-saturating": "Non-saturating",
            "minimax": "Minimax",
            "lsgan": "Least squares",
            "wgan": "Wasserstein, clipped weights",
            "wgan-gp": "Wasserstein, gradient penalty",
            "hinge": "Hinge",
            "relativistic": "Relativistic",
        },
    )

    regularizer: Literal["none", "gradient-penalty", "r1", "spectral-norm"] = setting(
        "none",
        "Regulariser",
        "What keeps the discriminator's slope small, so that the generator always finds a way to go; "
        "Wasserstein with gradient penalty has that one anyway.",
        labels={
            "none": "None",
            "gradient-penalty": "Gradient penalty",
            "r1": "R1",
            "spectral-norm": "Spectral normalisation",
        },
        group="Regulariser",
    )
    regularizer_weight: float = setting(
        10.0,
        "Penalty weight",
        "λ of the gradient penalty or γ of R1: more is steadier, too much leaves the discriminator blind.",
        ge=0,
        le=1000,
        log=True,
        zero="off",
        live=True,
        group="Regulariser",
    )
    regularizer_interval: int = setting(
        1,
        "Penalty every",
        "Steps from one penalty to the next, which counts as many times over; 16 is much quicker than 1 and "
        "about as good.",
        ge=1,
        le=64,
        unit="steps",
        live=True,
        group="Regulariser",
    )
    clip: float = setting(
        0.01,
        "Clip weights at",
        "Bound of the critic's weights: the Wasserstein loss's first, crude way to keep its slope small.",
        ge=0.001,
        le=1,
        log=True,
        live=True,
        only={"loss": ("wgan",), "regularizer": ("none",)},
        group="Regulariser",
    )

    discriminator_steps: int = setting(
        1,
        "Discriminator steps",
        "Updates of the discriminator for each turn of the generator; Wasserstein losses want about 5.",
        ge=1,
        le=20,
        live=True,
        group="Balance",
    )
    generator_steps: int = setting(
        1,
        "Generator steps",
        "Updates of the generator at each of its turns, for when the discriminator wins.",
        ge=1,
        le=20,
        live=True,
        group="Balance",
    )
    adaptive: float = setting(
        0.0,
        "Rest above accuracy",
        "The discriminator rests while it judges more than this share of images rightly, so that the "
        "generator can catch up.",
        ge=0,
        le=1,
        zero="off",
        live=True,
        group="Balance",
    )
    discriminator_rate: float = setting(
        1.0,
        "Discriminator's pace",
        "Its learning rate as a multiple of the training's; 2 to 4 lets it lead without further steps.",
        ge=0.05,
        le=20,
        unit="×",
        log=True,
        live=True,
        group="Balance",
    )
    beta1: float = setting(
        0.5,
        "Adam β₁",
        "Memory of the gradient's direction; GANs want 0 to 0.5.",
        ge=0,
        le=0.999,
        group="Balance",
    )

    ema: float = setting(
        0.0,
        "Averaged generator",
        "Samples come from a running mean of the generator's weights that keeps this share of itself at each "
        "turn; 0.999 smooths out how a GAN wavers.",
        ge=0,
        le=0.9999,
        zero="off",
        group="Stability",
    )
    dropout: float = setting(
        0.3,
        "Dropout",
        "Share of the discriminator's features dropped at random.",
        ge=0,
        le=0.9,
        zero="off",
        group="Stability",
    )
    instance_noise: float = setting(
        0.0,
        "Instance noise",
        "Standard deviation of noise on all that the discriminator sees, pixels in -1 to 1, so that real and "
        "made images overlap while the generator is still poor.",
        ge=0,
        le=2,
        zero="off",
        live=True,
        group="Stability",
    )
    instance_noise_steps: int = setting(
        5000,
        "Noise falls over",
        "Steps from the first one until the instance noise is gone.",
        ge=1,
        le=10_000_000,
        unit="steps",
        live=True,
        group="Stability",
    )
    label_smoothing: float = setting(
        0.0,
        "Label smoothing",
        "How far below 1 the answer for real images lies, which keeps the discriminator from being too sure.",
        ge=0,
        le=0.5,
        zero="off",
        live=True,
        only={"loss": ("non-saturating", "minimax", "lsgan")},
        group="Stability",
    )

    augment: Literal["none", "translation", "colour-translation", "colour-translation-cutout"] = setting(
        "none",
        "Augment",
        "Random changes to real and made images alike before each look of the discriminator, so that it "
        "cannot learn few images by heart; points are left alone.",
        labels={
            "none": "None",
            "translation": "Shifts",
            "colour-translation": "Colours and shifts",
            "colour-translation-cutout": "Colours, shifts and gaps",
        },
        live=True,
        group="Augmentation",
    )
