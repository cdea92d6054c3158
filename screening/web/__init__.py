"""The web server: gunicorn with a worker class that slow clients cannot stop."""
