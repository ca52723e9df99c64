"""Portable files: the program as text with its weights, pictures, exchange formats."""
