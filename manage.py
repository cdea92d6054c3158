#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")
    from django.core.management import execute_from_command_line

    from screening.config.environment import setting_errors_explained

    with setting_errors_explained():
        execute_from_command_line(sys.argv)
