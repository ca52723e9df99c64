"""Names of files: `tf.io`, `tf.train`, `tf.summary`, `tf.saved_model`."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.checkpoint.checkpoint": {
        "train": "Checkpoint CheckpointOptions TrackableView",
    },
    "graphtf.checkpoint.manager": {
        "train": "CheckpointManager",
    },
    "graphtf.checkpoint.state": {
        "train": "get_checkpoint_state latest_checkpoint",
    },
    "graphtf.checkpoint.reader": {
        "train": "list_variables load_checkpoint load_variable",
    },
}
