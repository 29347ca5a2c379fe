"""InfoGAN: a GAN whose category and codes come to mean something by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.core.config import setting
from latentlab.models.base import Choice, register
from latentlab.models.dcgan import DCGAN
from latentlab.models.gan import GAN, GANConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Units of the layer that reads the codes off the discriminator's features, as in the paper's table 1.
HEAD_WIDTH = 128


class InfoGANConfig(GANConfig):
    latent_size: int = setting(
        62, "Noise size", "Dimensions of the latent that are noise, beside codes and category.", ge=1, le=512
    )
    codes: int = setting(
        2,
        "Codes",
        "Dimensions that shall mean something continuous, such as slant or stroke.",
        ge=0,
        le=32,
        zero="none",
    )
    categories: int = setting(
        10, "Categories", "Kinds of images to find, such as ten for the digits.", ge=2, le=100
    )
    info_weight: float = setting(
        1.0,
        "Information weight",
        "What recognising codes and category counts beside the GAN's own loss.",
        ge=0,
        le=100,
        zero="off",
        live=True,
    )


@register("infogan")
class InfoGAN(DCGAN):
    """A `dcgan` with readable inputs (Chen et al., arXiv 1606.03657); net "head" reads them off an image.

    z is noise, codes and a one-hot category. The head sits on the discriminator's features and says which
    codes and category an image was made from; generator, discriminator and head all raise how much of them
    it recognises, the bound `losses.information_bound`. Unlike in the paper codes come from N(0, 1), not
    Unif(-1, 1): one scale for every slider.
    """

    title = "InfoGAN"
    about = "A DCGAN that sorts images into categories and finds codes by itself, without labels."
    paper = "1606.03657"
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 2e-4, "batch_size": 64}
    metric_titles: ClassVar[Mapping[str, str]] = {**GAN.metric_titles, "info": "Mutual information bound"}
    Config: ClassVar[type[InfoGANConfig]] = InfoGANConfig
    config: InfoGANConfig

    def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
        start, count = self.config.latent_size + self.config.codes, self.config.categories
        labels = tuple(str(n) for n in range(count))
        return start + count, (Choice("category", "Category", start, labels),)

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        nets = super().build()
        *_, last = nets["discriminator"].children()
        assert isinstance(last, nn.Linear)
        head = nn.Sequential(
            nn.Linear(last.in_features, HEAD_WIDTH, bias=False),
            nn.BatchNorm1d(HEAD_WIDTH),
            nn.LeakyReLU(0.2),
            nn.Linear(HEAD_WIDTH, self.config.codes + self.config.categories),
        )
        return nets | {"head": head}

    def judge_made(self, images: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        from latentlab.models import losses

        *trunk, last = self.nets["discriminator"].children()
        features = images
        for layer in trunk:
            features = layer(features)
        sizes = [self.config.codes, self.config.categories]
        mean, logits = self.nets["head"](features).split(sizes, dim=1)
        codes, category = z[:, self.config.latent_size :].split(sizes, dim=1)
        information = losses.information_bound(logits, category, mean, codes)
        return last(features).flatten(), information.mean()

    @property
    def information_weight(self) -> float:
        return self.config.info_weight
