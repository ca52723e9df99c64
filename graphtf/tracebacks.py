"""`tf.debugging`'s switches of tracebacks and of logging where ops run, and the logger.

Invariant: tracebacks show the user's lines in any case; the switches are remembered for those that ask. With placement
logged, each traced or eager op is not: there is one device, which is said once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

_logger = logging.getLogger("graphtf")


@dataclass
class _Switches:
    filtering: bool = True
    placement: bool = False


_switches = _Switches()


def get_logger() -> logging.Logger:
    """The logger of the package. Follows https://www.tensorflow.org/api_docs/python/tf/get_logger.

    >>> get_logger().name
    'graphtf'
    """
    return _logger


def enable_traceback_filtering() -> None:
    """Leave the library's own frames out of tracebacks.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/enable_traceback_filtering.

    >>> enable_traceback_filtering()
    """
    _switches.filtering = True


def disable_traceback_filtering() -> None:
    """Show all frames. Follows https://www.tensorflow.org/api_docs/python/tf/debugging/disable_traceback_filtering.

    >>> disable_traceback_filtering()
    >>> is_traceback_filtering_enabled()
    False
    >>> enable_traceback_filtering()
    """
    _switches.filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Are the library's frames left out?

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/is_traceback_filtering_enabled.

    >>> is_traceback_filtering_enabled()
    True
    """
    return _switches.filtering


def get_log_device_placement() -> bool:
    """Is it logged where ops run? Follows https://www.tensorflow.org/api_docs/python/tf/debugging/get_log_device_placement.

    >>> get_log_device_placement()
    False
    """
    return _switches.placement


def set_log_device_placement(enabled: bool) -> None:
    """Log where ops run: on the CPU, all of them, which is said once.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/set_log_device_placement.

    >>> set_log_device_placement(False)
    """
    if enabled and not _switches.placement:
        _logger.info("every op runs on /job:localhost/replica:0/task:0/device:CPU:0")
    _switches.placement = bool(enabled)
