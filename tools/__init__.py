"""The `graphtf` command."""
