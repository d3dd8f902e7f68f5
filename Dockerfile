# One image for every process of the portal. Built from pinned, hashed packages; runs as an account without rights.
FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/runtime.txt /requirements/runtime.txt
RUN pip install --no-deps --require-hashes -r /requirements/runtime.txt

FROM packages AS assets
COPY requirements/node.txt /requirements/node.txt
RUN pip install --no-deps --require-hashes -r /requirements/node.txt
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY static static
COPY templates templates
COPY portal portal
COPY translations translations
RUN python -m portal.demo.assets && python -c "from pathlib import Path; from portal.web.translations import compile_catalogues; compile_catalogues(Path('translations'))"

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/portal --create-home portal \
 && mkdir /var/lib/portal/metrics /var/lib/portal/gateway \
 && chown portal: /var/lib/portal/metrics /var/lib/portal/gateway
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY migrations migrations
COPY templates templates
COPY jobs jobs
COPY portal portal
COPY wsgi.py ./
COPY --from=assets /build/static static
COPY --from=assets /build/translations translations
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production \
    LOG_FORMAT=json \
    PORTAL_STATE=/var/lib/portal \
    PROMETHEUS_MULTIPROC_DIR=/var/lib/portal/metrics
USER portal
EXPOSE 8000 8080
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", \
     "--workers", "2", "--blocking-threads", "4", "--backlog", "1024", \
     "--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "20", "wsgi:app"]
