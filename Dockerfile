# One image for gateways, bureaus, the secretariat and the one-shot `init`: both command lines, and nothing that builds them.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
RUN python -m venv /opt/bureaunet && python -m venv /opt/compile
COPY requirements-secretariat.txt requirements-compile.txt ./
RUN /opt/bureaunet/bin/pip install --no-cache-dir --require-hashes --requirement requirements-secretariat.txt
RUN /opt/compile/bin/pip install --no-cache-dir --require-hashes --requirement requirements-compile.txt
COPY pyproject.toml setup.py compiled-modules.txt README.md LICENSE ./
COPY schemas schemas
COPY gateway gateway
COPY bureaus bureaus
COPY tests/vectors tests/vectors
RUN BUREAUNET_COMPILED=1 /opt/compile/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
  && /opt/bureaunet/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bureaunet
COPY --from=build /opt/bureaunet /opt/bureaunet
COPY deploy/compose /opt/bureaunet/compose
ENV PATH=/opt/bureaunet/bin:$PATH PYTHONUNBUFFERED=1
USER bureaunet
WORKDIR /srv
CMD ["bureaunet-gateway", "--help"]
