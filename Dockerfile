# One image for gateways, bureaus, the secretariat and the one-shot `init`: both command lines, and nothing that builds them.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/bureaunet
COPY requirements-secretariat.txt .
RUN /opt/bureaunet/bin/pip install --no-cache-dir --require-hashes --requirement requirements-secretariat.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY gateway gateway
COPY bureaus bureaus
COPY tests/vectors tests/vectors
RUN /opt/bureaunet/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bureaunet
COPY --from=build /opt/bureaunet /opt/bureaunet
COPY deploy/compose /opt/bureaunet/compose
ENV PATH=/opt/bureaunet/bin:$PATH PYTHONUNBUFFERED=1
USER bureaunet
WORKDIR /srv
CMD ["bureaunet-gateway", "--help"]
