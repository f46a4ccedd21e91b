"""Every setting of training, the presets, their bounds."""
