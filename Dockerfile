# docs/deployment.md explains how to build and run this image.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN python3 -m venv .venv
COPY requirements.txt .
RUN .venv/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
        --only-binary :all: --no-deps --require-hashes -r requirements.txt \
    && .venv/bin/python -m pip uninstall --quiet --yes pip
COPY manage.py .
COPY smoke_test smoke_test
COPY petsage_project petsage_project
COPY deploy deploy
# This reduces 120 MB to 75: it removes translations (USE_I18N is off), ReDoc, source maps, and the
# originals of collected static files.
RUN find .venv -name '*.[mp]o' -delete \
    && .venv/bin/python manage.py collectstatic --no-input --verbosity 0 --ignore redoc \
    && find var -name '*.map' -delete \
    && rm -r .venv/lib/python3*/site-packages/*/static \
        .venv/lib/python3*/site-packages/django/contrib/admin/static \
    && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash . \
    # A clone made under a strict umask is not readable by other users.
    && chmod -R go+rX .

FROM ${BASE}
WORKDIR /app
COPY --from=build /app .
ARG RELEASE=unknown
ENV PATH=/app/.venv/bin:$PATH \
    GRANIAN_HOST=0.0.0.0 \
    DJANGO_LOG_FAILURES=true \
    PETSAGE_RELEASE=${RELEASE}
LABEL org.opencontainers.image.revision=${RELEASE}
# Besides the check, this writes the standard library's bytecode, which official images lack. Later
# the root is read-only.
RUN python manage.py check --tag smoke_test \
    && python -c 'import granian.cli, smoke_test.probe.cli'
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=2 \
    CMD ["python", "-m", "deploy.healthcheck"]
# Until Python has a handler, the kernel drops SIGTERM for process 1 unless it is blocked.
CMD ["env", "--block-signal=TERM", "python", "-m", "deploy.container"]
