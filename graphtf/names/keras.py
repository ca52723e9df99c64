"""Names by which GraphTF stands for TensorFlow. `tf.keras` itself is the package keras (graphtf/keras.py)."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.posing": {
        "": "install_as_tensorflow",
    },
}
