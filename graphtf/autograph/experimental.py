"""What `tf.autograph.experimental` publishes."""

from __future__ import annotations

from graphtf.autograph.convert import do_not_convert
from graphtf.autograph.options import Feature, set_loop_options

__all__ = ["Feature", "do_not_convert", "set_loop_options"]
