"""Checkpoints in TensorFlow's own format, and what `tf.train` offers around them."""
