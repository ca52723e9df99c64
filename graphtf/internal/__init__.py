"""What packages built on TensorFlow take from its internals: `tf.__internal__` and modules under `tensorflow.python`.

Invariant: each name does here what its users rely on, and nothing of ours depends on it. graphtf/names/internal.py says
under which names.
"""
