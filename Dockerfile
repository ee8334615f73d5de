# One image for every process of ours: the command says which. Built in two stages, so that
# neither pip's cache nor a build tool is in what runs.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/clawbot
WORKDIR /source
COPY requirements.lock ./
RUN /opt/clawbot/bin/pip install --only-binary :all: --require-hashes --requirement requirements.lock
COPY . ./
RUN /opt/clawbot/bin/pip install --no-deps --no-build-isolation . \
    && /opt/clawbot/bin/pip uninstall --yes hatchling editables pip setuptools \
    && python -m compileall -q /opt/clawbot/lib

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/clawbot --create-home clawbot
COPY --from=build /opt/clawbot /opt/clawbot
ENV PATH=/opt/clawbot/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CLAWBOT_DATA_DIR=/var/lib/clawbot
USER 10001:10001
WORKDIR /var/lib/clawbot
ENTRYPOINT ["clawbot"]
CMD ["--help"]
