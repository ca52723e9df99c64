"""`tf.experimental.numpy`: NumPy's functions on tensors, with NumPy's names, arguments and promotion of dtypes."""
