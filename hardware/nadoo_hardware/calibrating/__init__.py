"""Calibrating: networks that are drawn, run here or measured elsewhere, and fitted to what they took."""
