"""Training of networks; nothing that serves imports it."""
