"""Whether a window can open, asked of sockets and libraries that the tests put there."""

import contextlib
import socket
import sys

import pytest

from latentlab.cli import display as cli_display

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="displays are looked for on Linux"
)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cli_display, "_loads", lambda name: True)


@pytest.fixture
def listening():
    """A TCP port that can be a display's: 6000 and at most four digits more."""
    for port in range(15_000, 15_999):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            yield port
            return
    pytest.skip("no port is free")


def test_no_display():
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in cli_display.obstacle()


@pytest.mark.parametrize("platform", ["offscreen", "minimal", "offscreen:size=800x600"])
def test_platforms_that_nobody_sees(monkeypatch, platform):
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    monkeypatch.setenv("DISPLAY", ":0")
    assert "QT_QPA_PLATFORM" in cli_display.obstacle()


def test_other_platforms_are_tried(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "vnc:port=5901")
    assert cli_display.obstacle() is None


@pytest.mark.parametrize("display", [":9871", "unix:9871", "localhost:9871.0", "nonsense", ":", "host:x"])
def test_a_display_that_nothing_answers_on(monkeypatch, display):
    monkeypatch.setenv("DISPLAY", display)
    assert f"DISPLAY={display}" in cli_display.obstacle()


def test_a_display_over_tcp(monkeypatch, listening):
    monkeypatch.setenv("DISPLAY", f"127.0.0.1:{listening - 6000}.0")
    assert cli_display.obstacle() is None


def test_a_display_at_an_abstract_socket(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9872")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X9872")
        server.listen()
        assert cli_display.obstacle() is None
        monkeypatch.setenv("QT_QPA_PLATFORM", "wayland")
        assert cli_display.obstacle() is not None


def test_wayland(monkeypatch, tmp_path):
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert "WAYLAND_DISPLAY=wayland-7" in cli_display.obstacle()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        assert cli_display.obstacle() is None
        # The X11 plugin's libraries are not needed then.
        monkeypatch.setattr(cli_display, "_loads", lambda name: "xcb" not in name)
        assert cli_display.obstacle() is None


def test_missing_libraries_are_told_with_their_packages(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9873")
    monkeypatch.setattr(cli_display, "_x11_answers", lambda display: True)
    monkeypatch.setattr(cli_display, "_loads", lambda name: name not in ("libxcb-cursor.so.0", "libEGL.so.1"))
    reason = cli_display.obstacle()
    assert "libEGL.so.1, libxcb-cursor.so.0" in reason
    assert "libegl1 libxcb-cursor0" in reason and "libglvnd-egl xcb-util-cursor" in reason


def test_libraries_are_really_looked_for(monkeypatch):
    monkeypatch.undo()
    assert cli_display._loads("libc.so.6")
    assert not cli_display._loads("liblatentlab-is-no-library.so.1")
