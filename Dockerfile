# The project and its environment. Build it in the project's folder: docker build -t throughline .
#
# Packages come from the index that pip knows by itself; the build arguments name another one, as
# pip's variables of the same names do. PIP_FIND_LINKS is where a CPU build of PyTorch is found.
ARG BASE_IMAGE=debian:bookworm-slim

# --- The locked environment; compilers and headers stay behind in this stage.
FROM ${BASE_IMAGE} AS environment
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ make python3.11-dev python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /throughline
# Only what decides what the environment holds: a change of other code leaves this layer alone.
COPY requirements.lock ./
COPY packaging/horovod packaging/horovod
COPY throughline/__init__.py throughline/
COPY throughline/command_line throughline/command_line
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
RUN UV_NO_CACHE=1 python3.11 -c "\
from pathlib import Path; \
from throughline.command_line.bootstrap import ensure; \
ensure(Path('/throughline'))"

# --- The project. Java 17 is in the environment.
FROM ${BASE_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Throughline" \
      org.opencontainers.image.description="An MLflow Project from raw data to a served model" \
      org.opencontainers.image.revision="${REVISION}"
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3.11 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --gid 0 --create-home throughline
WORKDIR /throughline
COPY --from=environment /throughline/.venv .venv
# Any user of the group 0 may write where runs do, and add its name, which Spark asks for.
RUN mkdir -p build data mlruns /mlflow/tmp \
    && chown throughline:0 build data mlruns /mlflow/tmp /home/throughline \
    && chmod g=u . build data mlruns /mlflow/tmp /home/throughline /etc/passwd
ENV PATH=/throughline/.venv/bin:$PATH \
    HOME=/home/throughline \
    MLFLOW_TRACKING_URI=sqlite:////throughline/mlruns/mlflow.db \
    MLFLOW_DISABLE_TELEMETRY=true \
    GIT_PYTHON_REFRESH=quiet
COPY packaging/docker/entrypoint.sh /usr/local/bin/throughline-entrypoint
COPY MLproject conda.yaml requirements.lock requirements.txt ./
COPY packaging packaging
COPY recipes recipes
COPY steps steps
COPY throughline throughline
RUN python -m compileall -q steps throughline
USER throughline
# Says something only where a model is served: python -m throughline.deployment.serve ...
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-m", "throughline.deployment.health"]
ENTRYPOINT ["throughline-entrypoint"]
CMD ["python", "-m", "throughline", "run"]
