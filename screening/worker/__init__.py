"""What worker processes do: claim, decode, score, record, unpack, render."""
