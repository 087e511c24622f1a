"""The gateway against nginx (plain proxy) and @fastify/http-proxy with @fastify/jwt.

    cd tests && python -m bench.gateway [rounds] [seconds]

10,000 Ed25519 tokens of about 450 bytes in rotation, a 53-byte answer from nginx as the upstream, wrk with 64
connections. The server has one core, load and upstream have the other. Goals: requests a second at least
twice fastify's, CPU per request at most 4.5 times nginx's.
"""

import secrets
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import orjson
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import OKPKey

from bench.peers.measure import (
    FOLDER,
    LOAD_CORE,
    SERVER_CORE,
    Peer,
    Sample,
    load,
    need,
    report,
    running,
    spread,
    wait_for,
)
from common.auth.tokens import AUDIENCE, ISSUER, TYPE
from devstack.ports import choose

PEERS = Path(__file__).parent / "peers"
NGINX = "/usr/sbin/nginx"
TOKENS, ORGANISATIONS = 10_000, 100
BODY = '{"items":[],"next":null,"note":"fifty-three bytes!!"}'
FASTIFY = ("fastify", "@fastify/http-proxy", "@fastify/jwt")


def main(rounds: int = 5, seconds: int = 5) -> None:
    need("nginx", "nginx-light")
    need("wrk", "wrk")
    need("node", "nodejs")
    folder = FOLDER / "gateway"
    folder.mkdir(parents=True, exist_ok=True)
    install_fastify(folder)
    write_tokens(folder)
    with ExitStack() as stack:
        peers = start(stack, folder)
        for peer in peers:
            load(peer, 8)  # fills the caches of verified tokens
        samples: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
        for number in range(rounds):
            for peer in peers[number % len(peers) :] + peers[: number % len(peers)]:
                samples[peer.name].append(load(peer, seconds))
    nginx, fastify, ours = (samples[name] for name in ("nginx", "fastify", "gateway"))
    rows = [
        [
            name,
            spread([sample.per_second for sample in taken]),
            spread([sample.cpu_us for sample in taken], 1),
            str(sum(sample.failed for sample in taken)),
        ]
        for name, taken in samples.items()
    ]
    faster = [a.per_second / b.per_second for a, b in zip(ours, fastify, strict=True)]
    dearer = [a.cpu_us / b.cpu_us for a, b in zip(ours, nginx, strict=True)]
    notes = [
        f"requests a second, gateway to fastify: {spread(faster, 2)} (goal: at least 2)"
        f" {'reached' if median(faster) >= 2 else 'MISSED'}",
        f"CPU per request, gateway to nginx: {spread(dearer, 2)} (goal: at most 4.5)"
        f" {'reached' if median(dearer) <= 4.5 else 'MISSED'}",
        f"{rounds} rounds of {seconds} s; min / median / max",
    ]
    report("Gateway", ["peer", "requests/s", "CPU us/request", "failed"], rows, notes)


def start(stack: ExitStack, folder: Path) -> list[Peer]:
    """The upstream on the load's core, the peers on the server's."""
    ports = choose(dict.fromkeys(("static", "nginx", "fastify", "gateway"), 0))
    static, proxy, fastify, ours = ports.values()
    upstream = f"http://127.0.0.1:{static}"
    stack.enter_context(running(nginx(folder, static, static, f"return 200 '{BODY}';"), LOAD_CORE, folder))
    passing = "proxy_pass http://static; proxy_http_version 1.1; proxy_set_header Connection '';"
    pids = [
        stack.enter_context(running(command, SERVER_CORE, folder))
        for command in (
            nginx(folder, proxy, static, passing),
            ["node", str(PEERS / "fastify.mjs"), str(fastify), upstream, str(folder / "public.pem")],
            [sys.executable, str(PEERS / "gateway_process.py"), str(ours), upstream],
        )
    ]
    for port in ports.values():
        wait_for(port)
    del ports["static"]
    return [
        Peer(name, f"http://127.0.0.1:{port}/api/v1/cameras", PEERS / "tokens.lua", pid, tokens(name, folder))
        for (name, port), pid in zip(ports.items(), pids, strict=True)
    ]


def tokens(name: str, folder: Path) -> dict[str, str]:
    """Where the tokens are in the spelling that this peer understands (RFC 9864 names `Ed25519`)."""
    return {"TOKENS": str(folder / ("eddsa.txt" if name == "fastify" else "ed25519.txt"))}


def nginx(folder: Path, port: int, upstream: int, location: str) -> list[str]:
    """The command of an nginx that listens on `port`."""
    text = (PEERS / "nginx.conf").read_text()
    path = folder / f"nginx-{port}.conf"
    path.write_text(text.format(port=port, upstream=upstream, folder=folder, location=location, proxy=port))
    return [NGINX, "-p", str(folder), "-c", str(path)]


def write_tokens(folder: Path) -> None:
    """The same claims under both names of the algorithm, the public key for both kinds of reader."""
    key = OKPKey.generate_key("Ed25519", {"kid": "bench"}, auto_kid=False)
    (folder / "jwks.json").write_bytes(orjson.dumps({"keys": [key.as_dict(private=False)]}))
    pem = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "public.pem").write_bytes(pem)
    claims = [claims_of(number) for number in range(TOKENS)]
    for algorithm in ("Ed25519", "EdDSA"):
        header = {"alg": algorithm, "typ": TYPE, "kid": "bench"}
        lines = (jwt.encode(header, one, key, algorithms=[algorithm]) for one in claims)
        (folder / f"{algorithm.lower()}.txt").write_text("\n".join(lines) + "\n")


def claims_of(number: int) -> dict[str, object]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": secrets.token_hex(16),
        "org": f"{number % ORGANISATIONS:032x}",
        "role": "super_admin",
        "sid": secrets.token_hex(16),
        "iat": now,
        "exp": now + 7200,
        "jti": secrets.token_hex(8),
    }


def install_fastify(folder: Path) -> None:
    """The peer, into the benchmark's own folder."""
    if not all((folder / "node_modules" / package).exists() for package in FASTIFY):
        command = ["npm", "install", "--no-fund", "--no-audit", "--silent", "--prefix", str(folder), *FASTIFY]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
