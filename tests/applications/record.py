"""Record what TensorFlow gives: `KERAS_BACKEND=tensorflow python -m tests.applications.record`, where it is installed.

Writes recorded.json: the versions, and for each model the outcome.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import tensorflow

from tests.applications.models import MODELS, outcome

if __name__ == "__main__":
    record = {"tensorflow": tensorflow.__version__, "keras": keras.__version__}
    found = {**record, **{name: outcome(keras, name) for name in MODELS}}
    (Path(__file__).resolve().parent / "recorded.json").write_text(json.dumps(found, indent=1) + "\n")
