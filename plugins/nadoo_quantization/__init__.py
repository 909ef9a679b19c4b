"""Integers for a model: calibration, quantization by selector and table, and the report of what each layer lost."""
