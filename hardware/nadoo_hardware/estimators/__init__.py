"""Estimators: what a model costs on a device, by counting, by published rates, by rooflines, and by measuring here."""
