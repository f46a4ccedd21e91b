"""Sizes that networks need, for those who must know them without torch."""

DISCRIMINATOR_SIDE = 64  # at least: four halvings must leave the 4×4 that its last conv needs
