"""What one key's refused requests do to another key's latency.

    python benchmarks/gateway/refused.py               # 32 MB bodies from a key at 1 request a minute
    python benchmarks/gateway/refused.py --invalid     # bodies that are no JSON, from a key without limits

A neighbour sends small calls over one connection, one after the other, alone and while the flood is on, in
turns. The gateway is on one core, the neighbour, the flood and the upstream on the other.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers

CALLS = 400
ROUNDS = 3


def flood(port: int, key: str, size: int, *, invalid: bool) -> None:
    """Sends large bodies in a loop until it is killed; whether the gateway reads them is its affair."""
    body = b"[" * size if invalid else json.dumps(servers.call("x" * size)).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", "/openai/v1/chat/completions", body, headers)
            connection.getresponse().read()
        except OSError:
            pass  # cut off in the middle of its body
        finally:
            connection.close()


def latencies_ms(port: int, key: str, calls: int = CALLS) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps(servers.call("Say what a gateway is for."))
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    found = []
    for _ in range(calls):
        began = time.perf_counter()
        connection.request("POST", "/openai/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        answer.read()
        found.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"the neighbour got {answer.status}")
    connection.close()
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description="One key's refused requests beside another key's latency.")
    parser.add_argument("--size", type=int, default=32_000_000, help="bytes of a body")
    parser.add_argument("--invalid", action="store_true", help="bodies that are refused only once read")
    parser.add_argument("--flood", nargs=2, metavar=("PORT", "KEY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        flood(int(options.flood[0]), options.flood[1], options.size, invalid=options.invalid)
    with tempfile.TemporaryDirectory() as folder:
        upstream, upstream_port = servers.mock(Path(folder))
        gateway = servers.ours(Path(folder), upstream_port)
        port = int(gateway.url.split(":")[2].split("/")[0])
        base = gateway.url.removesuffix("/chat/completions")
        greedy = servers.key_at(base, "greedy", **({} if options.invalid else {"requests_per_minute": 1}))
        command = ["taskset", "-c", servers.LOAD_CORE, sys.executable, __file__, f"--size={options.size}"]
        command += ["--invalid"] if options.invalid else []
        alone: list[float] = []
        beside: list[float] = []
        try:
            latencies_ms(port, gateway.key)
            if not options.invalid:
                latencies_ms(
                    port, greedy, calls=1
                )  # its one request a minute: the mock is slow with large ones
            for _ in range(ROUNDS):
                alone += latencies_ms(port, gateway.key)
                flooding = subprocess.Popen([*command, "--flood", str(port), greedy])
                time.sleep(1)
                beside += latencies_ms(port, gateway.key)
                flooding.kill()
                flooding.wait()
            print("| neighbour's latency, ms | p50 | p99 | most |\n|---|---:|---:|---:|")
            for name, found in (("alone", sorted(alone)), ("beside the flood", sorted(beside))):
                p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
                print(f"| {name} | {p50:.2f} | {p99:.2f} | {found[-1]:.2f} |")
            print(f"\nmemory of the gateway and its workers: {gateway.memory_mib():.0f} MiB")
        finally:
            gateway.stop()
            upstream.stop()


if __name__ == "__main__":
    main()
