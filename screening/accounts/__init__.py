"""Users' quotas, tokens and groups."""
