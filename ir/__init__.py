"""The language: types, op declarations, graph, verifier, text format, interpreter, loop IR. Imports none of GraphTF's
other folders."""
