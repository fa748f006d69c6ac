"""The native viewer: receives a stream, decodes it, and records, measures or shows it.

Runs without torch: nothing here may import it, not even through a neighbour.
"""
