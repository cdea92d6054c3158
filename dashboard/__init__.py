"""Web pages, rendered by the server, for people who send films, read them or administer the system."""
