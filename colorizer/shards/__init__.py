"""The format of shards: index, checked reading, writing."""
