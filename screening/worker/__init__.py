"""The worker processes: claim, decode, score, record, unpack and render."""
