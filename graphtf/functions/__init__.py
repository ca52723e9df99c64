"""`tf.function`: tracing Python into graphs, keeping the traces by signature, and calling what they compile to."""
