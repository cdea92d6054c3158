"""What the pages say and draw: sentences, charts and geometry, without a request."""
