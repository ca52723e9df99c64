"""The `graphtf` command. Entry point: `graphtf.tools.main.main`."""
