"""What `tf.test` gives programs to test themselves with. Entry points: `TestCase`, `compute_gradient`, `main`."""
