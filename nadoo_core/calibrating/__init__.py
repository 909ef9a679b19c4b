"""What calibration data says of a graph: the rows that layers read, gradients at nodes, two graphs side by side.

Passes that take something out of a model use it to mend the rest without training.
"""
