"""The language: types, op declarations, graph, verifier, text format, interpreter, loop IR. Imports nothing of GraphTF's
other folders."""
