"""Names of files: `tf.io`, `tf.train`, `tf.summary`, `tf.saved_model`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
}
