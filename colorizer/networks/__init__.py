"""The networks, in torch alone."""
