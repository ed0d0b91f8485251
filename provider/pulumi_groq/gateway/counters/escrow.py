"""Money of one replica among several: decided in memory against grants, else asked of the bank.

A request that a grant covers waits for nothing. Else the bank is asked, and where it has too little, what
lies idle at the other replicas is recalled first, so that nobody is refused while money lies idle elsewhere.
One asks at a time; those that waited meanwhile share the answer: a refusal of as much or less, by a recall
that began after they had come, is theirs, too.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import add
from typing import Final, NamedTuple, Protocol

from pulumi_groq.gateway.counters.protocol import TakeResult
from pulumi_groq.policy.escrow import Answer, Call, Holder, Standing, Wallet
from pulumi_groq.policy.limits import Demand, Quota, Scope

KNOWN_FOR_S: Final = 1.0
"""For so long what is settled refuses without asking again: it only falls by an operator's hand."""


class EscrowBank(Protocol):
    """The bank as the event loop sees it. Methods raise `StoreUnavailableError` where it cannot be reached,
    and `exchange` `FencedError`.
    """

    async def exchange(self, holder: Holder, call: Call, needed: Mapping[str, Quota]) -> Answer:
        """Send a call, which may have been sent before. `needed` says what the accounts are that money is
        needed of.
        """
        ...

    async def recall(self, accounts: Collection[str]) -> None:
        """Have the others give back what lies idle of these accounts: returns when they have, or after a
        bounded wait for those that do not answer.
        """
        ...


class _Refusal(NamedTuple):
    recall: int
    cost: int


class _Seen(NamedTuple):
    standing: Standing
    at_s: float


class EscrowCounterSet:
    """The accounts of some quotas of money, in their order."""

    __slots__ = ("_accounts", "_ceilings", "_owner")

    def __init__(self, owner: "EscrowCounters", quotas: Sequence[Quota]) -> None:
        self._owner = owner
        self._accounts = tuple(quota.counter_key for quota in quotas)
        self._ceilings = tuple(quota.ceiling for quota in quotas)

    async def take(
        self,
        demand: Demand,
        now_s: float,
        reservation_id: str,  # noqa: ARG002 (protocol)
        expires_s: float,  # noqa: ARG002 (protocol)
    ) -> TakeResult:
        """Hold the cost in all accounts, or in none. Raises what the bank raises, where it is asked."""
        cost, owner = demand.cost_micro_usd, self._owner
        lacking: Collection[str] = self._above_own_ceilings(cost)
        if not lacking and not owner.wallet.hold(self._accounts, cost):
            lacking = await owner.obtain(self._accounts, self._ceilings, cost, now_s)
        spent, reserved = zip(*map(owner.level, self._accounts), strict=True)
        if not lacking:
            return TakeResult(None, list(map(add, spent, reserved)))
        refused = next(position for position, key in enumerate(self._accounts) if key in lacking)
        held = list(reserved)
        # What the bank last said may be older than its refusal: so much is held elsewhere at the least.
        held[refused] = max(held[refused], (self._ceilings[refused] or 0) - cost + 1 - spent[refused])
        return TakeResult(refused, list(map(add, spent, held)), held)

    def _above_own_ceilings(self, cost: int) -> Collection[str]:
        """A key may have less than its account, which is as large as the most that a key of a lineage has."""
        return [
            account
            for account, ceiling in zip(self._accounts, self._ceilings, strict=True)
            if ceiling is not None and self._owner.is_above(account, ceiling, cost)
        ]

    async def full(self, now_s: float) -> TakeResult:  # noqa: ARG002 (protocol)
        """Money has no counter of requests: nothing is full."""
        return TakeResult(None, [sum(self._owner.level(account)) for account in self._accounts])

    async def settle(
        self,
        demand: Demand,
        reservation_id: str,
        *,
        tokens: int,  # noqa: ARG002 (protocol)
        cost_micro_usd: int,
        now_s: float,  # noqa: ARG002 (protocol)
    ) -> None:
        """Let go what was held; what was used is settled at the bank with the ledger's row."""
        self._owner.wallet.settle(reservation_id, self._accounts, demand.cost_micro_usd, cost_micro_usd)

    def is_idle(self, now_s: float) -> bool:  # noqa: ARG002 (protocol)
        """Purses are kept apart from it."""
        return True


class EscrowCounters:
    """The money of one life of a replica. All of it belongs to the event loop.

    Without the bank what is granted goes on; `take` raises what the bank raises where that does not do.
    """

    def __init__(self, holder: Holder, bank: EscrowBank) -> None:
        self.wallet = Wallet(holder)
        self.calls = 0
        """How many calls were sent to the bank."""
        self._bank = bank
        self._asking = asyncio.Lock()
        self._calling = asyncio.Lock()
        self._recalls = 0
        self._quotas: dict[str, Quota] = {}
        self._refusals: dict[str, _Refusal] = {}
        self._seen: dict[str, _Seen] = {}
        self._granted_under: dict[str, set[int | None]] = {}

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> EscrowCounterSet:  # noqa: ARG002 (protocol)
        """The accounts of these quotas, all of them of money."""
        self._quotas.update((quota.counter_key, quota) for quota in quotas)
        return EscrowCounterSet(self, quotas)

    def holds(self, quota: Quota) -> bool:  # noqa: ARG002 (protocol)
        """The bank knows what was spent and what is reserved, and a new window is a new account."""
        return True

    def correct(self, counter_key: str, more_micro_usd: int) -> None:  # noqa: ARG002 (protocol)
        """The bank is corrected with the ledger; what was known of the account is not true any more."""
        self._seen.pop(counter_key, None)

    def is_above(self, account: str, ceiling: int, cost: int) -> bool:
        """Whether a cost surely does not fit below a ceiling that is another than the account's limit."""
        seen = self._seen.get(account)
        if seen is None or seen.standing.limit == ceiling:
            return False
        purse = self.wallet.purse(account)
        return seen.standing.settled + purse.used + purse.held + cost > ceiling

    def level(self, account: str) -> tuple[int, int]:
        """What is spent and what is reserved, by the bank's last word and this replica's own books. What lies
        idle here is neither; what does so at others is reserved.
        """
        seen, purse = self._seen.get(account), self.wallet.purse(account)
        if seen is None:
            return purse.used, purse.held
        reserved = seen.standing.outstanding - purse.used - max(0, purse.idle)
        return seen.standing.settled + purse.used, max(0, reserved)

    async def obtain(
        self, accounts: Sequence[str], ceilings: Sequence[int | None], cost: int, now_s: float
    ) -> Collection[str]:
        """Hold the cost, with the bank's help; gives the accounts that have too little, where some have."""
        came_before = self._recalls
        async with self._asking:
            if self.wallet.hold(accounts, cost):
                return ()
            lacking = self._surely_lacking(accounts, ceilings, cost, now_s, came_before)
            if lacking or not (lacking := await self._ask(accounts, cost, now_s)):
                return lacking
            self._recalls += 1
            recall = self._recalls
            await self._bank.recall(lacking)
            lacking = await self._ask(accounts, cost, now_s)
            for account in lacking:
                self._refusals[account] = _Refusal(recall, cost)
            return lacking

    async def give_back(self, accounts: Collection[str] | None = None) -> None:
        """Give back what lies idle of these accounts, or of all: others need it, or they are over."""
        async with self._calling:
            await self._finish_pending(None)
            if accounts is None:
                accounts = list(self.wallet.purses)
            purses = [self.wallet.purses.get(account) for account in accounts]
            if any(purse is not None and purse.idle > 0 for purse in purses):
                await self._send(self.wallet.call({}, accounts), None)
            for account, purse in zip(accounts, purses, strict=True):
                if purse is None or not purse.held:  # else more of it may lie idle soon
                    self._granted_under.pop(account, None)

    def accounts_of(self, scopes: Collection[Scope] | None) -> Mapping[str, Quota]:
        """The accounts in use of these scopes, or of all, for all models or for one."""
        return {
            account: quota
            for account, quota in self._quotas.items()
            if scopes is None or quota.scope._replace(model=None) in scopes
        }

    def granted_under(self, account: str) -> Collection[int | None]:
        """The limits that the account had when what lies idle of it was granted."""
        return self._granted_under.get(account, ())

    async def forget_windows(self, now_s: float) -> None:
        """Give back what is left of windows that are over. Raises what the bank raises."""
        over = [
            key
            for key, quota in self._quotas.items()
            if quota.window is not None and quota.window.until_s <= now_s
        ]
        if over:
            await self.give_back(over)
        for key in over:
            if self.wallet.forgets(key):
                for known in (self._quotas, self._seen, self._refusals, self._granted_under):
                    known.pop(key, None)

    def booked(
        self, request_ids: Iterable[str], taken: Mapping[str, int], before: Collection[str] = ()
    ) -> None:
        """The ledger has these requests; the bank has settled them, see `Wallet.booked`."""
        self.wallet.booked(request_ids, taken, before)

    def _surely_lacking(
        self,
        accounts: Sequence[str],
        ceilings: Sequence[int | None],
        cost: int,
        now_s: float,
        came_before: int,
    ) -> Collection[str]:
        lacking = []
        for account, ceiling in zip(accounts, ceilings, strict=True):
            refusal, seen = self._refusals.get(account), self._seen.get(account)
            is_spent = (
                seen is not None
                and ceiling is not None
                and abs(now_s - seen.at_s) < KNOWN_FOR_S
                and cost > ceiling - seen.standing.settled
            )
            if is_spent or (refusal is not None and refusal.recall > came_before and cost >= refusal.cost):
                lacking.append(account)
        return lacking

    async def _ask(self, accounts: Sequence[str], cost: int, now_s: float) -> Collection[str]:
        async with self._calling:
            await self._finish_pending(now_s)
            needed = self.wallet.lacking(accounts, cost)
            if needed:
                await self._send(self.wallet.call(needed), now_s)
            return () if self.wallet.hold(accounts, cost) else tuple(self.wallet.lacking(accounts, cost))

    async def _finish_pending(self, now_s: float | None) -> None:
        """An answer that was lost, or whose request was given up while it waited, is fetched first."""
        if self.wallet.pending is not None:
            await self._send(self.wallet.pending, now_s)

    async def _send(self, call: Call, now_s: float | None) -> None:
        self.calls += 1
        needed = {account: self._quotas[account] for account in call.needed}
        answer = await self._bank.exchange(self.wallet.holder, call, needed)
        self.wallet.receive(answer)
        for account, standing in answer.standings.items():
            self._granted_under.setdefault(account, set()).add(standing.limit)
        if now_s is not None:
            for account, standing in answer.standings.items():
                self._seen[account] = _Seen(standing, now_s)
