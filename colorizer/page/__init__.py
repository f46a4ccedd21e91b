"""A page in a browser: a drawing and references in, a coloured drawing out."""
