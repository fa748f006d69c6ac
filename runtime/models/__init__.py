"""The models on this machine: fetched, imported, checked and removed.

What a model is, engine/models.py says. Listing, fetching and checking need no torch.
"""
