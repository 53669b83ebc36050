# Runs cma-mcp as an HTTP server, as a user without rights, in a small image without a shell.
#
#   docker build -t cma-mcp .
#   docker run --rm --read-only -p 127.0.0.1:3000:3000 \
#     -e ANTHROPIC_API_KEY -e MANAGED_AGENTS_MCP_TOKEN -e ALLOWED_AGENT_IDS \
#     -e ALLOWED_HOSTS=localhost cma-mcp
#
# It does not start without ALLOWED_HOSTS, because it listens on every interface of the container.
# With --build-arg TRACES=true the program exports OpenTelemetry traces, always, to the address in
# OTEL_EXPORTER_OTLP_ENDPOINT: Deno decides that while it compiles. A release has such an image beside
# the other; its tag ends in -traces.
#
# To change the port, set PORT, which the health check reads too; do not use --port. It writes
# nothing, so the file system may be read-only.
#
# Each RUN below also works in a clone, with Deno 2.9.6. tests/e2e/image_test.ts runs them there, and
# then runs the result in an empty root. That test needs no container engine and builds no image.

# Both base images are pinned by the digest of their index, which has amd64 and arm64; the tag is for
# people.
FROM --platform=$BUILDPLATFORM denoland/deno:2.9.6@sha256:2014dc167ece617ef7e7ba40631ac2234c59e75ce693e7cc2dc2602b3c87859d AS builder
WORKDIR /build

# Dependencies first, so that a change of the source alone does not fetch them again.
COPY deno.json deno.lock ./
COPY std ./std
COPY src ./src
COPY scripts/compile.ts ./scripts/compile.ts
COPY scripts/compile ./scripts/compile
RUN deno install --frozen --entrypoint src/main.ts scripts/compile.ts

# The executable may use the network, the variables of the settings table, and read files: nothing
# else. There is no git in this build, so the caller passes the commit and its time, in seconds since
# 1970.
ARG TARGETARCH=amd64
ARG COMMIT=""
ARG SOURCE_DATE_EPOCH=0
ARG TRACES=""
RUN CMA_MCP_COMMIT="$COMMIT" deno task compile --output dist/cma-mcp ${TRACES:+--traces} \
      --target "linux-$(echo "$TARGETARCH" | sed s/amd64/x64/)"

FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f
ARG VERSION=""
ARG COMMIT=""
ARG SOURCE=""
# The MCP registry accepts an image for a server only if this label has the server's name.
ARG SERVER_NAME=""
LABEL org.opencontainers.image.title="cma-mcp" \
      org.opencontainers.image.description="Claude Managed Agents as MCP tools" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.source="$SOURCE" \
      io.modelcontextprotocol.server.name="$SERVER_NAME"
COPY --from=builder /build/dist/cma-mcp /usr/local/bin/cma-mcp
# The program's own spans are in the traces only where this says so.
ARG TRACES=""
ENV HOST=0.0.0.0 PORT=3000 OTEL_DENO=$TRACES
EXPOSE 3000
USER nonroot
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 \
  CMD ["/usr/local/bin/cma-mcp", "health"]
ENTRYPOINT ["/usr/local/bin/cma-mcp"]
CMD ["--http"]
