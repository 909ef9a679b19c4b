"""Channels in another order, so that what is stored compresses better and nothing is computed differently."""
