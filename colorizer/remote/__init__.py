"""Folders that lie elsewhere: their addresses, how they are read and written, and the cache."""
