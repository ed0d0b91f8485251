"""Replicas and a bank as a state machine: every step may fall between any two others."""

from math import inf
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pulumi_groq.policy.escrow import Bank, Call, FencedError, Holder, Spent, Wallet

LINEAGES = ("one", "two")
LIMITS = st.none() | st.integers(0, 2_000)
ENOUGH = st.none() | st.integers(300, 2_000)
COSTS = st.integers(1, 120)
PICK = st.integers(0, 10**6)


class Journalled(NamedTuple):
    """A request in a replica's journal: what it holds, and what it cost once it is settled."""

    accounts: tuple[str, str]
    held: int
    cost: int | None

    def row(self, request_id: str) -> Spent:
        """As it is booked: what never ended costs what it reserved."""
        return Spent(request_id, self.accounts, self.held if self.cost is None else self.cost)


class Life:
    """One life of a replica, and the journal that it leaves behind."""

    def __init__(self, holder: Holder) -> None:
        self.wallet = Wallet(holder)
        self.journal: dict[str, Journalled] = {}
        self.unbooked: set[str] = set()
        self.lost: set[str] = set()

    def rows(self) -> list[Spent]:
        return [entry.row(request_id) for request_id, entry in self.journal.items()]

    def settled_rows(self) -> list[Spent]:
        return [self.journal[each].row(each) for each in sorted(self.unbooked)]


class Escrow(RuleBasedStateMachine):
    """A bank and up to four replicas, each step of which may fall between any two of the others'."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = self.new_bank()
        self.window = 0
        self.requests = 0
        self.alive: dict[str, Life] = {}
        self.dead: list[Life] = []
        self.over: list[Life] = []
        self.may_exceed: dict[str, int] = {}
        self.batches: dict[str, Journalled] = {}
        self.batch_rows: list[Spent] = []

    def new_bank(self) -> Bank:
        """The bank that is tried."""
        return Bank()

    @initialize(replicas=st.integers(1, 4), limits=st.tuples(ENOUGH, ENOUGH, ENOUGH))
    def begin(self, replicas: int, limits: tuple[int | None, int | None, int | None]) -> None:
        self.limits = dict(zip(("cap", *LINEAGES), limits, strict=True))
        self._open_accounts()
        for number in range(replicas):
            self._start(f"replica-{number}")

    def _open_accounts(self) -> None:
        for name, limit in self.limits.items():
            self.bank.set_limit(f"{self.window}:{name}", limit)

    def _start(self, name: str) -> None:
        self.alive[name] = Life(self.bank.join(name))

    def _one(self, pick: int) -> Life:
        return self.alive[sorted(self.alive)[pick % len(self.alive)]]

    def _accounts(self, lineage: str) -> tuple[str, str]:
        return f"{self.window}:cap", f"{self.window}:{lineage}"

    def _send(self, life: Life, *, is_lost: bool) -> bool:
        """Send the pending call; whether the answer came."""
        call = life.wallet.pending
        assert call is not None
        try:
            answer = self.bank.exchange(life.wallet.holder, call)
        except FencedError:
            life.wallet.pending = None
            return False
        if not is_lost:
            life.wallet.receive(answer)
        return not is_lost

    def _hold(self, life: Life, accounts: tuple[str, str], cost: int) -> bool:
        if not life.wallet.hold(accounts, cost):
            return False
        self.requests += 1
        life.journal[f"request-{self.requests}"] = Journalled(accounts, cost, None)
        return True

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, lineage=st.sampled_from(LINEAGES), cost=st.integers(0, 120))
    def admit_from_grants(self, pick: int, lineage: str, cost: int) -> None:
        self._hold(self._one(pick), self._accounts(lineage), cost)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, lineage=st.sampled_from(LINEAGES), cost=COSTS, is_lost=st.booleans())
    def ask(self, pick: int, lineage: str, cost: int, is_lost: bool) -> None:
        life = self._one(pick)
        accounts = self._accounts(lineage)
        life.wallet.call(life.wallet.lacking(accounts, cost))
        if self._send(life, is_lost=is_lost):
            self._hold(life, accounts, cost)

    @precondition(lambda self: any(life.wallet.pending for life in self.alive.values()))
    @rule(pick=PICK, is_lost=st.booleans())
    def ask_again(self, pick: int, is_lost: bool) -> None:
        waiting = [life for _, life in sorted(self.alive.items()) if life.wallet.pending]
        self._send(waiting[pick % len(waiting)], is_lost=is_lost)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, is_lost=st.booleans())
    def recall(self, pick: int, is_lost: bool) -> None:
        life = self._one(pick)
        life.wallet.call({}, list(life.wallet.purses))
        self._send(life, is_lost=is_lost)

    @precondition(lambda self: self.alive)
    @rule(pick=PICK, lineage=st.sampled_from(LINEAGES), cost=COSTS)
    def nobody_is_refused_while_money_lies_idle(self, pick: int, lineage: str, cost: int) -> None:
        asking, accounts = self._one(pick), self._accounts(lineage)
        for life in self.alive.values():
            while life.wallet.pending:
                self._send(life, is_lost=False)
        if self._is_fenced(asking) or self._hold(asking, accounts, cost):
            return
        asking.wallet.call(asking.wallet.lacking(accounts, cost))
        self._send(asking, is_lost=False)
        if self._hold(asking, accounts, cost):
            return
        for life in self.alive.values():
            if life is not asking:
                life.wallet.call({}, accounts)
                self._send(life, is_lost=False)
        asking.wallet.call(asking.wallet.lacking(accounts, cost))
        self._send(asking, is_lost=False)
        if not self._hold(asking, accounts, cost):
            assert any(self._idle_anywhere(account) < cost for account in accounts)

    def _is_fenced(self, life: Life) -> bool:
        try:
            self.bank.exchange(life.wallet.holder, Call(life.wallet.call({}).number, {}, {}))
        except FencedError:
            return True
        finally:
            life.wallet.pending = None
        return False

    def _idle_anywhere(self, account: str) -> float:
        left = self.bank.accounts[account].left
        if left is None:
            return inf
        live = [life for life in self.alive.values() if not self._is_fenced(life)]
        return max(0, left) + sum(life.wallet.purse(account).idle for life in live)

    def _in_flight(self) -> list[tuple[Life, str]]:
        return [
            (life, request_id)
            for _, life in sorted(self.alive.items())
            for request_id, entry in life.journal.items()
            if entry.cost is None
        ]

    @precondition(lambda self: self._in_flight())
    @rule(pick=PICK, share=st.integers(0, 100))
    def settle(self, pick: int, share: int) -> None:
        in_flight = self._in_flight()
        life, request_id = in_flight[pick % len(in_flight)]
        entry = life.journal[request_id]
        cost = entry.held * share // 100
        life.wallet.settle(request_id, entry.accounts, entry.held, cost)
        life.journal[request_id] = entry._replace(cost=cost)
        life.unbooked.add(request_id)

    @precondition(lambda self: self._in_flight())
    @rule(pick=PICK)
    def hold_beyond_the_request(self, pick: int) -> None:
        in_flight = self._in_flight()
        life, request_id = in_flight[pick % len(in_flight)]
        entry = life.journal[request_id]
        amounts = dict.fromkeys(entry.accounts, entry.held)
        try:
            self.bank.move(life.wallet.holder, Holder(f"batch:{request_id}", 1), amounts)
        except FencedError:
            return
        life.wallet.moved(amounts)
        life.wallet.settle(request_id, entry.accounts, entry.held, 0)
        life.journal[request_id] = entry._replace(held=0, cost=0)
        self.batches[request_id] = entry

    @precondition(lambda self: self.batches)
    @rule(pick=PICK, share=st.integers(0, 100))
    def end_what_was_held(self, pick: int, share: int) -> None:
        request_id = sorted(self.batches)[pick % len(self.batches)]
        entry = self.batches.pop(request_id)
        row = Spent(f"of {request_id}", entry.accounts, entry.held * share // 100)
        self.bank.close(Holder(f"batch:{request_id}", 1), [row])
        self.batch_rows.append(row)

    @precondition(lambda self: any(life.unbooked for life in self.alive.values()))
    @rule(pick=PICK, is_lost=st.booleans())
    def write_the_ledger(self, pick: int, is_lost: bool) -> None:
        waiting = [life for _, life in sorted(self.alive.items()) if life.unbooked]
        life = waiting[pick % len(waiting)]
        rows = life.settled_rows()
        taken = self.bank.book(life.wallet.holder, rows)
        if is_lost:
            life.lost |= life.unbooked
        else:
            life.wallet.booked([row.request_id for row in rows], taken, life.lost)
            life.unbooked.clear()

    @precondition(lambda self: self.alive)
    @rule(pick=PICK)
    def crash(self, pick: int) -> None:
        life = self._one(pick)
        del self.alive[life.wallet.holder.replica]
        self.dead.append(life)

    @precondition(lambda self: self.dead)
    @rule(pick=PICK, comes_back=st.booleans())
    def restart_or_adopt(self, pick: int, comes_back: bool) -> None:
        life = self.dead.pop(pick % len(self.dead))
        name = life.wallet.holder.replica
        if comes_back and name not in self.alive:
            self._start(name)
        self.bank.close(life.wallet.holder, life.rows())
        self.over.append(life)

    @rule(number=st.integers(0, 3))
    def start_another(self, number: int) -> None:
        if f"replica-{number}" not in self.alive:
            self._start(f"replica-{number}")

    @precondition(lambda self: self.alive or self.dead)
    @rule(pick=PICK)
    def forget(self, pick: int) -> None:
        names = sorted({life.wallet.holder.replica for life in (*self.alive.values(), *self.dead)})
        name = names[pick % len(names)]
        held = sum(amount for (holder, _), amount in self.bank.grants.items() if holder.replica == name)
        assert sum(self.bank.forget(name).values()) == held

    @precondition(lambda self: self.alive)
    @rule(pick=PICK)
    def shut_down(self, pick: int) -> None:
        self.crash(pick)
        self.restart_or_adopt(len(self.dead) - 1, comes_back=False)

    @rule(name=st.sampled_from(("cap", *LINEAGES)), limit=LIMITS)
    def change_a_limit(self, name: str, limit: int | None) -> None:
        key = f"{self.window}:{name}"
        self.limits[name] = limit
        self.bank.set_limit(key, limit)
        account = self.bank.accounts[key]
        self.may_exceed[key] = max(0, -(account.left or 0))

    @rule()
    def end_the_month(self) -> None:
        self.window += 1
        self._open_accounts()

    @invariant()
    def stays_within_the_limits(self) -> None:
        for key, account in self.bank.accounts.items():
            above = max(0, -(account.left or 0))
            assert above <= account.excess <= self.may_exceed.get(key, 0)
            self.may_exceed[key] = above

    @invariant()
    def covers_what_was_spent(self) -> None:
        for key, account in self.bank.accounts.items():
            lives = (*self.alive.values(), *self.dead, *self.over)
            rows = [row for life in lives for row in life.rows()] + self.batch_rows
            assert (
                sum(row.cost for row in rows if key in row.accounts) <= account.settled + account.outstanding
            )

    @invariant()
    def books_add_up(self) -> None:
        for key, account in self.bank.accounts.items():
            granted = sum(amount for (_, each), amount in self.bank.grants.items() if each == key)
            assert account.outstanding == granted
            assert account.settled >= 0

    def teardown(self) -> None:
        """Once every journal is booked, the accounts hold what the requests cost, to the micro-dollar."""
        for life in (*self.alive.values(), *self.dead):
            self.bank.close(life.wallet.holder, life.rows())
            self.over.append(life)
        while self.batches:
            self.end_what_was_held(0, 50)
        rows = [row for life in self.over for row in life.rows()] + self.batch_rows
        for key, account in self.bank.accounts.items():
            spent = sum(row.cost for row in rows if key in row.accounts)
            assert (account.settled, account.outstanding) == (spent, 0)
