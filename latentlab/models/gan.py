"""The GAN family: a generator, a discriminator and a loss (Goodfellow et al., arXiv 1406.2661)."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.core.points import is_points
from latentlab.models.base import AVERAGED, Model
from latentlab.models.gan_config import GANConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

__all__ = ["GAN", "GANConfig"]

#: The net that holds the generator's running mean.
EMA = "generator" + AVERAGED
#: Steps from one measurement of the gradients' norms to the next: often enough to see, too seldom to cost.
GRADIENTS_EVERY = 20
#: Share of the newest batch in the running accuracy that `adaptive` goes by: ten steps are remembered.
NEWEST = 0.1


class GAN(Model):
    """Images inside are in [-1, 1] (tanh); `decode` gives [0, 1].

    Nets: "generator"; "discriminator" and whatever else learns in its turn; with `ema` also "generator-ema",
    the generator's running mean (Yazici et al., arXiv 1806.04498), which then makes every picture.
    """

    family = "gan"
    evaluation_nets = ("generator",)
    #: Whether it takes points of a plane.
    learns_points: ClassVar[bool] = False
    #: Standard deviation of the first weights; None: see `blocks.initialize`.
    first_weights: ClassVar[float | None] = 0.02
    metric_titles: ClassVar[Mapping[str, str]] = {
        "loss_d": "Discriminator loss",
        "loss_g": "Generator loss",
        "d_real": "D(x)",
        "d_fake": "D(G(z))",
        "d_accuracy": "Discriminator accuracy",
        "penalty": "Gradient penalty",
        "grad_d": "Gradient norm, D",
        "grad_g": "Gradient norm, G",
    }
    config: GANConfig

    def __init__(self, *args: Any, **more: Any) -> None:
        import torch

        super().__init__(*args, **more)
        # Share of images that the discriminator judged rightly of late; at first it can only guess.
        self.state["accuracy"] = torch.tensor(0.5, device=self.device)
        if self.config.ema:
            self.nets[EMA] = copy.deepcopy(self.nets["generator"]).requires_grad_(False)
            self.evaluation_nets = (EMA,)

    @classmethod
    def obstacle(cls, image_shape: tuple[int, int, int], label_names: tuple[str, ...]) -> str:
        if is_points(image_shape) and not cls.learns_points:
            return f"A {cls.key} learns images; for points of a plane choose mlp-gan."
        return super().obstacle(image_shape, label_names)

    def initialize(self, generator: torch.Generator) -> None:
        from latentlab.models import blocks

        for net in self.nets.values():
            blocks.initialize(net, generator, normal=self.first_weights)
        if self.config.regularizer == "spectral-norm":
            blocks.spectral_norm(self.nets["discriminator"], generator)

    def make_optimizers(self, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        from latentlab.models import blocks

        for layer in self.nets["discriminator"].modules():
            if isinstance(layer, blocks.Dropout):
                layer.generator = self.generator
        betas = (self.config.beta1, 0.999)
        return {
            name: blocks.adam([self.nets[name]], learning_rate, betas, self.device)
            for name in ("generator", *self.critics)
        }

    def rates(self, learning_rate: float) -> dict[str, float]:
        """Two time scales (Heusel et al., arXiv 1706.08500)."""
        fast = dict.fromkeys(self.critics, learning_rate * self.config.discriminator_rate)
        return {"generator": learning_rate} | fast

    @property
    def critics(self) -> tuple[str, ...]:
        """The nets that learn in the discriminator's turn, by name."""
        return tuple(name for name in self.nets if not name.startswith("generator"))

    @property
    def penalised(self) -> bool:
        """Whether gradients by the image are penalised, which asks the discriminator to judge each image by
        itself: layer instead of batch normalisation (arXiv 1704.00028, section 4)."""
        return self.config.loss == "wgan-gp" or self.config.regularizer in ("gradient-penalty", "r1")

    # What a member of the family may do its own way

    def latents(self, count: int, labels: Tensor | None) -> Tensor:
        """float32 latents (count, D) to make a training batch from, beside real images of `labels`."""
        return self.draw(count, self.generator)

    def judge(self, images: Tensor, z: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] -> the discriminator's raw outputs (N,).

        z (N, D): the latents they were made from; real images come with those of the batch they stand in.
        """
        return self.nets["discriminator"](images).flatten()

    def judge_made(self, images: Tensor, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """As `judge`, for images made from z; and how much of z is recognised in them, a scalar in nats,
        where both nets are to raise that too, by `information_weight`."""
        return self.judge(images, z), None

    @property
    def information_weight(self) -> float:
        return 0.0

    def criticize(self, images: Tensor) -> Tensor:
        """float32 images (N, C, H, W) in [0, 1] -> the discriminator's raw outputs (N,), higher for real."""
        return self.judge(2 * images - 1)

    # The step

    def step(self, batch: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The discriminator learns in each step, the generator in every `discriminator_steps`-th."""
        import torch

        from latentlab.models import pixels

        real = pixels.to_signed(batch)
        z = self.latents(len(batch), labels)
        its_turn = (self.step_count + 1) % self.config.discriminator_steps == 0
        # One batch serves both turns; its graph is kept for the generator's.
        with torch.set_grad_enabled(its_turn):
            fake = self.nets["generator"](z)
        figures = self._teach_discriminator(real, fake.detach(), z)
        if its_turn:
            with _frozen([self.nets[name] for name in self.critics]):  # nobody needs their gradients now
                figures |= self._teach_generator(real, fake, z, labels)
            if self.config.ema:
                self._average()
        self.step_count += 1
        return {name: figures[name].detach() for name in self.metric_titles if name in figures}

    def _teach_discriminator(self, real: Tensor, fake: Tensor, z: Tensor) -> dict[str, Tensor]:
        """It learns to tell them apart, unless it rests -> what was measured."""
        import torch

        from latentlab.models import blocks, gan_losses, regularizers

        config, loss = self.config, gan_losses.LOSSES[self.config.loss]
        # The one number that a step reads back from the device, and only where rests were asked for.
        rests = config.adaptive > 0 and float(self.state["accuracy"]) > config.adaptive
        real, fake = self._shown(real), self._shown(fake)
        with torch.set_grad_enabled(not rests):
            d_real = self.judge(real, z)
            d_fake, info = self.judge_made(fake, z)
            loss_d = loss.discriminator(d_real, d_fake, config.label_smoothing)
        right = gan_losses.accuracy(loss, d_real.detach(), d_fake.detach())
        self.state["accuracy"].lerp_(right, NEWEST)
        figures = {
            "loss_d": loss_d,
            "d_real": loss.score(d_real.detach()),
            "d_fake": loss.score(d_fake.detach()),
            "d_accuracy": right,
        }
        total = loss_d
        if info is not None:
            figures["info"] = info
            total = total - self.information_weight * info
        if rests:
            return figures

        # Lazy regularisation (Karras et al., arXiv 1912.04958, section 3.1).
        every = config.regularizer_interval
        if self.penalised and config.regularizer_weight > 0 and self.step_count % every == 0:
            figures["penalty"] = self._penalty(real, fake, z)
            total = total + config.regularizer_weight * every * figures["penalty"]
        for name in self.critics:
            self._optimizers[name].zero_grad()
        total.backward()
        if self.step_count % GRADIENTS_EVERY == 0:
            figures["grad_d"] = blocks.gradient_norm(self.nets[name] for name in self.critics)
        for name in self.critics:
            self._optimizers[name].step()
        if config.loss == "wgan" and config.regularizer == "none":
            regularizers.clip_weights(self.nets["discriminator"], config.clip)
        return figures

    def _teach_generator(
        self, real: Tensor, fake: Tensor, z: Tensor, labels: Tensor | None
    ) -> dict[str, Tensor]:
        """It learns to fool the new discriminator -> what was measured at its last update."""
        import torch

        from latentlab.models import blocks, gan_losses

        config, loss = self.config, gan_losses.LOSSES[self.config.loss]
        generator, optimizer = self.nets["generator"], self._optimizers["generator"]
        figures: dict[str, Tensor] = {}
        for update in range(config.generator_steps):
            if update:
                z = self.latents(len(real), labels)
                fake = generator(z)
            d_real = None
            if loss.pairs:
                with torch.no_grad():
                    d_real = self.judge(self._shown(real), z)
            fooled, info = self.judge_made(self._shown(fake), z)
            figures["loss_g"] = total = loss.generator(fooled, d_real)
            if info is not None:
                figures["info"] = info
                total = total - self.information_weight * info
            optimizer.zero_grad()
            total.backward()
            # Its turns may never fall on a step that is divided by the interval: the first one behind it.
            if self.step_count % GRADIENTS_EVERY < config.discriminator_steps:
                figures["grad_g"] = blocks.gradient_norm([generator])
            optimizer.step()
        return figures

    def _shown(self, images: Tensor) -> Tensor:
        """What the discriminator is shown of images in [-1, 1]: augmented, and with instance noise
        (Sonderby et al., arXiv 1610.04490)."""
        import torch

        from latentlab.models import augment

        config = self.config
        if config.augment != "none" and not is_points(self.image_shape):
            images = augment.diff_augment(images, config.augment, self.generator)
        sigma = config.instance_noise * (1 - self.step_count / config.instance_noise_steps)
        if sigma > 0:
            noise = torch.randn(images.shape, generator=self.generator, device=images.device)
            images = images + sigma * noise
        return images

    def _penalty(self, real: Tensor, fake: Tensor, z: Tensor) -> Tensor:
        """What `penalised` asks for, unweighted, on images as the discriminator is shown them."""
        import torch

        from latentlab.models import regularizers

        def critic(images: Tensor) -> Tensor:
            return self.judge(images, z)

        terms = []
        if self.config.loss == "wgan-gp" or self.config.regularizer == "gradient-penalty":
            terms.append(regularizers.gradient_penalty(critic, real, fake, self.generator))
        if self.config.regularizer == "r1":
            terms.append(regularizers.r1(critic, real))
        return torch.stack(terms).sum()

    def _average(self) -> None:
        """Take the generator into its running mean, which at first forgets quickly what it began with."""
        import torch

        decay = min(self.config.ema, (1 + self.step_count) / (10 + self.step_count))
        mean, generator = self.nets[EMA], self.nets["generator"]
        with torch.no_grad():
            torch._foreach_lerp_(list(mean.parameters()), list(generator.parameters()), 1 - decay)
            for mine, its in zip(mean.buffers(), generator.buffers(), strict=True):
                mine.copy_(its)

    def decode(self, z: Tensor) -> Tensor:
        return (self.decoding_net(z) + 1) / 2


@contextlib.contextmanager
def _frozen(nets: list[nn.Module]) -> Iterator[None]:
    """Nets without gradients; afterwards, also after a failure, they learn again."""
    for net in nets:
        net.requires_grad_(False)
    try:
        yield
    finally:
        for net in nets:
            net.requires_grad_(True)
