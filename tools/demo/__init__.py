"""Train a classifier of handwritten digits, each training step one compiled function; then see what the compiler made
of that function, how fast it is, and how exact; and write it as text, as a picture and as a portable file."""

from graphtf.tools.demo.command import arguments, main

__all__ = ["arguments", "main"]
