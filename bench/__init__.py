"""How good it is: latency, kernels, conversion. Prints tables, writes JSON."""
