"""C for a microcontroller, equal bit for bit to the graph that it came from."""
