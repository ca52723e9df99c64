"""Lowering: fused graph nodes to kernels in the loop IR, one file for each class of kernel."""
