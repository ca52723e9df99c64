"""TensorFlow 2's API, traced into a readable graph and compiled by LLVM to native code."""
