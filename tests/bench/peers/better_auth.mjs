// The peer: better-auth with passwords and its JWT plugin, on MongoDB.
//     node better_auth.mjs PORT MONGO DATABASE HASH PEOPLE PASSWORD, the packages in the working directory
// HASH is scrypt (better-auth's own) or argon2id (at the cost of identity, by better-auth's option for that).
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.cwd() + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { betterAuth } = await load("better-auth");
const { mongodbAdapter } = await load("better-auth/adapters/mongodb");
const { toNodeHandler } = await load("better-auth/node");
const { jwt } = await load("better-auth/plugins");
const argon2 = require("@node-rs/argon2");
const { MongoClient } = require("mongodb");

const [port, mongo, database, hash, people, word] = process.argv.slice(2);
const client = await new MongoClient(mongo).connect();
const owasp = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 };
const argon2id = {
  hash: (password) => argon2.hash(password, owasp),
  verify: ({ hash, password }) => argon2.verify(hash, password),
};
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "a benchmark's secret, which protects nothing",
  database: mongodbAdapter(client.db(database), { client }),
  emailAndPassword: { enabled: true, ...(hash === "argon2id" && { password: argon2id }) },
  plugins: [jwt()],
  rateLimit: { enabled: false }, // 3 sign-ins in 10 s from one address otherwise
  telemetry: { enabled: false },
});

const context = await auth.$context;
const password = await context.password.hash(word);
const join = async (_, number) => {
  const email = `user${number}@bench.example`;
  const user = await context.internalAdapter.createUser({ email, name: "Ada", emailVerified: true });
  const account = { userId: user.id, accountId: user.id, providerId: "credential", password };
  await context.internalAdapter.linkAccount(account);
};
await Promise.all(Array.from({ length: Number(people) }, join));
createServer(toNodeHandler(auth)).listen(Number(port), "127.0.0.1");
