"""Errors that a person can read: one sentence that names what was found and what was expected."""

from __future__ import annotations


class LatentlabError(Exception):
    """Base of every error that is the input's fault; its text is shown as it stands, without a traceback."""


class ConfigError(LatentlabError):
    """A setting is unknown, of the wrong type or out of range."""


class DataError(LatentlabError):
    """A dataset cannot be read."""


class RunError(LatentlabError):
    """A run folder cannot be read, written or resumed."""


class ExportError(LatentlabError):
    """A picture or film cannot be written."""


class Cancelled(Exception):  # noqa: N818 - what happened is no error
    """The person asked to stop; raised by progress reports to leave long work early."""
