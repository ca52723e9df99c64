"""The `tf.*` functions, one file per family; graphtf/names/ says under which public names.

Invariant: each is a composition of ops of `graphtf.ir.ops`, so it runs eagerly, traced and under tapes alike.
"""
