"""`tf.keras`: the Keras package, unmodified, on GraphTF. Importing this module gives that package in its place.

Follows https://www.tensorflow.org/api_docs/python/tf/keras.
"""

import importlib
import sys

from graphtf.posing import install_as_tensorflow

install_as_tensorflow()
sys.modules[__name__] = importlib.import_module("keras._tf_keras.keras")
