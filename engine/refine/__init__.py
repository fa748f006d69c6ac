"""Refinement: depth that is steadier in time than the network's. Only `off` exists so far."""
