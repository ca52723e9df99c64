"""`tf.compat.v1.logging`: the package's logger under TensorFlow 1's names.

Invariant: levels are those of Python's logging. Follows
https://www.tensorflow.org/api_docs/python/tf/compat/v1/logging.
"""

from __future__ import annotations

import logging
from typing import Any

from graphtf.tracebacks import get_logger

DEBUG, INFO, WARN, ERROR, FATAL = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.FATAL
_logger = get_logger()
debug, info, warn, warning, error = _logger.debug, _logger.info, _logger.warning, _logger.warning, _logger.error
fatal, log, vlog = _logger.fatal, _logger.log, _logger.log


def set_verbosity(v: int | str) -> None:
    """Show messages of a level and above.

    >>> set_verbosity(ERROR)
    >>> get_verbosity() == ERROR
    True
    >>> set_verbosity(WARN)
    """
    _logger.setLevel(v)


def get_verbosity() -> int:
    """The level that is shown."""
    return _logger.getEffectiveLevel()


def log_if(level: int, msg: Any, condition: Any, *args: Any) -> None:
    """Log a message if a condition holds."""
    if condition:
        _logger.log(level, msg, *args)


def flush() -> None:
    """Write out what handlers hold back."""
    for handler in _logger.handlers:
        handler.flush()


def TaskLevelStatusMessage(msg: Any) -> None:
    """Log a message as an error, so that it is shown."""
    _logger.error(msg)
