"""Entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

from screening.config.environment import setting_errors_explained

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")
BOOT_ERROR = 3  # gunicorn does not restart a process that ends with this status

with setting_errors_explained(BOOT_ERROR):
    application = get_wsgi_application()
