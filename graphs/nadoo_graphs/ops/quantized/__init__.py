"""Operators on codes: each row has one definition in integers, which simulation, interpreter and C all compute.

A quantized value is an edge whose numbers are integer codes, held exactly in floating point; its type names their
format, and the tensors of the nodes around it hold scale and zero point: real = (code - zero point) * scale.
"""
