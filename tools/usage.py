"""What a command says when it is asked for something it cannot do."""

from __future__ import annotations


class UsageError(Exception):
    """The command line asks for something that does not exist or does not fit; the message says what was expected."""
