"""Escrow beside one central counter: overspend, refusals that were wrong, and calls to the bank a request.

    python benchmarks/scale/escrow.py [--requests N] [--seed N] [--json]

A simulation of `pulumi_groq.policy.escrow`: requests arrive at replicas at random, reserve 200 to 2,000
micro-dollars, run for as long as 1 to 200 further arrivals, and cost 5 to 100 % of what they reserved. The
ledger is written after every 64 arrivals. The cap is met at about 80 % of the requests. Everything is
counted: no clock, no network.
"""

import argparse
import heapq
import json
from random import Random
from typing import NamedTuple

from pulumi_groq.policy.escrow import Bank, Spent, Wallet

CAP = "cap"
ACCOUNTS = (CAP,)
ARRIVALS_BETWEEN_LEDGER_WRITES = 64


class Request(NamedTuple):
    reserved: int
    cost: int
    runs_for: int
    replica: int


class Figures(NamedTuple):
    """What one run gave. `bank_calls_a_request` are those before the first refusal."""

    replicas: int
    requests: int
    cap_micro_usd: int
    spent_micro_usd: int
    overspend_micro_usd: int
    admitted_before_a_refusal: int
    admitted_before_a_refusal_by_one_counter: int
    false_refusals: int
    bank_calls_a_request: float
    recalls: int


def drawn_requests(random: Random, count: int, replicas: int) -> list[Request]:
    """The requests of one run, in the order in which they arrive."""
    requests = []
    for _ in range(count):
        reserved = random.randint(200, 2_000)
        requests.append(
            Request(
                reserved,
                max(1, reserved * random.randint(5, 100) // 100),
                random.randint(1, 200),
                random.randrange(replicas),
            )
        )
    return requests


def admitted_by_one_counter(requests: list[Request], cap: int) -> int:
    """How many one central counter admits before it refuses one."""
    level = 0
    in_flight: list[tuple[int, int, int]] = []
    for now, request in enumerate(requests):
        while in_flight and in_flight[0][0] <= now:
            level -= heapq.heappop(in_flight)[2]
        if level + request.reserved > cap:
            return now
        level += request.reserved
        heapq.heappush(in_flight, (now + request.runs_for, now, request.reserved - request.cost))
    return len(requests)


class Fleet:
    """Replicas on one bank; admissions come one after the other, as they would through a load balancer."""

    def __init__(self, replicas: int, cap: int) -> None:
        self.bank = Bank()
        self.bank.set_limit(CAP, cap)
        self.wallets = [Wallet(self.bank.join(f"replica-{number}")) for number in range(replicas)]
        self.unbooked: list[list[Spent]] = [[] for _ in self.wallets]
        self.calls = 0
        self.recalls = 0

    def admit(self, request: Request) -> bool:
        """Hold what it reserves: from the grant, from the bank, or from what others give back."""
        wallet = self.wallets[request.replica]
        if wallet.hold(ACCOUNTS, request.reserved):
            return True
        if self._asked(wallet, request):
            return True
        self.recalls += 1
        for other in self.wallets:
            if other is not wallet and other.purse(CAP).idle > 0:
                self._send(other, {}, ACCOUNTS)
        return self._asked(wallet, request)

    def settle(self, number: int, request: Request) -> None:
        self.wallets[request.replica].settle(str(number), ACCOUNTS, request.reserved, request.cost)
        self.unbooked[request.replica].append(Spent(str(number), ACCOUNTS, request.cost))

    def write_the_ledger(self) -> None:
        for wallet, rows in zip(self.wallets, self.unbooked, strict=True):
            taken = self.bank.book(wallet.holder, rows)
            wallet.booked([row.request_id for row in rows], taken)
            rows.clear()

    def idle(self) -> int:
        """All that nobody holds or has used."""
        return (self.bank.accounts[CAP].left or 0) + sum(each.purse(CAP).idle for each in self.wallets)

    def _asked(self, wallet: Wallet, request: Request) -> bool:
        self._send(wallet, wallet.lacking(ACCOUNTS, request.reserved))
        return wallet.hold(ACCOUNTS, request.reserved)

    def _send(self, wallet: Wallet, needed: dict[str, int], recalled: tuple[str, ...] = ()) -> None:
        self.calls += 1
        wallet.receive(self.bank.exchange(wallet.holder, wallet.call(needed, recalled)))


def run(replicas: int, requests: list[Request]) -> Figures:
    """One fleet over the requests; raises `RuntimeError` where it ever passes the cap."""
    cap = int(sum(request.cost for request in requests) * 0.8)
    fleet = Fleet(replicas, cap)
    in_flight: list[tuple[int, int]] = []
    first_refusal = len(requests)
    false_refusals = admitted = spent = calls_before = 0
    for now, request in enumerate(requests):
        while in_flight and in_flight[0][0] <= now:
            number = heapq.heappop(in_flight)[1]
            fleet.settle(number, requests[number])
        if now % ARRIVALS_BETWEEN_LEDGER_WRITES == 0:
            fleet.write_the_ledger()
        idle = fleet.idle()
        if fleet.admit(request):
            admitted += 1
            spent += request.cost
            heapq.heappush(in_flight, (now + request.runs_for, now))
        else:
            false_refusals += idle >= request.reserved
            if first_refusal == len(requests):
                first_refusal, calls_before = now, fleet.calls
        account = fleet.bank.accounts[CAP]
        if account.settled + account.outstanding > cap:
            raise RuntimeError(f"settled and outstanding pass the cap at request {now}")
    return Figures(
        replicas=replicas,
        requests=len(requests),
        cap_micro_usd=cap,
        spent_micro_usd=spent,
        overspend_micro_usd=max(0, spent - cap),
        admitted_before_a_refusal=first_refusal,
        admitted_before_a_refusal_by_one_counter=admitted_by_one_counter(requests, cap),
        false_refusals=false_refusals,
        bank_calls_a_request=calls_before / max(1, first_refusal),
        recalls=fleet.recalls,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=50_000, help="how many requests arrive (50000)")
    parser.add_argument("--seed", type=int, default=1, help="of the drawn requests (1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = []
    for replicas in (1, 2, 4, 8):
        drawn = drawn_requests(Random(options.seed), options.requests, replicas)  # noqa: S311 (no secret)
        figures.append(run(replicas, drawn))
    if options.json:
        print(json.dumps([each._asdict() for each in figures], indent=2))
        return
    print("replicas  overspend  admitted before a refusal  by one counter  false refusals  calls a request")
    for each in figures:
        print(
            f"{each.replicas:8}  {each.overspend_micro_usd:9}  {each.admitted_before_a_refusal:25}  "
            f"{each.admitted_before_a_refusal_by_one_counter:14}  {each.false_refusals:14}  "
            f"{each.bank_calls_a_request:15.4f}"
        )


if __name__ == "__main__":
    main()
