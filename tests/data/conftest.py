import contextlib
import gzip
import hashlib
import io
import struct
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from latentlab.data import SOURCES
from latentlab.data.download import File


@pytest.fixture
def write_idx():
    """write_idx(path, values, dims=..., kind=..., zipped=...): an IDX file, with a header that may lie."""

    def write(path, values, dims=None, kind=8, zipped=False):
        dims = values.shape if dims is None else dims
        content = bytes([0, 0, kind, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + values.tobytes()
        path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
        return path

    return write


@pytest.fixture
def write_mnist(write_idx):
    """write_mnist(folder, train=30, t10k=10, ...): the four files (or two); returns what they hold."""

    def write(folder, train=30, t10k=10, sign="-", zipped=True, side=28):
        folder.mkdir(exist_ok=True)
        held = {}
        for part, count, seed in (("train", train, 1), ("t10k", t10k, 2)):
            if not count:
                continue
            random = np.random.default_rng(seed)
            images = random.integers(0, 256, (count, side, side), np.uint8)
            labels = (np.arange(count) % 10).astype(np.uint8)
            end = ".gz" if zipped else ""
            write_idx(folder / f"{part}-images{sign}idx3-ubyte{end}", images, zipped=zipped)
            write_idx(folder / f"{part}-labels{sign}idx1-ubyte{end}", labels, zipped=zipped)
            held[part] = images, labels
        return held

    return write


@pytest.fixture
def write_image():
    """write_image(path, size=(w, h), mode="RGB", seed=0): smooth random pixels; returns the Pillow image."""

    def write(path, size=(24, 16), mode="RGB", seed=0, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)
        image.save(path, **options)
        return image

    return write


class Server(ThreadingHTTPServer):
    """Serves `files` on loopback; the first part of a path says how (see `Handler`).

    asked: (path, Range header or None) of every request. stuck: set when it sends nothing any more, until
    go_on is set. left: set when a client goes away before it has everything.
    """

    daemon_threads = False

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = files, []
        self.stuck, self.go_on, self.left = threading.Event(), threading.Event(), threading.Event()

    def url(self, how):
        return f"http://127.0.0.1:{self.server_port}/{how}"

    def ranges(self):
        return [asked for _, asked in self.asked]

    def handle_error(self, request, client_address):
        """Clients that go away are what is tested."""


class Handler(BaseHTTPRequestHandler):
    """plain: as it should be. The others fail, each in a way of its own; all but those in the set `DEAF`
    know ranges."""

    DEAF = frozenset({"whole", "deaf", "endless", "labelled", "longer", "flood"})

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, asked = self.server, self.headers["Range"]
        server.asked.append((self.path, asked))
        _, how, name = self.path.split("/")
        content = server.files.get(name)
        if how == "missing" or content is None:
            return self.send_error(404)
        if how == "closed":
            return None
        if how == "moved":
            self.send_response(302)
            self.send_header("Location", server.url("plain") + f"/{name}")
            return self.end_headers()
        if how == "silent":
            return self.wait()
        if how == "packing" and "gzip" in self.headers["Accept-Encoding"]:
            content = gzip.compress(content)
        if how == "other":
            content = bytes(len(content))
        if how == "shorter":
            content = content[:-1]
        if how == "longer":
            content += b"more"
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and how not in self.DEAF else 0
        self.send_response(206 if start else 200)
        if start:
            first = start + (how == "shifted")
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if how == "labelled" or (how == "packing" and "gzip" in self.headers["Accept-Encoding"]):
            self.send_header("Content-Encoding", "gzip")
        if how not in ("endless", "longer", "flood", "torn"):
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        if how in ("drop", "deaf", "torn"):
            rest = rest[: max(1, len(content) // 2)]
        if how == "once":
            rest = rest[: 0 if start else len(content) // 2]
        if how in ("hang", "slow"):
            self.wfile.write(rest[: len(content) // 2])
            self.wait()
            rest = rest[len(content) // 2 :]
        try:
            for _ in range(400 if how == "flood" else 1):
                self.wfile.write(rest)
        except OSError:
            self.server.left.set()
        return None

    def wait(self):
        self.server.stuck.set()
        self.server.go_on.wait()


@pytest.fixture
def serve():
    """serve({name: bytes}) -> a running `Server` of these files."""
    with contextlib.ExitStack() as stack:

        def start(files):
            server = Server(files)
            stack.callback(server.server_close)  # waits for the threads of requests
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stack.callback(server.go_on.set)
            return server

        yield start


def write_cifar(folder):
    """CIFAR-10's archive with 6 images in each batch, and 10 to test with."""
    folder.mkdir()
    random = np.random.default_rng(0)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]):
            count = 10 if i == 5 else 6
            records = random.integers(0, 256, (count, 3073), np.uint8)
            records[:, 0] = (6 * i + np.arange(count)) % 10
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records.nbytes
            archive.addfile(member, io.BytesIO(records.tobytes()))


@pytest.fixture
def publish(serve, write_mnist, monkeypatch, tmp_path):
    """publish("mnist") -> a `Server` where that source now finds its files: 30 images, and 10 held out."""

    def start(key):
        source, folder = SOURCES.get(key), tmp_path / f"published-{key}"
        (write_cifar if key == "cifar10" else write_mnist)(folder)
        contents = {file.name: (folder / file.name).read_bytes() for file in source.files}
        server = serve(contents)
        files = tuple(
            File(name, (f"{server.url('plain')}/{name}",), hashlib.sha256(content).hexdigest(), len(content))
            for name, content in contents.items()
        )
        monkeypatch.setattr(source, "files", files)
        return server

    return start
