"""The metrics: of a result and its truth, of two palettes, of two sets of pictures."""
