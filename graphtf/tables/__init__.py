"""Tables from keys to values, of `tf.lookup`."""
