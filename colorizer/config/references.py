"""Which pictures are the references of training."""

from dataclasses import dataclass

from colorizer.config.bounds import Share


@dataclass(frozen=True)
class ReferencesConfig:
    """What a reference is made of, before it is distorted."""

    same_group: Share = 0.0
    """Let this share of the references be another picture of the drawing's group.
    All others, and those of a picture that is alone in its group, are the picture itself."""
