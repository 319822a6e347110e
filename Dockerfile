# The images of compose.yaml, one stage each:
#   dozvon     the daemon and the command line        postgres   the desk's database
#   asterisk   Asterisk with our dialplan             redis      the journal
# All run as user 10001 on a read-only root; what they write lies in volumes.

ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie
ARG DEBIAN_IMAGE=docker.io/library/debian:trixie-slim
ARG ASTERISK_IMAGE=docker.io/library/debian:sid-slim

# --- libraries: the locked set, checked by hashes; development tools stay out ---------------------------
FROM ${PYTHON_IMAGE} AS libraries
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /opt/dozvon
COPY pyproject.toml requirements.lock container/prune.py ./
# setuptools first: it builds the few packages that come as source, instead of one fetched unchecked.
RUN python -m venv .venv \
 && awk '/^[a-z]/ {on = /^setuptools==/} on' requirements.lock > build.lock \
 && .venv/bin/pip install -q --require-hashes --no-deps -r build.lock \
 && .venv/bin/pip install -q --require-hashes --no-build-isolation -r requirements.lock \
 && .venv/bin/python prune.py > unneeded && .venv/bin/pip uninstall -q -y -r unneeded \
 && rm prune.py build.lock unneeded
COPY README.md ./
COPY acd acd
COPY desk desk
COPY dozvon dozvon
COPY ivr ivr
COPY web web
RUN .venv/bin/pip install -q --no-deps --no-build-isolation -e . \
 && .venv/bin/pip uninstall -q -y setuptools pip \
 && python -m compileall -q .venv/lib acd desk dozvon ivr web

# --- the daemon -------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS dozvon
RUN groupadd -g 10001 dozvon \
 && useradd -u 10001 -g dozvon -d /var/lib/dozvon -s /usr/sbin/nologin dozvon \
 && install -d -m 700 -o dozvon -g dozvon /var/lib/dozvon /var/lib/dozvon/recordings /var/lib/dozvon/spool \
      /var/lib/dozvon/cache /etc/asterisk /run/dozvon-db
WORKDIR /opt/dozvon
COPY --from=libraries /opt/dozvon /opt/dozvon
COPY dashboard dashboard
COPY voice_prompts voice_prompts
COPY models models
COPY asterisk-config asterisk-config
COPY config config
COPY container/dozvon.yaml config/dozvon.yaml
COPY container/setup.sh container/dozvon.sh container/
ENV PATH=/opt/dozvon/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8080
# Alive, not ready: a daemon that waits for Redis or Asterisk is not ill. /readyz says what it waits for.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["/opt/dozvon/container/dozvon.sh"]

# --- Asterisk ---------------------------------------------------------------------------------------------
# Debian's stable releases carry no Asterisk; sid does (version 22, long-term support).
FROM ${ASTERISK_IMAGE} AS asterisk
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends asterisk python3 \
 && rm -rf /var/lib/apt/lists/* /etc/asterisk/* \
 && groupadd -g 10001 dozvon \
 && useradd -u 10001 -g dozvon -d /var/lib/asterisk -s /usr/sbin/nologin dozvon \
 && install -d -m 700 -o dozvon -g dozvon /etc/asterisk /run/asterisk /var/lib/dozvon \
      /var/lib/dozvon/recordings /var/lib/dozvon/spool /var/lib/dozvon/cache \
 && chown -R dozvon:dozvon /var/lib/asterisk /var/log/asterisk /var/spool/asterisk
WORKDIR /opt/dozvon
# The emergency script runs here, beside Asterisk, when no daemon answers; it needs pyst2 (which needs six) alone.
COPY --from=libraries /opt/dozvon/.venv/lib/python3.13/site-packages/asterisk pyst2/asterisk
COPY --from=libraries /opt/dozvon/.venv/lib/python3.13/site-packages/six.py pyst2/
RUN python3 -m venv --without-pip .venv \
 && mv pyst2/* "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
 && rmdir pyst2 \
 # The script names the Python of the daemon's image; sid's own may be another version.
 && { [ -e .venv/bin/python3.13 ] || ln -s python3 .venv/bin/python3.13; }
COPY ivr/emergency.py ivr/emergency.py
COPY voice_prompts voice_prompts
COPY asterisk-config/sounds asterisk-config/sounds
RUN rm -rf /usr/share/asterisk/sounds && ln -s /opt/dozvon/asterisk-config/sounds /usr/share/asterisk/sounds
COPY container/asterisk.sh container/
USER 10001:10001
EXPOSE 5060/udp
HEALTHCHECK --interval=10s --timeout=8s --start-period=30s \
  CMD ["asterisk", "-rx", "core waitfullybooted"]
CMD ["/opt/dozvon/container/asterisk.sh"]

# --- PostgreSQL -------------------------------------------------------------------------------------------
FROM ${DEBIAN_IMAGE} AS postgres
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql-common \
 && sed -i 's/^#\? *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql-17 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd -g 10001 dozvon \
 && useradd -u 10001 -g dozvon -d /var/lib/postgresql -s /usr/sbin/nologin dozvon \
 && install -d -m 700 -o dozvon -g dozvon /run/dozvon-db && chown dozvon:dozvon /var/lib/postgresql
COPY container/postgres.sh /usr/local/bin/
ENV PATH=/usr/lib/postgresql/17/bin:$PATH
USER 10001:10001
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["pg_isready", "-q", "-h", "127.0.0.1", "-d", "dozvon"]
CMD ["postgres.sh"]

# --- Redis --------------------------------------------------------------------------------------------------
FROM ${DEBIAN_IMAGE} AS redis
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd -g 10001 dozvon \
 && useradd -u 10001 -g dozvon -d /var/lib/redis -s /usr/sbin/nologin dozvon \
 && chown dozvon:dozvon /var/lib/redis
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["redis-cli", "ping"]
# Nothing is evicted: a journal that loses entries is worse than one that says it is full.
CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/var/lib/redis", \
     "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", \
     "--maxmemory", "512mb", "--maxmemory-policy", "noeviction"]
