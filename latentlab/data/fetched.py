"""Datasets of the network: fetched when they are first loaded, then kept in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

from latentlab.core import paths
from latentlab.data import download
from latentlab.data.base import SOURCES, Dataset, Report, Source, register
from latentlab.data.cifar import CIFAR_10, CifarOriginals
from latentlab.data.download import File
from latentlab.data.loading import load_originals
from latentlab.data.originals import Originals
from latentlab.data.report import Part

#: What is fetched of what a first loading does.
_SHARE = 0.8


class Fetched(Source):
    """A dataset that others publish. Its files lie in `folder`, fetched or put there by the person.

    files: all it takes. classes: what the labels mean, in their order.
    """

    files: ClassVar[tuple[File, ...]]
    classes: ClassVar[tuple[str, ...]]

    @classmethod
    def folder(cls) -> Path:
        """Where its files are kept."""
        return downloads_dir() / cls.key

    @classmethod
    def bytes_missing(cls) -> int:
        """How much loading it would fetch; 0 where it needs no network any more."""
        return download.bytes_missing(cls.files, cls.folder())

    @classmethod
    def open(cls, config: Any, report: Report) -> Originals:
        """Fetches what is missing, and reports its bytes."""
        download.fetch(cls.title, cls.files, cls.folder(), report)
        return cls.opened()

    @classmethod
    def opened(cls) -> Originals:
        """What the files hold that are there now."""
        raise NotImplementedError

    @classmethod
    def load(cls, config: Any, report: Report) -> Dataset:
        if download.are_known(cls.files, cls.folder()):
            return super().load(config, report)
        originals = cls.open(config, Part(report, 0, _SHARE))
        return load_originals(cls.key, originals, config, Part(report, _SHARE, 1))


def listed() -> list[type[Source]]:
    """Every kind of source: what is there at once, then what is fetched, then one's own."""
    kinds = [kind for _, kind in SOURCES.items()]
    return sorted(kinds, key=lambda kind: 2 if kind.needs_path else int(issubclass(kind, Fetched)))


def downloads_dir() -> Path:
    """The folder of what was fetched, a folder for each source's key."""
    return paths.cache_dir() / "downloads"


def kept() -> dict[str, int]:
    """Source's key -> bytes that its files take, halves of files too."""
    parent = downloads_dir()
    folders = sorted(parent.iterdir()) if parent.is_dir() else []
    sizes = {f.name: sum(e.stat().st_size for e in f.iterdir() if e.is_file()) for f in folders if f.is_dir()}
    return {key: size for key, size in sizes.items() if size}


def clear() -> None:
    """Remove all that was fetched."""
    shutil.rmtree(downloads_dir(), ignore_errors=True)  # what is open stays on Windows, and goes another time


class _Idx(Fetched):
    """Four files as MNIST's: images and labels to train on, and as many to test with, which are `heldout`."""

    @classmethod
    def opened(cls) -> Originals:
        # Not above: the order in which sources are imported is that in which they are offered a path.
        from latentlab.data.idx import open_idx

        originals = open_idx(cls.folder())
        originals.name, originals.label_names = cls.key, cls.classes
        return originals


_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _idx_files(mirrors: tuple[str, ...], *known: tuple[str, int]) -> tuple[File, ...]:
    """The four files in the order of `_NAMES`, at each of `mirrors`; `known`: their checksums and sizes."""
    return tuple(
        File(name, tuple(mirror + name for mirror in mirrors), checksum, size)
        for name, (checksum, size) in zip(_NAMES, known, strict=True)
    )


@register("mnist")
class Mnist(_Idx):
    """Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998."""

    title = "MNIST"
    about = "70,000 handwritten digits, 28×28 grey; 11.6 MB from the network on first use."
    classes = tuple("0123456789")
    files = _idx_files(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    )


@register("fashion-mnist")
class FashionMnist(_Idx):
    """H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv 1708.07747."""

    title = "Fashion-MNIST"
    about = "70,000 pictures of clothes, 28×28 grey; 30.9 MB from the network on first use."
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    files = _idx_files(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    )


@register("kmnist")
class Kmnist(_Idx):
    """T. Clanuwat et al., "Deep Learning for Classical Japanese Literature", arXiv 1812.01718.

    The classes are the hiragana お き す つ な は ま や れ を, in letters that every font has.
    """

    title = "Kuzushiji-MNIST"
    about = "70,000 cursive Japanese characters, 28×28 grey; 21.2 MB from the network on first use."
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    files = _idx_files(
        ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18_165_135),
        ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29_497),
        ("edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3_041_136),
        ("20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5_120),
    )


@register("cifar10")
class Cifar10(Fetched):
    """A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; its binary version."""

    title = "CIFAR-10"
    about = "60,000 photographs of 10 kinds of things, 32×32 colour; 170.1 MB from the network on first use."
    classes = CIFAR_10.known
    files = (
        File(
            "cifar-10-binary.tar.gz",
            (
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
                "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
            ),
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            170_052_171,
        ),
    )

    @classmethod
    def opened(cls) -> Originals:
        originals = CifarOriginals(cls.folder() / cls.files[0].name)
        originals.name = cls.key
        return originals
