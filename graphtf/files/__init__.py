"""Files: paths, records, protocol buffers, images, summaries."""
