"""`tf.version` where GraphTF stands for TensorFlow: the release whose API it follows."""

from graphtf.posing import TENSORFLOW as VERSION
from graphtf.version import GIT_VERSION

__all__ = ["COMPILER_VERSION", "GIT_VERSION", "VERSION"]
COMPILER_VERSION = "LLVM"
GRAPH_DEF_VERSION = 1994
GRAPH_DEF_VERSION_MIN_CONSUMER = 0
GRAPH_DEF_VERSION_MIN_PRODUCER = 0
