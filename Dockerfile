# One image for the service and the simulators. Stage `build` needs the network (PyPI, npm); stage `run` has neither compiler nor pip cache.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/plantroom
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY plantroom plantroom
COPY collector collector
COPY rules rules
COPY simulators simulators
COPY dashboards dashboards
RUN python dashboards/console/build_assets.py --strict \
 && python dashboards/console/build_icons.py \
 && /opt/plantroom/bin/pip install -c constraints.txt '.[report]' \
 && /opt/plantroom/bin/python -m compileall -q /opt/plantroom/lib

FROM python:3.11.13-slim-bookworm AS run
LABEL org.opencontainers.image.title="Plantroom" org.opencontainers.image.licenses="Apache-2.0"
# what `plantroom report` sets Chinese with
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 plantroom \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin plantroom \
 && install -d -o plantroom -g plantroom -m 0750 /data
COPY --from=build /opt/plantroom /opt/plantroom
ENV PATH=/opt/plantroom/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /data
EXPOSE 8600
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=4 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8600/healthz', timeout=5)"]
ENTRYPOINT ["plantroom"]
CMD ["run", "/site/site.yaml", "--data", "/data", "--listen", "0.0.0.0:8600"]
