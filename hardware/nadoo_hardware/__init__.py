"""Devices and cost estimators: what a model costs on the machine that will run it.

Kept apart from the core so that a pass can be written, and a recipe run, without knowing any hardware.
"""
