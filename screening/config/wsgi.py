"""The web server's entry."""

import os

from django.core.wsgi import get_wsgi_application

from screening.config.environment import settings_explained

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")
BOOT_ERROR = 3  # by this status gunicorn knows that another attempt would end likewise

with settings_explained(BOOT_ERROR):
    application = get_wsgi_application()
