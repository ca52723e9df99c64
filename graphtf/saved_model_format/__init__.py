"""What `tf.saved_model` reads and writes: GraphTF's own folders of objects, functions and values."""
