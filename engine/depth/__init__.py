"""Depth: from a picture to inverse depth on the network grid, steady in time."""
