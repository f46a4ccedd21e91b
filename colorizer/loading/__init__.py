"""Shards into batches, in order, by processes; which picture is whose reference."""
