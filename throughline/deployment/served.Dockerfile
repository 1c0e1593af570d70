# A registered model as an image: its packages, its files, and the server.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS environment
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3.11 -m venv /opt/served
COPY requirements.txt constraints.txt ./
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
RUN /opt/served/bin/pip install --no-cache-dir -r requirements.txt -c constraints.txt

FROM ${BASE_IMAGE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3.11 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --gid 0 --create-home served
COPY --from=environment /opt/served /opt/served
COPY server /server
COPY model /model
ARG MODEL_URI
ENV PATH=/opt/served/bin:$PATH PYTHONPATH=/server MODEL_URI=${MODEL_URI}
USER served
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s \
    CMD ["python", "-m", "throughline.deployment.health"]
CMD exec python -P -m throughline.deployment.serve \
    --model_uri "$MODEL_URI" --model_path /model --host 0.0.0.0 --port 8080
