"""The web pages: server-rendered, for the people who send films, review them and look after the system."""
