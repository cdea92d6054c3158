"""The command lines ``demo`` and ``screen``, which use the system through ``xrayscreen``."""
