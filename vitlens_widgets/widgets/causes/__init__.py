"""Causes: which parts and tokens made an answer, by exchanging them between two runs."""
