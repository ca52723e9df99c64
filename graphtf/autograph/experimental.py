"""What `tf.autograph.experimental` publishes."""

from __future__ import annotations

import enum

from graphtf.autograph.convert import do_not_convert
from graphtf.autograph.options import set_loop_options

__all__ = ["Feature", "do_not_convert", "set_loop_options"]


class Feature(enum.Enum):
    """Conversions that can be asked for. Follows https://www.tensorflow.org/api_docs/python/tf/autograph/experimental/Feature."""

    ALL = "ALL"
    AUTO_CONTROL_DEPS = "AUTO_CONTROL_DEPS"
    ASSERT_STATEMENTS = "ASSERT_STATEMENTS"
    BUILTIN_FUNCTIONS = "BUILTIN_FUNCTIONS"
    EQUALITY_OPERATORS = "EQUALITY_OPERATORS"
    LISTS = "LISTS"
    NAME_SCOPES = "NAME_SCOPES"
