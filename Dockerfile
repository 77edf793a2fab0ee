# The host as a container. It serves the sample, or the folder of an entry script that is mounted at /app:
#   docker build -t scoringhost . && docker run -p 5001:5001 -v "$PWD/my:/app" scoringhost
# `scoringhost package --target container` writes the same with a script, its model and its packages inside.
ARG BASE_IMAGE=python:3.11-slim-bookworm
# Installs the packages; one that also has a compiler must have the same Python in the same place.
ARG BUILD_IMAGE=${BASE_IMAGE}

FROM ${BUILD_IMAGE} AS wheel
# Optional parts of the host, such as auth,metrics,typed.
ARG EXTRAS=
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /requirements . \
 && cd /requirements && for wheel in ./*.whl; do echo "$wheel${EXTRAS:+[$EXTRAS]}"; done > requirements.txt

FROM ${BUILD_IMAGE} AS packages
WORKDIR /requirements
COPY --from=wheel /requirements ./
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir -r requirements.txt

FROM ${BASE_IMAGE}
# Any user will do, as nothing is written; libraries like it to have a name and a home.
RUN echo 'scoring:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd && echo 'scoring:x:10001:' >> /etc/group
# Temporary files: in /tmp, or in memory where the root file system is read-only and /tmp is not mounted.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp TMPDIR=/tmp TMP=/dev/shm PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY samples/diabetes ./
# The names of the lowest rank: flags and SCORINGHOST_* beat them.
ENV AZUREML_ENTRY_SCRIPT=score.py SERVER_PORT=5001
USER 10001:10001
EXPOSE 5001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "-Ic", "import http.client, os; port = int(os.environ.get('SCORINGHOST_PORT') or os.environ['SERVER_PORT']); asked = http.client.HTTPConnection('127.0.0.1', port, timeout=4); asked.request('GET', '/'); raise SystemExit(asked.getresponse().status != 200)"]
ENTRYPOINT ["scoringhost", "serve"]
