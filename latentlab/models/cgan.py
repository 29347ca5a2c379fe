"""A GAN that is told which class to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from latentlab.core.config import setting
from latentlab.models.base import Choice, register
from latentlab.models.dcgan import DCGAN
from latentlab.models.gan import GANConfig

if TYPE_CHECKING:
    from torch import Tensor


class CGANConfig(GANConfig):
    latent_size: int = setting(
        100, "Noise size", "Dimensions of the latent that are noise, beside the class.", ge=1, le=512
    )
    conditioning: Literal["joined", "projection"] = setting(
        "joined",
        "Class reaches D",
        "How the discriminator learns an image's class: as further channels of the image, or compared with "
        "what it found in it, which suits many classes.",
        labels={"joined": "Joined to the image", "projection": "By projection"},
    )


@register("cgan")
class CGAN(DCGAN):
    """A `dcgan` that learns from labels (Mirza and Osindero, arXiv 1411.1784).

    z is noise and the one-hot class. The discriminator sees K further channels, 1 everywhere in that of the
    class and 0 in the others, or judges by projection (Miyato and Koyama, arXiv 1802.05637, equation 3): of
    its 1 + K outputs the first is for any image, the others are products of its features with an embedding
    of each class. Made images of a step have the classes of the real ones.
    """

    title = "Conditional GAN"
    about = "A DCGAN that learns from labels and makes whichever class it is asked for."
    paper = "1411.1784"
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-4, "batch_size": 64}
    needs_labels = True
    Config: ClassVar[type[CGANConfig]] = CGANConfig
    config: CGANConfig

    def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
        start = self.config.latent_size
        return start + len(self.label_names), (Choice("class", "Class", start, self.label_names),)

    def judged(self) -> tuple[int, int]:
        channels, outputs = super().judged()
        count = len(self.label_names)
        joined = self.config.conditioning == "joined"
        return (channels + count, outputs) if joined else (channels, outputs + count)

    def latents(self, count: int, labels: Tensor | None) -> Tensor:
        assert labels is not None, "a cgan learns from labels"
        z = self.draw(count, self.generator)
        z[:, self.config.latent_size :] = 0
        return z.scatter_(1, self.config.latent_size + labels[:, None], 1.0)

    def judge(self, images: Tensor, z: Tensor | None = None) -> Tensor:
        import torch

        assert z is not None, "a cgan judges images of a class"
        classes = z[:, self.config.latent_size :]
        discriminator = self.nets["discriminator"]
        if self.config.conditioning == "joined":
            planes = classes[:, :, None, None].expand(-1, -1, *images.shape[2:])
            return discriminator(torch.cat([images, planes], 1)).flatten()
        outputs = discriminator(images)
        return outputs[:, 0] + (outputs[:, 1:] * classes).sum(1)

    def criticize(self, images: Tensor) -> Tensor:
        """As every GAN's; the mean over all classes."""
        import torch

        signed = 2 * images - 1
        z = torch.zeros(len(self.label_names), *self.latent_shape, device=images.device)
        z[:, self.config.latent_size :] = torch.eye(len(self.label_names), device=images.device)
        verdicts = [self.judge(signed, one.expand(len(images), -1)) for one in z]
        return torch.stack(verdicts).mean(0)
