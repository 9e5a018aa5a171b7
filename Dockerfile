# The server with its pinned dependencies, run as an unprivileged user. The database is in /data.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.txt
COPY queue_engine queue_engine
COPY server server
COPY static static
COPY storage storage
# Compile here, because the file system of the container may be read-only.
RUN /venv/bin/python -m compileall -q server queue_engine storage

FROM python:3.13-slim
RUN groupadd --gid 10001 winner \
    && useradd --uid 10001 --gid winner --no-create-home --shell /usr/sbin/nologin winner \
    && install --directory --owner winner --group winner /data
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY LICENSE /app/
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WINNER_STAYS_HOST=0.0.0.0 \
    WINNER_STAYS_PORT=8080 \
    WINNER_STAYS_STORE=sqlite:////data/winner-stays.db
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-m", "server.ops.healthcheck"]
ENTRYPOINT ["python", "-m", "server"]
