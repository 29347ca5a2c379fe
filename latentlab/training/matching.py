"""Which tensors of a file are which layers' of a model."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from latentlab.core.errors import RunError
from latentlab.models.base import AVERAGED
from latentlab.training.transfer import layers

#: What programs put in front of names, and says nothing of what they name.
_WRAPPERS = frozenset(
    ("module", "_orig_mod", "model", "net", "nets", "network", "main", "params", "weights", "state")
)
#: What nets are called; "decoding" is whichever makes images.
_ROLES = dict.fromkeys(("generator", "gen", "netg", "net_g", "g", "decoder", "dec"), "decoding")
_ROLES |= dict.fromkeys(("discriminator", "disc", "netd", "net_d", "d", "critic"), "discriminator")
_ROLES |= dict.fromkeys(("encoder", "enc", "nete", "net_e", "e"), "encoder")

#: Tensors of a layer by the last part of their names: (whole name in the file, tensor).
Layer = dict[str, tuple[str, Tensor]]


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a file fits a model, layer by layer, in words.

    by_name: "decoder.0 (400×20)"; by_order: "generator.2 (512) ← main.1"; unused: of the file, what fits
    nothing, "fc.weight (10×5)"; left: of the model, what stays as it was drawn.
    """

    by_name: tuple[str, ...]
    by_order: tuple[str, ...]
    unused: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many of the model's layers have found their weights."""
        return len(self.by_name) + len(self.by_order)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A layer of a net, the one of the file that fits it, and what it becomes: [(ours, theirs)]."""

    ours: str
    theirs: str
    copies: tuple[tuple[Tensor, Tensor], ...]
    #: The file's tensors by name.
    names: tuple[str, ...]


Pairs = dict[str, list[Pair]]


def match(nets: Mapping[str, nn.Module], decoding: str, tensors: Mapping[str, Tensor]) -> tuple[Pairs, Fit]:
    """Find each layer of `nets` in a file: by name and shape, else by shape and order within its net.

    `decoding` names the net that makes images. A layer fits with all its tensors or not at all. Shapes must
    be equal, but for a convolution that covers its whole input or output, which is the same as the dense
    layer that stands for it here; a bias that the file's layer does not have is 0. Averages are preferred, or
    go to the average ("-ema") where there is such a net. Changes nothing; see `apply`.
    """
    groups, unused = _grouped(tensors, {decoding: "decoding"} | {n: n for n in nets if n != decoding})
    learned = [name for name in nets if not name.endswith(AVERAGED)]
    pairs: Pairs = {}
    taken: set[str] = set()

    def offer(net: str, group: dict[str, Layer]) -> list[Pair]:
        free = {
            name: layer for name, layer in group.items() if not taken & {whole for whole, _ in layer.values()}
        }
        return _paired(nets[net], free)

    def settle(net: str, found: list[Pair]) -> None:
        pairs[net] = found
        taken.update(name for pair in found for name in pair.names)

    chosen: dict[str, dict[str, Layer]] = {}
    for net in learned:
        role = "decoding" if net == decoding else net
        has_average = net + AVERAGED in nets
        plain, averaged = groups.get((role, False)), groups.get((role, True))
        own = (plain or averaged) if has_average else (averaged or plain)
        if own:
            settle(net, offer(net, own))
            if has_average and averaged and plain:
                settle(net + AVERAGED, offer(net + AVERAGED, averaged))
            chosen[net] = own
    nameless = groups.get(("", True)) or groups.get(("", False)) or {}
    rest = [net for net in learned if net not in chosen]
    while rest:  # what names no net is the one's that it fits best
        offers = {net: offer(net, nameless) for net in rest}
        best = max(rest, key=lambda net: (len(offers[net]), net == decoding))
        settle(best, offers[best])
        rest.remove(best)
    return pairs, _told(nets, learned, pairs, _listed(groups, taken) + unused)


def apply(nets: Mapping[str, nn.Module], pairs: Pairs) -> None:
    """Copy what `match` found into the nets; averages of which the file has none follow theirs.

    RunError for numbers that are not finite.
    """
    with torch.no_grad():
        for net, found in pairs.items():
            for pair in found:
                for ours, theirs in pair.copies:
                    if not torch.isfinite(theirs).all():
                        raise RunError(f"{pair.theirs}: the file holds numbers that are not finite.")
                    ours.copy_(theirs)
            if net + AVERAGED in nets and net + AVERAGED not in pairs:
                nets[net + AVERAGED].load_state_dict(nets[net].state_dict())


def _grouped(
    tensors: Mapping[str, Tensor], own: Mapping[str, str]
) -> tuple[dict[tuple[str, bool], dict[str, Layer]], list[str]]:
    """Tensors by (role, whether they are an average) and layer; and those of nets that are not there."""
    roles = _ROLES | {name.lower(): role for name, role in own.items()}
    groups: dict[tuple[str, bool], dict[str, Layer]] = {}
    for whole, tensor in tensors.items():
        parts, role, averaged = whole.split("."), "", False
        while len(parts) > 1:
            word = re.sub(r"_?state_dict$", "", parts[0].lower())
            plain = re.sub(r"[-_]?ema$", "", word)
            if plain in roles and not role:
                role = roles[plain]
            elif plain not in _WRAPPERS and plain:
                break
            averaged |= plain != word
            parts.pop(0)
        layer, suffix = _layer_of(".".join(parts))
        group = groups.setdefault((role, averaged), {})
        if suffix in group.get(layer, ()):  # two that differ only in what stands in front
            layer, suffix = _layer_of(whole)
        group.setdefault(layer, {})[suffix] = (whole, tensor)
    foreign = [key for key in groups if key[0] not in ("", *own.values())]
    return groups, [entry for key in foreign for entry in _listed({key: groups.pop(key)}, set())]


def _layer_of(name: str) -> tuple[str, str]:
    ((layer, tensors),) = layers({name: torch.empty(0)}).items()
    (whole,) = tensors
    return layer, whole.removeprefix(f"{layer}.")


def _paired(net: nn.Module, theirs: dict[str, Layer]) -> list[Pair]:
    """The layers of one net with those that fit them."""
    state = net.state_dict()
    covering = dict(_coverings(net))
    ours = {
        layer: {key.removeprefix(f"{layer}."): tensor for key, tensor in tensors.items()}
        for layer, tensors in layers(state).items()
    }

    def pair(mine: str, other: str) -> Pair | None:
        copies = _copies(ours[mine], theirs[other], covering.get(mine))
        if copies is None:
            return None
        return Pair(mine, other, tuple(copies), tuple(whole for whole, _ in theirs[other].values()))

    named = [found for layer in ours if layer in theirs and (found := pair(layer, layer))]
    done = {found.ours for found in named}
    if len(named) < len(ours):
        found_later = _in_order(
            [n for n in ours if n not in done], [n for n in theirs if n not in done], pair
        )
        # Numbers are names that anyone gives: where they lead astray, the order alone fits more.
        ordered = _in_order(list(ours), list(theirs), pair)
        named = max(named + found_later, ordered, key=len)
    return named


def _in_order(ours: list[str], theirs: list[str], pair: Callable[[str, str], Pair | None]) -> list[Pair]:
    """The most pairs of which neither overtakes the other: a longest common subsequence."""
    fits = [[pair(a, b) for b in theirs] for a in ours]
    best = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in reversed(range(len(ours))):
        for j in reversed(range(len(theirs))):
            joined = best[i + 1][j + 1] + 1 if fits[i][j] else 0
            best[i][j] = max(joined, best[i + 1][j], best[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(ours) and j < len(theirs):
        fitting = fits[i][j]
        if fitting and best[i][j] == best[i + 1][j + 1] + 1:
            found.append(fitting)
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _copies(
    ours: Mapping[str, Tensor], theirs: Layer, covering: Covering | None
) -> list[tuple[Tensor, Tensor]] | None:
    """What goes where, if the layers compute the same; None where they do not."""
    if any(suffix not in ours and suffix != "num_batches_tracked" for suffix in theirs):
        return None
    copies = []
    for suffix, mine in ours.items():
        found = theirs[suffix][1] if suffix in theirs else None
        if found is None:
            if suffix == "num_batches_tracked":
                continue  # older versions of torch did not count
            if suffix != "bias" or "weight" not in ours or ours["weight"].ndim < 2:
                return None  # of layers that only scale, those without a bias are others
            found = torch.zeros_like(mine)
        elif covering is not None and suffix == "weight" and found.shape == covering.shape:
            found = found.flatten(1).T if covering.transposed else found.flatten(1)
        elif covering is not None and covering.transposed and found.shape == covering.shape[1:2]:
            found = found.repeat_interleave(mine.numel() // len(found))  # the bias of each channel
        if found.shape != mine.shape or found.is_floating_point() != mine.is_floating_point():
            return None
        copies.append((mine, found))
    return copies


@dataclasses.dataclass(frozen=True)
class Covering:
    """The convolution for which a dense layer stands: one from a pixel of D channels to the whole output,
    (D, C, H, W), which is transposed; or one from a whole square to one pixel of D channels, (D, C, H, W).
    """

    shape: tuple[int, ...]
    transposed: bool


def _coverings(net: nn.Module) -> Iterator[tuple[str, Covering]]:
    children, channels = list(net.named_children()), 0
    for place, (name, layer) in enumerate(children):
        before = children[place - 1][1] if place else None
        after = children[place + 1][1] if place + 1 < len(children) else None
        if isinstance(layer, nn.Linear) and isinstance(after, nn.Unflatten):
            yield name, Covering((layer.in_features, *after.unflattened_size), True)
        elif isinstance(layer, nn.Linear) and isinstance(before, nn.Flatten) and channels:
            side = math.isqrt(layer.in_features // channels)
            if channels * side**2 == layer.in_features:
                yield name, Covering((layer.out_features, channels, side, side), False)
        for part in layer.modules():
            if isinstance(part, nn.Conv2d):
                channels = part.out_channels


def _told(nets: Mapping[str, nn.Module], learned: list[str], pairs: Pairs, unused: list[str]) -> Fit:
    by_name, by_order, left = [], [], []
    for net in learned:
        found = {pair.ours: pair for pair in pairs.get(net, ())}
        for layer, tensors in layers(nets[net].state_dict()).items():
            told = f"{net}.{layer} ({_shape(max(tensors.values(), key=lambda t: t.numel()))})"
            if layer not in found:
                left.append(told)
            elif found[layer].theirs == layer:
                by_name.append(told)
            else:
                by_order.append(f"{told} ← {found[layer].names[0].rpartition('.')[0]}")
    return Fit(tuple(by_name), tuple(by_order), tuple(unused), tuple(left))


def _listed(groups: Mapping[tuple[str, bool], dict[str, Layer]], taken: set[str]) -> list[str]:
    """What nobody took; the twin of an average that was taken (or the other way round) is not missed."""
    listed = []
    for (role, averaged), group in groups.items():
        twin = groups.get((role, not averaged), {})
        for layer, tensors in group.items():
            names = {whole for whole, _ in tensors.values()}
            names |= {whole for whole, _ in twin.get(layer, {}).values()}
            if not names & taken:
                listed += [f"{whole} ({_shape(tensor)})" for whole, tensor in tensors.values()]
    return listed


def _shape(tensor: Tensor) -> str:
    return "×".join(str(side) for side in tensor.shape) or "a number"
