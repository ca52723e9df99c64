"""`tf.saved_model`'s options and names.

Entry points: the classes and constants.
"""

from __future__ import annotations

from typing import Any

from graphtf.tracking import Trackable

SERVING, TRAINING, GPU, TPU = "serve", "train", "gpu", "tpu"
DEFAULT_SERVING_SIGNATURE_DEF_KEY = "serving_default"
SAVED_MODEL_FILENAME_PB, SAVED_MODEL_FILENAME_PBTXT = "saved_model.pb", "saved_model.pbtxt"
ASSETS_KEY, DEBUG_DIRECTORY, DEBUG_INFO_FILENAME_PB = "saved_model_assets", "debug", "saved_model_debug_info.pb"
CLASSIFY_INPUTS, CLASSIFY_OUTPUT_CLASSES, CLASSIFY_OUTPUT_SCORES = "inputs", "classes", "scores"
PREDICT_INPUTS, PREDICT_OUTPUTS, REGRESS_INPUTS, REGRESS_OUTPUTS = "inputs", "outputs", "inputs", "outputs"
CLASSIFY_METHOD_NAME, PREDICT_METHOD_NAME, REGRESS_METHOD_NAME = (
    f"tensorflow/serving/{kind}" for kind in ("classify", "predict", "regress")
)
SAVED_MODEL_SCHEMA_VERSION = 1
VARIABLES_DIRECTORY, VARIABLES_FILENAME, ASSETS_DIRECTORY = "variables", "variables", "assets"


class SaveOptions:
    """How a model is saved: `function_aliases` names functions, the rest matters on one machine nowhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/saved_model/SaveOptions.

    >>> SaveOptions(function_aliases={"f": None}).function_aliases
    {'f': None}
    """

    def __init__(
        self,
        namespace_whitelist: Any = None,
        save_debug_info: bool = False,
        function_aliases: Any = None,
        **others: Any,
    ) -> None:
        self.namespace_whitelist = list(namespace_whitelist or [])
        self.save_debug_info = save_debug_info
        self.function_aliases = dict(function_aliases or {})
        self.__dict__.update(others)


class LoadOptions:
    """How a model is loaded.

    Follows https://www.tensorflow.org/api_docs/python/tf/saved_model/LoadOptions.

    >>> LoadOptions().experimental_skip_checkpoint
    False
    """

    def __init__(
        self, allow_partial_checkpoint: bool = False, experimental_io_device: Any = None,
        experimental_skip_checkpoint: bool = False, experimental_variable_policy: Any = None,
        experimental_load_function_aliases: bool = False,
    ) -> None:  # fmt: skip
        self.allow_partial_checkpoint = allow_partial_checkpoint
        self.experimental_io_device = experimental_io_device
        self.experimental_skip_checkpoint = experimental_skip_checkpoint
        self.experimental_variable_policy = experimental_variable_policy
        self.experimental_load_function_aliases = experimental_load_function_aliases


class TrackableResource(Trackable):
    """A resource, such as a table, that a model holds.

    Follows https://www.tensorflow.org/api_docs/python/tf/saved_model/experimental/TrackableResource.
    """
