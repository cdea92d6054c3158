"""Where films are kept, and how their pictures are delivered."""
