"""The system from the outside: the command lines ``demo`` and ``screen``, built on ``xrayscreen``."""
