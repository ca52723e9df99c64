"""GraphTF as the module `tensorflow`: what programs find, and what is refused. Each case in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(program: str, folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A program as a script, `args` before its name."""
    path = folder / "program.py"
    path.write_text(program)
    settings = {k: v for k, v in os.environ.items() if not k.startswith(("KERAS", "GRAPHTF_EAGER"))}
    settings |= {"KERAS_HOME": str(folder / "home"), **env}
    return subprocess.run(
        [sys.executable, *args, str(path)], env=settings, capture_output=True, text=True, timeout=120, check=False
    )


def printed(*args: str, program: str, folder: Path, **env: str) -> str:
    done = run(program, folder, *args, **env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


UNMODIFIED = """
import tensorflow as tf
from tensorflow.keras.layers import Dense
from tensorflow import keras
import keras as package
import tensorflow.keras.losses as losses
import importlib.metadata, importlib.util, sys
print(tf.__name__, tf.__version__, tf.version.VERSION, importlib.metadata.version("tensorflow"))
print(Dense is package.layers.Dense, keras is tf.keras, losses is keras.losses)
print(keras.backend.backend(), importlib.util.find_spec("tensorflow") is not None)
print(tf.add(1, 2).numpy(), sys.argv[1:])
"""
PRINTED = "tensorflow 2.21.0 2.21.0 2.21.0\nTrue True True\ntensorflow True\n3 []\n"


@pytest.mark.parametrize("command", [["-m", "graphtf"], ["-m", "graphtf", "run"]])
def test_an_unmodified_program(command: list[str], tmp_path: Path) -> None:
    assert printed(*command, program=UNMODIFIED, folder=tmp_path) == PRINTED


def test_installed_by_the_program(tmp_path: Path) -> None:
    program = "import graphtf; graphtf.install_as_tensorflow(); graphtf.install_as_tensorflow()" + UNMODIFIED
    assert printed(program=program, folder=tmp_path, KERAS_BACKEND="jax") == PRINTED


@pytest.mark.parametrize(
    "touch",
    [
        "import graphtf as tf; keras = tf.keras", "from graphtf import keras", "import graphtf.keras as keras",
        "from graphtf.keras import layers; import graphtf; keras = graphtf.keras",
        "import graphtf.keras.layers; keras = graphtf.keras",
    ],
)  # fmt: skip
def test_keras_on_first_touch(touch: str, tmp_path: Path) -> None:
    program = f"{touch}\nprint(keras.backend.backend(), keras.ops.sum([1.0, 2.0]).numpy(), keras.__name__)"
    assert printed(program=program, folder=tmp_path) == "tensorflow 3.0 keras._tf_keras.keras\n"


def test_settings_on_disk_stay(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = '{"floatx": "float32", "epsilon": 1e-7, "backend": "jax", "image_data_format": "channels_last"}'
    (home / "keras.json").write_text(settings)
    program = "import graphtf; print(graphtf.keras.backend.backend())"
    assert printed(program=program, folder=tmp_path) == "tensorflow\n"
    assert (home / "keras.json").read_text() == settings


REFUSED = {
    "tensorflow": ("import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')", "already imported"),
    "another backend": (
        "import sys, types; sys.modules['keras.src.backend.config'] = types.SimpleNamespace(backend=lambda: 'jax')",
        "with the backend 'jax'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_too_late(case: str, tmp_path: Path) -> None:
    before, message = REFUSED[case]
    done = run(f"{before}\nimport graphtf\ngraphtf.install_as_tensorflow()", tmp_path)
    assert done.returncode == 1
    assert f"ImportError: {'the module' if case == 'tensorflow' else 'Keras'}" in done.stderr
    assert message in done.stderr and "python -m graphtf PROGRAM" in done.stderr


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    program = "import graphtf\ngraphtf.install_as_tensorflow()\nimport tensorflow.nothing_of_the_kind"
    done = run(program, tmp_path)
    assert "ModuleNotFoundError: No module named 'tensorflow.nothing_of_the_kind'" in done.stderr


def test_pytest_plugin(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(
        "import tensorflow as tf\ndef test_it():\n    assert tf.__version__ and 'graphtf' in tf.add.__module__\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "graphtf.as_tensorflow", "-c", os.devnull, str(test)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_import_stays_light() -> None:
    heavy = ["keras", "llvmlite", "scipy", "networkx", "tensorflow", "h5py"]
    program = f"import sys, graphtf; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_names_that_are_keras_own(tmp_path: Path) -> None:
    program = """import tensorflow as tf
assert tf.losses is tf.keras.losses and tf.compat.v2.metrics is tf.keras.metrics
assert tf.optimizers.Adam is tf.keras.optimizers.Adam
assert {"initializers", "losses", "metrics", "optimizers"} <= set(dir(tf))
print(hasattr(tf.compat.v1, "losses"))  # TensorFlow 1's own are not Keras'
"""
    assert printed("-m", "graphtf", program=program, folder=tmp_path) == "False\n"
