"""The autoencoder: what a VAE is without its noise, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from latentlab.models.base import register
from latentlab.models.vae import AutoencoderConfig, Draw
from latentlab.models.vae_nets import VAEConv, decoder_layers, encoder_head, encoder_trunk

if TYPE_CHECKING:
    from torch import Tensor, nn


@register("ae")
class Autoencoder(VAEConv):
    """`vae-conv` without a KL: -log p(x|z) of a code that is no draw (Bank et al., arXiv 2003.05991).

    Nothing pulls codes towards a prior, so the encoder ends with batch normalisation without a scale of its
    own: each dimension has mean 0 and variance 1 over the images, and N(0, I) fits roughly. Sliders and
    samples then have a scale, but codes may lie on any odd shape within it: samples show what a KL is for.
    The posterior is a point: its log variance is -infinity, and there is no ELBO.
    """

    title = "Autoencoder"
    about = "A baseline without a prior: sharp reconstructions, poor samples; codes are scaled to N(0, I)."
    paper = "2003.05991"
    probabilistic = False
    smallest_batch = 2  # batch normalisation of one image has no variance
    metric_titles: ClassVar[Mapping[str, str]] = {
        name: VAEConv.metric_titles[name] for name in ("reconstruction", "grad")
    }
    Config: ClassVar[type[AutoencoderConfig]] = AutoencoderConfig  # type: ignore[assignment]

    def build(self) -> dict[str, nn.Module]:
        from torch import nn

        shape, width, size = self.image_shape, self.config.width, self.config.latent_size
        trunk, features = encoder_trunk(shape, width)
        *head, last = encoder_head(shape, width, features, size)
        assert isinstance(last, nn.Linear)
        # What would be added to a code is taken away again.
        head += [nn.Linear(last.in_features, size, bias=False), nn.BatchNorm1d(size, affine=False)]
        decoder = decoder_layers(shape, width, size, self.likelihood)
        return {"encoder": nn.Sequential(*trunk, *head), "decoder": nn.Sequential(*decoder)}

    def infer(self, images: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        code = self.nets["encoder"](images)
        return code, code.new_full(code.shape, float("-inf"))

    def regularize(self, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        return draw.nll.new_zeros(()), {}
