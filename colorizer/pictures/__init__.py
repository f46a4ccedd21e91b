"""Files to arrays and back: finding, decoding, sizes, grids."""
