"""Linear layers of 2 and 4 bits that skip inputs of zero and get two products out of one multiplication."""
