# One image a service: docker build --build-arg SERVICE=feeds -t foreshock/feeds:0.1.0 .
#
# SERVICE  feeds, velocity, signals, archive, or cli (the `foreshock` command with an embedded server)
# BASE     any image with python3 >= 3.11 and pip; pin it by digest for production (python:3.12-slim@sha256:...)
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /src
# Everything that comes from outside is fetched here, once, and checked against the lock. What follows needs no network.
COPY requirements.lock ./
RUN python3 -m pip download --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes \
        --dest /wheels --requirement requirements.lock
RUN python3 -m venv --without-pip /tools \
    && python3 -m pip --python /tools/bin/python install --no-cache-dir --no-index --find-links /wheels \
        flit_core googleapis-common-protos grpcio-tools setuptools
COPY protos protos
COPY plugins plugins
COPY services services
RUN /tools/bin/python services/protos/build.py \
    && for member in plugins/* services/*; do \
        (cd "$member" && /tools/bin/python -c 'from flit_core.buildapi import build_wheel; build_wheel("/wheels")') || exit 1; \
    done
# Only what the service needs, out of the checked wheels; plugins go where market data is decoded.
ARG SERVICE
RUN venues="$(cd plugins && for name in *; do [ "$name" = sdk ] || printf 'foreshock-%s ' "$name"; done)" \
    && case "$SERVICE" in \
        feeds) members="foreshock-feeds $venues" ;; \
        velocity | signals) members="foreshock-$SERVICE" ;; \
        archive) members="foreshock-archive[postgres]" ;; \
        cli) members="foreshock-cli[embedded] $venues" ;; \
        *) echo "--build-arg SERVICE= is feeds, velocity, signals, archive or cli, not '$SERVICE'" >&2; exit 1 ;; \
    esac \
    && python3 -m venv --without-pip /opt/foreshock \
    && python3 -m pip --python /opt/foreshock/bin/python install --no-cache-dir --no-index --find-links /wheels $members \
    && printf '#!/bin/sh\nexec /opt/foreshock/bin/python -m foreshock_%s "$@"\n' "$SERVICE" >/opt/foreshock/bin/service \
    && chmod 0755 /opt/foreshock/bin/service

FROM ${BASE}
# The base image's pip has no business in a running service.
RUN find / -xdev -type d -path '*-packages/pip*' -prune -exec rm -rf {} + \
    && rm -f /usr/bin/pip* /usr/local/bin/pip* \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/foreshock
COPY --from=build /opt/foreshock /opt/foreshock
ENV PATH=/opt/foreshock/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 50051 9100
ENTRYPOINT ["/opt/foreshock/bin/service"]
