"""A VAE that is told which class an image has."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from latentlab.models.base import Choice, register
from latentlab.models.vae import VAEConfig, joined
from latentlab.models.vae_nets import VAEConv, decoder_layers, encoder_head, encoder_trunk

if TYPE_CHECKING:
    from torch import Tensor, nn


@register("cvae")
class ConditionalVAE(VAEConv):
    """`vae-conv` that learns from labels: q(z|x, y) and p(x|z, y) (Kingma et al., arXiv 1406.5298, model M2).

    The latent is z and the one-hot class, which the decoder reads as it is. The encoder has it joined to
    what its convolutions (net "encoder") found, before the dense layers (net "head"): an image is then looked
    at once, whatever its class may be. Where labels are not given, they are guessed: `classify`.
    """

    title = "Conditional VAE"
    about = "Learns from labels: the class is chosen, and the other dimensions are what it leaves open."
    paper = "1406.5298"
    needs_labels = True
    evaluation_nets = ("encoder", "head", "decoder")
    Config: ClassVar[type[VAEConfig]] = VAEConfig

    def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
        size = self.config.latent_size
        return size + len(self.label_names), (Choice("class", "Class", size, self.label_names),)

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        shape, width, size = self.image_shape, self.config.width, self.config.latent_size
        count = len(self.label_names)
        trunk, features = encoder_trunk(shape, width)
        head = encoder_head(shape, width, features + count, 2 * size)
        decoder = decoder_layers(shape, width, size + count, self.likelihood)
        return {
            "encoder": nn.Sequential(*trunk),
            "head": nn.Sequential(*head),
            "decoder": nn.Sequential(*decoder),
        }

    def condition(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The one-hot class (N, K), guessed where it is not told."""
        from torch.nn.functional import one_hot

        known = self.classify(images) if labels is None else labels
        return one_hot(known, len(self.label_names)).to(images.dtype)

    def infer(self, images: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        return self.bounded(self.nets["head"](joined(self.nets["encoder"](images), condition)))

    def classify(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> the class, int64 (N,), under which the ELBO is highest.

        q(y|x) is as exp ELBO(x, y) where classes are equally frequent (arXiv 1406.5298), here
        with log p(x|z, y) at the posterior's mean, so that an image always gets the same class. One class at
        a time: all at once would take K times the memory of N images.
        """
        import torch

        from latentlab.models import losses

        features = self.nets["encoder"](images)
        costs = []
        for one in torch.eye(len(self.label_names), device=images.device):
            condition = one.expand(images.shape[0], -1)
            mean, log_variance = self.bounded(self.nets["head"](joined(features, condition)))
            nll = self.likelihood.nll(self.nets["decoder"](joined(mean, condition)), images)
            costs.append(nll + losses.kl_to_standard_normal(mean, log_variance).sum(1))
        return torch.stack(costs).argmin(0)
