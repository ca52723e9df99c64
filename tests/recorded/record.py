"""Records what TensorFlow gives for every case: `python -m tests.recorded.record [FAMILY …]` where TensorFlow is
installed. Writes data/FAMILY.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.recorded.cases import outcome
from tests.recorded.families import FAMILIES

DATA = Path(__file__).parent / "data"


def main(names: list[str]) -> None:
    import tensorflow as tf

    for family in FAMILIES:
        if names and family.name not in names:
            continue
        found = {name: outcome(tf, case) for name, case in family.cases.items()}
        text = ",\n".join(f"{json.dumps(name)}: {json.dumps(found[name])}" for name in found)
        (DATA / f"{family.name}.json").write_text("{" + text + "}\n")
        print(
            family.name,
            len(found),
            "cases",
            sum(isinstance(v, dict) and "error" in v for v in found.values()),
            "errors",
        )


if __name__ == "__main__":
    main(sys.argv[1:])
