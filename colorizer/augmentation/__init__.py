"""What batches go through on the device: the distorted reference, the degraded drawing."""
