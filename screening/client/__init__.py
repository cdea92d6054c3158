"""The system from the outside: a REST client, and the command lines ``demo`` and ``screen`` built on it."""
