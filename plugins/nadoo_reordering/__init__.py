"""Orders of channels in which codes compress better, and the coders that show by how much."""
