"""A trained generator at work: load it, colour a drawing."""
