"""Entry point of the web server."""

import os

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

from screening.config.environment import setting_errors_explained

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "screening.config.settings")
BOOT_ERROR = 3  # gunicorn does not restart a process that ends with this status
UNKNOWN_TYPE = "application/octet-stream"  # which no address reads, so the answer has a code


class Request(WSGIRequest):
    """A request whose Content-Type may be malformed; Django fails on some of those before any code of ours runs."""

    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs lack it
        except (TypeError, ValueError):  # of parameters after RFC 2231
            meta["CONTENT_TYPE"] = UNKNOWN_TYPE
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs lack it


with setting_errors_explained(BOOT_ERROR):
    application = get_wsgi_application()
application.request_class = Request
