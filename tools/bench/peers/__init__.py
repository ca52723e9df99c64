"""The same workloads in GraphTF, TensorFlow, JAX, PyTorch and NumPy, each as its users would write it.

Invariant: this folder depends on nothing of GraphTF (`python -m peers IMPLEMENTATION WORK` runs it in any environment),
and every implementation gets the same arrays and computes the same numbers. Entry points: `__main__`, `inputs.WORKS`.
"""
