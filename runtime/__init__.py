"""Where time passes: sources, encoders, sinks, sockets, threads, clocks and the command line.

Does no tensor arithmetic; pixels are the kernels' business and frames the engine's.
"""
