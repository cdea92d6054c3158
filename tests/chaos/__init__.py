"""Faults against the running system: whatever breaks, every film ends in one state and no row contradicts another.

``python -m pytest tests/chaos -m chaos`` is the full round; an ordinary test run has a short one with small numbers.
"""
