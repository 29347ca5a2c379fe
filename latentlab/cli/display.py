"""Whether a window can open here: asked before Qt is there, because Qt ends the process where none can."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

#: Platforms of Qt that draw where nobody sees it.
UNSEEN = ("offscreen", "minimal", "minimalegl")
TIMEOUT_S = 1.5

#: System libraries that Qt needs and its wheels leave out -> their packages in Debian and Fedora.
QT_LIBRARIES = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libX11.so.6": ("libx11-6", "libX11"),
}
XCB_LIBRARIES = {
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
}


def obstacle() -> str | None:
    """Why no window can open here, in one sentence; None where there is nothing against trying."""
    wanted = os.environ.get("QT_QPA_PLATFORM", "").split(";")[0].split(":")[0]
    if wanted in UNSEEN:
        return f"QT_QPA_PLATFORM is {wanted}, which shows no window."
    if sys.platform in ("win32", "darwin") or wanted not in ("", "xcb", "wayland"):
        return None
    wayland = wanted != "xcb" and _wayland_answers()
    if not wayland and not (wanted != "wayland" and _x11_answers(os.environ.get("DISPLAY", ""))):
        named = [f"{n}={os.environ[n]}" for n in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(n)]
        if named:
            return f"No display answers at {' or '.join(named)}."
        return "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    return _missing(QT_LIBRARIES if wayland else QT_LIBRARIES | XCB_LIBRARIES)


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY", "")
    return bool(name) and _connects(socket.AF_UNIX, str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name))


def _x11_answers(display: str) -> bool:
    """Whether a server listens at ``:0``, ``unix:0`` (local sockets) or ``host:10.0`` (TCP port 6000 + n)."""
    found = re.fullmatch(r"(?:[a-z]+/)?(?P<host>.*):(?P<number>\d{1,4})(\.\d+)?", display)
    if not found:
        return False
    host, number = found["host"], int(found["number"])
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        return _connects(socket.AF_UNIX, path) or _connects(socket.AF_UNIX, "\0" + path)
    return _connects(socket.AF_INET, (host.strip("[]"), 6000 + number))


def _connects(family: int, address: str | tuple[str, int]) -> bool:
    with contextlib.suppress(OSError, ValueError):
        if isinstance(address, tuple):  # whichever of IPv4 and IPv6 the name stands for
            socket.create_connection(address, TIMEOUT_S).close()
            return True
        with socket.socket(family, socket.SOCK_STREAM) as local:
            local.settimeout(TIMEOUT_S)
            local.connect(address)
            return True
    return False


def _missing(libraries: dict[str, tuple[str, str]]) -> str | None:
    lacking = [name for name in libraries if not _loads(name)]
    if not lacking:
        return None
    debian, fedora = (_joined(libraries[name][i] for name in lacking) for i in (0, 1))
    return (
        f"The window needs {_joined(lacking, ', ')}, which this system lacks; "
        f"install {debian} (Debian, Ubuntu) or {fedora} (Fedora)."
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _joined(names: Iterable[str], between: str = " ") -> str:
    return between.join(dict.fromkeys(names))
