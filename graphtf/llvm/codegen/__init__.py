"""Loops to LLVM IR text: one file each for values, loops, primitives, and the module around them."""
