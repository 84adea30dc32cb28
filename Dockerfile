# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# librdkafka is built from the crate's sources: a C compiler and make; TLS and zlib come from Debian.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc g++ make pkg-config libssl-dev zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin gatewatch \
 && install -m 0755 target/release/gatewatch /usr/local/bin/gatewatch

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin gatewatch
COPY --from=build /usr/local/bin/gatewatch /usr/local/bin/gatewatch
COPY rules /etc/gatewatch/rules
USER 10001:10001
EXPOSE 9464 9466
STOPSIGNAL SIGTERM
# No HTTP client in the image: bash asks by itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=6 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["/usr/local/bin/gatewatch"]
CMD ["run"]
