"""Ways to a line drawing: XDoG, the extractor at work."""
