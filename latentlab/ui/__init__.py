"""The window. The only room that imports Qt."""

import builtins

import PySide6.QtCore  # noqa: F401

# PySide has every import of the process go through a function of its own, which reads the source of what is
# imported to see whether it switches PySide's naming (``from __feature__ import snake_case``). Nothing here
# does, and torch has a thousand files: Python's own function, kept under this name, takes over again.
builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
