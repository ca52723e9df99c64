"""Importing this makes GraphTF stand for TensorFlow; `python -m pytest -p graphtf.as_tensorflow …` does so in tests."""

from graphtf.posing import install_as_tensorflow

install_as_tensorflow()
