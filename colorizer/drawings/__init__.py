"""Drawings as people have them: cleaned, cut into regions, filled at their own size. No network."""
