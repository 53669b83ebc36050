# syntax=docker/dockerfile:1
#
# cma-mcp as an HTTP server in a small image without a shell, as a user without rights.
#
#   docker build -t cma-mcp .
#   docker run --rm -p 3000:3000 \
#     -e ANTHROPIC_API_KEY -e MANAGED_AGENTS_MCP_TOKEN -e ALLOWED_AGENT_IDS \
#     -e ALLOWED_HOSTS=mcp.example.com cma-mcp
#
# Without ALLOWED_HOSTS it does not start: inside a container it listens on every interface.
#
# Every RUN below also works by hand in a clone, with Deno 2.9.6. The image itself has not been
# built where this file was written: no container engine ran there.

FROM denoland/deno:2.9.6 AS builder
WORKDIR /build

# Dependencies first, so that a change of the source alone does not fetch them again.
COPY deno.json deno.lock ./
COPY std ./std
COPY src ./src
RUN deno install --frozen --entrypoint src/main.ts

# Network, the variables of the settings table, and files that a flag names: nothing else.
RUN deno compile --frozen --no-prompt -P=serve --output /build/cma-mcp src/main.ts

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=builder /build/cma-mcp /usr/local/bin/cma-mcp
ENV HOST=0.0.0.0 PORT=3000
EXPOSE 3000
USER nonroot
ENTRYPOINT ["/usr/local/bin/cma-mcp"]
CMD ["--http"]
