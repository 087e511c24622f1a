// The peer: @fastify/http-proxy with @fastify/jwt and its cache of verified tokens.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const [port, upstream, publicKey] = process.argv.slice(2);
const server = require("fastify")({ logger: false });
server.register(require("@fastify/jwt"), {
  secret: { public: readFileSync(publicKey) },
  verify: { algorithms: ["EdDSA"], allowedIss: "vedette", allowedAud: "vedette-api", cache: 50000 },
});
server.register(require("@fastify/http-proxy"), {
  upstream,
  prefix: "/api/v1",
  rewritePrefix: "/api/v1",
  preHandler: async (request) => { await request.jwtVerify(); },
});
await server.listen({ port: Number(port), host: "127.0.0.1" });
