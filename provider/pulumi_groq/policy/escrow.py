"""Money that several gateways spend at once: what a bank has granted to whom, and what each may do with it.

Why escrow. One shared counter costs every request a round trip and stops all of them when it is out; those
that are synchronised from time to time overshoot by what passes between two synchronisations. Here a replica
takes money out of an account first, durably, and decides in its own memory while that lasts. The bank holds

    settled + outstanding grants <= limit

after every step, so what replicas spend at the same time can never pass the limit, whoever dies. A grant
that is out counts as spent until the journal of its replica is booked; time alone never gives it back, since
a replica that does not answer may still be spending.

An account is one counter in one window: the counter key names both (`spend:2026-11:organisation`), so the
next month, day or hour is another account and nothing has to be reset. A replica's epoch is one life of its
process: grants go to the current one only, former ones can only be booked and closed. A call bears its number
in the epoch, so that one whose answer was lost is sent again and answered alike.

Amounts are micro-dollars, 0 or more. Nothing here waits or keeps time.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

GRANTS_OF_A_REPLICA: Final = 4
"""A grant leaves enough for so many of the same size for each replica: small at the end, large before."""

UNLIMITED_REQUESTS: Final = 256
"""Where nothing limits an account, a grant is for so many requests. It is granted all the same, so that a
limit that is set later knows what is under way."""


def grant_of(need: int, left: int | None, replicas: int) -> int:
    """How much to grant to a replica that needs `need`, of what is `left` in the account (`None`: no limit),
    among so many live replicas (1 or more). Less than the need where less is left.
    """
    if left is None:
        return need * UNLIMITED_REQUESTS
    return max(0, min(left, max(need, left // (GRANTS_OF_A_REPLICA * replicas))))


class Holder(NamedTuple):
    """One life of a replica's process; a later one has a larger `epoch`."""

    replica: str
    epoch: int


class Call(NamedTuple):
    """What a replica tells the bank: what it gives back, then what it needs, by account. `number` is 1 for
    the first call of an epoch and rises by one; a repetition has the number of the first.
    """

    number: int
    given_back: Mapping[str, int]
    needed: Mapping[str, int]


class Standing(NamedTuple):
    """An account as the bank saw it. `settled` only rises, except where an operator corrects it."""

    limit: int | None
    settled: int
    outstanding: int


class Answer(NamedTuple):
    """What was granted, by account, and how the accounts that money was needed of stand since."""

    granted: Mapping[str, int]
    standings: Mapping[str, Standing]


class Spent(NamedTuple):
    """A request that is over: what it cost each of the accounts."""

    request_id: str
    accounts: Sequence[str]
    cost: int


class FencedError(Exception):
    """The replica was started anew, adopted or forgotten: this life of it gets nothing more."""


class BehindError(FencedError):
    """The bank lacks what it has answered this life before, as an older copy does that took its place. What
    the two hold cannot be compared any more.
    """


class Account:
    """`excess` is how far it was above its limit when that was lowered, and only falls from there."""

    __slots__ = ("excess", "limit", "outstanding", "settled")

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.settled = 0
        self.outstanding = 0
        self.excess = 0

    @property
    def left(self) -> int | None:
        """What can still be granted, negative after the limit was lowered; `None` without a limit."""
        return None if self.limit is None else self.limit - self.settled - self.outstanding

    def note_excess(self) -> None:
        """Remember how far above its limit it is, for whatever may have moved it there."""
        self.excess = max(0, -(self.left or 0))

    def lessen_excess(self) -> None:
        """What is above the limit may only become less."""
        self.excess = min(self.excess, max(0, -(self.left or 0)))


class BankMember:
    """A replica as the bank knows it: its current life, and its last call with the answer."""

    __slots__ = ("answer", "epoch", "is_live", "number")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.is_live = True
        self.number = 0
        self.answer = Answer({}, {})


class Bank:
    """Accounts, and who has which grants of them. Each method is one transaction: the bank in the store loads
    the rows that one concerns, runs it here, and saves them.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.grants: dict[tuple[Holder, str], int] = {}
        self.charged: dict[tuple[Holder, str], int] = {}
        """Grants of forgotten epochs: settled, until what was really spent turns up."""
        self.members: dict[str, BankMember] = {}
        self._booked: set[str] = set()

    def set_limit(self, account: str, limit: int | None) -> None:
        """Limit an account from now on; opens it where it is new. Below what is committed, nothing more is
        granted, and it is time to recall what lies idle.
        """
        known = self.accounts.setdefault(account, Account(limit))
        known.limit = limit
        known.note_excess()

    def correct(self, account: str, more: int) -> None:
        """Count more or less as settled, as an operator has decided."""
        self.accounts[account].settled += more
        self.accounts[account].note_excess()

    def join(self, replica: str) -> Holder:
        """The next life of a replica. What former ones hold stays out until it is closed."""
        former = self.members.get(replica)
        self.members[replica] = BankMember(1 if former is None else former.epoch + 1)
        return Holder(replica, self.members[replica].epoch)

    @property
    def live_replicas(self) -> int:
        """How many replicas may ask for money."""
        return sum(member.is_live for member in self.members.values())

    def exchange(self, holder: Holder, call: Call) -> Answer:
        """Take back, then grant; a repeated call is answered as before. Raises `FencedError`, of which
        `BehindError` is one.
        """
        member = self._require_live(holder)
        if call.number == member.number:
            return member.answer
        if call.number > member.number + 1:
            raise BehindError
        if call.number < member.number:
            raise ValueError(f"call {call.number} cannot follow call {member.number}")
        for key, amount in call.given_back.items():
            self._give_back(holder, key, amount)
        granted = {key: self._grant(holder, key, need) for key, need in sorted(call.needed.items())}
        member.number = call.number
        member.answer = Answer(granted, {key: self.standing(key) for key in granted})
        return member.answer

    def standing(self, account: str) -> Standing:
        """How an account stands."""
        known = self.accounts[account]
        return Standing(known.limit, known.settled, known.outstanding)

    def book(self, holder: Holder, rows: Iterable[Spent]) -> Mapping[str, int]:
        """Move what was spent from granted to settled, once for each request; gives how much of the holder's
        grants that took, by account. Any epoch may book: what was spent was spent.
        """
        costs: Counter[str] = Counter()
        for row in rows:
            if row.request_id not in self._booked:
                self._booked.add(row.request_id)
                for key in row.accounts:
                    costs[key] += row.cost
        return {key: self._settle(holder, key, cost) for key, cost in costs.items()}

    def move(self, holder: Holder, to: Holder, amounts: Mapping[str, int]) -> None:
        """Hand granted money, by account, to a holder that outlives this one: nobody gives it back before
        that is closed. Raises `FencedError`, then nothing is moved.
        """
        self._require_live(holder)
        for key, amount in amounts.items():
            if amount:
                self._take_from(self.grants, holder, key, amount)
                self.grants[to, key] = self.grants.get((to, key), 0) + amount

    def set_apart(self, holder: Holder, account: str, amount: int) -> None:
        """Hold what is reserved already where an account is opened, whether or not it fits."""
        self.grants[holder, account] = self.grants.get((holder, account), 0) + amount
        self.accounts[account].outstanding += amount
        self.accounts[account].note_excess()

    def close(self, holder: Holder, rows: Iterable[Spent]) -> None:
        """Book all that an epoch has spent, and take back the rest of what it holds. The caller vouches
        that its process is over or will spend nothing more.
        """
        self.book(holder, rows)
        for key in [key for each, key in self.grants if each == holder]:
            self._give_back(holder, key, self.grants[holder, key])
        for key in [key for each, key in self.charged if each == holder]:
            self.accounts[key].settled -= self.charged.pop((holder, key))
            self.accounts[key].lessen_excess()
        member = self.members.get(holder.replica)
        if member is not None and member.epoch == holder.epoch:
            member.is_live = False

    def forget(self, replica: str) -> Mapping[str, int]:
        """Charge all that a replica holds, for a disk that is lost; gives what was charged, by account. If
        its journal turns up after all, closing the epoch puts what was spent in the place of the charge.
        """
        charged: Counter[str] = Counter()
        for holder, key in [each for each in self.grants if each[0].replica == replica]:
            amount = self.grants.pop((holder, key))
            self.charged[holder, key] = self.charged.get((holder, key), 0) + amount
            self.accounts[key].outstanding -= amount
            self.accounts[key].settled += amount
            charged[key] += amount
        self.members[replica].is_live = False
        return charged

    def _require_live(self, holder: Holder) -> BankMember:
        member = self.members.get(holder.replica)
        if member is None or member.epoch < holder.epoch:
            raise BehindError
        if member.epoch != holder.epoch or not member.is_live:
            raise FencedError
        return member

    def _grant(self, holder: Holder, key: str, need: int) -> int:
        account = self.accounts[key]
        amount = grant_of(need, account.left, max(1, self.live_replicas))
        if amount:
            account.outstanding += amount
            self.grants[holder, key] = self.grants.get((holder, key), 0) + amount
        return amount

    def _give_back(self, holder: Holder, key: str, amount: int) -> None:
        self._take_from(self.grants, holder, key, amount)
        self.accounts[key].outstanding -= amount
        self.accounts[key].lessen_excess()

    def _settle(self, holder: Holder, key: str, cost: int) -> int:
        account = self.accounts[key]
        of_grant = min(cost, self.grants.get((holder, key), 0))
        self._take_from(self.grants, holder, key, of_grant)
        of_charged = min(cost - of_grant, self.charged.get((holder, key), 0))
        self._take_from(self.charged, holder, key, of_charged)
        account.outstanding -= of_grant
        account.settled += cost - of_charged
        if of_grant + of_charged < cost:
            # Spent without a grant, as when a budget is set in mid-flight: the truth is booked, not refused.
            account.note_excess()
        return of_grant

    @staticmethod
    def _take_from(held: dict[tuple[Holder, str], int], holder: Holder, key: str, amount: int) -> None:
        left = held.get((holder, key), 0) - amount
        if left < 0:
            raise ValueError(f"{holder} does not hold {amount} of {key}")
        if left:
            held[holder, key] = left
        else:
            held.pop((holder, key), None)


class Purse:
    """A replica's part of one account: what is `granted` and not booked yet, of which requests in flight
    have `held` and settled ones `used`.
    """

    __slots__ = ("granted", "held", "used")

    def __init__(self) -> None:
        self.granted = 0
        self.held = 0
        self.used = 0

    @property
    def idle(self) -> int:
        """What nobody needs at the moment."""
        return self.granted - self.held - self.used


class Wallet:
    """What one life of a replica holds. Its calls to the bank follow each other: `pending` is the one whose
    answer is not known, and is sent again, unchanged, until it is.
    """

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.purses: dict[str, Purse] = {}
        self.pending: Call | None = None
        self._calls = 0
        self._settled: dict[str, list[tuple[Sequence[str], int]]] = {}

    def lacking(self, accounts: Sequence[str], cost: int) -> dict[str, int]:
        """What a request needs of each account beyond what is idle; empty where it can be held."""
        needed = {}
        for key in accounts:
            purse = self.purses.get(key)
            idle = 0 if purse is None else purse.idle
            if idle < cost:
                needed[key] = cost - idle
        return needed

    def hold(self, accounts: Sequence[str], cost: int) -> bool:
        """Hold the cost in all accounts where it is idle in all of them; else nothing."""
        if cost and self.lacking(accounts, cost):
            return False
        for key in accounts:
            self.purse(key).held += cost
        return True

    def settle(self, request_id: str, accounts: Sequence[str], held: int, cost: int) -> None:
        """Let go what a request has held; `cost` of it was used, and stays so until it is booked."""
        if cost:
            self._settled.setdefault(request_id, []).append((accounts, cost))
        for key in accounts:
            purse = self.purse(key)  # of what costs nothing it may be forgotten already
            purse.held -= held
            purse.used += cost

    def moved(self, amounts: Mapping[str, int]) -> None:
        """So much of the grants, by account, is another holder's now. Whoever has held it lets go next."""
        for key, amount in amounts.items():
            self.purses[key].granted -= amount

    def forgets(self, account: str) -> bool:
        """Forget an account of a window that is over, unless something is held or granted in it still."""
        purse = self.purse(account)
        if purse.granted or purse.held or purse.used:
            return False
        del self.purses[account]
        return True

    def booked(
        self, request_ids: Iterable[str], taken: Mapping[str, int], before: Collection[str] = ()
    ) -> None:
        """The bank has settled these requests, and `taken` of the grants for it, by account. Those of them
        that were settled `before`, by a step whose answer was lost, took what they cost.
        """
        for request_id in request_ids:
            for accounts, cost in self._settled.pop(request_id, ()):
                for key in accounts:
                    self.purses[key].used -= cost
                    if request_id in before:
                        self.purses[key].granted -= cost
        for key, amount in taken.items():
            self.purse(key).granted -= amount

    def call(self, needed: Mapping[str, int], recalled: Iterable[str] = ()) -> Call:
        """The call to send: what lies idle of the `recalled` accounts goes back, beyond reach from now on.
        Where another is pending it is that one, and this one's turn comes after it.
        """
        if self.pending is None:
            given_back = {}
            for key in recalled:
                purse = self.purses.get(key)
                if purse is not None and purse.idle > 0 and key not in needed:
                    given_back[key] = purse.idle
                    purse.granted -= purse.idle
            self._calls += 1
            self.pending = Call(self._calls, given_back, dict(needed))
        return self.pending

    def receive(self, answer: Answer) -> None:
        """Take what the pending call was granted."""
        self.pending = None
        for key, amount in answer.granted.items():
            self.purse(key).granted += amount

    def purse(self, account: str) -> Purse:
        """The purse of an account, empty where it is new."""
        return self.purses.setdefault(account, Purse())
