"""Pictures into shards, step by step."""
