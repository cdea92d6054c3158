"""Inference, from the working picture to a result: everything that serving needs."""
