"""`tf.distribute`, for the one device that there is.

Invariant: a strategy runs a function once for each of its replicas, and there is one. Entry point:
graphtf/names/distribute.py says where each name is.
"""
