# One image for every part: `serve` (default), `worker`, `sandbox`, `migrate`, …
# docker build -t portal . && docker run --read-only --tmpfs /tmp -v portal:/var/lib/portal \
#   --env-file portal.env -p 8000:8000 portal
# Whoever publishes it pins the base by digest where it is built.
FROM debian:trixie-slim AS base
# Debian keeps only the newest version of a package: the base image's date decides
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*

FROM base AS build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
# two environments: pip stays in the first one
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/portal
COPY requirements.txt /opt/
RUN /opt/pip/bin/pip --python /opt/portal/bin/python install \
    --no-cache-dir --require-hashes --only-binary :all: -r /opt/requirements.txt
COPY tools/portal /opt/portal/bin/portal
COPY LICENSE NOTICE /opt/portal/app/
COPY locales /opt/portal/app/locales
COPY payments /opt/portal/app/payments
COPY portal /opt/portal/app/portal
# compiled here: nobody may write there later
RUN echo /opt/portal/app >"$(echo /opt/portal/lib/python3*/site-packages)/portal.pth" \
    && python3 -m compileall -q /opt/portal/app \
    && /opt/portal/bin/portal --help >/dev/null

FROM base
LABEL org.opencontainers.image.title="mahalliyat" \
      org.opencontainers.image.description="The portal of Egypt's technology centers" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 portal \
    && useradd --uid 10001 --gid portal --no-create-home --home-dir /var/lib/portal \
        --shell /usr/sbin/nologin portal \
    && install -d -o portal -g portal -m 0700 /var/lib/portal
COPY --from=build /opt/portal /opt/portal
# production refuses to start with demo secrets; a demo says PORTAL_MODE=demo
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTAL_MODE=production \
    PORTAL_HOST=0.0.0.0 \
    PORTAL_VAR=/var/lib/portal
USER 10001:10001
WORKDIR /var/lib/portal
VOLUME /var/lib/portal
EXPOSE 8000
# of `serve`; the other parts run with --no-healthcheck
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('PORTAL_PORT', '8000') + '/health/ready', timeout=4)"]
ENTRYPOINT ["portal"]
CMD ["serve"]
