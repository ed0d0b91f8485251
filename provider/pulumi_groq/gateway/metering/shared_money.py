"""The money of a gateway that is one of several: taken from the bank by grants, and settled there."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from pulumi_groq.gateway.counters.escrow import EscrowCounters
from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.backend import Member
from pulumi_groq.gateway.store.bank_service import PostgresqlBank
from pulumi_groq.gateway.store.batches import BatchRecord, open_batches
from pulumi_groq.gateway.store.change_log import ChangedObject
from pulumi_groq.gateway.store.ledger import LedgerRecord
from pulumi_groq.gateway.store.spend import spent_in
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.escrow import FencedError, Holder, Spent
from pulumi_groq.policy.limits import ORGANISATION, Quota, Scope
from pulumi_groq.policy.quotas import ceiling_in_force, counter_keys_of_money
from pulumi_groq.policy.windows import DAY_S, Window

if TYPE_CHECKING:
    from pulumi_groq.gateway.store.notifications import Notifications

ACCOUNTS_KEPT_FOR_S: Final = 40 * DAY_S
"""After the end of their window: longer than any request or batch of it may take."""
MOST_DROPPED: Final = 10_000
"""Accounts in one round, so that none takes long."""
HOLD_EPOCH: Final = 1
"""What is set apart for a batch has one life: no process is behind it that could start again."""


class DirectoryByScope(Protocol):
    """What is in force at this gateway."""

    def of_id(self, key_id: str) -> KeyAccess | None:
        """The key with this id."""
        ...

    def keys_of(self, lineage_id: str) -> Sequence[KeyAccess]:
        """The keys of a lineage."""
        ...

    def one_of(self, team: str) -> KeyAccess | None:
        """Any key of a team; `None` where it has none."""
        ...

    @property
    def organisation(self) -> OrganisationPolicy | None:
        """The spending policy, if one is set."""
        ...


class Followed(Protocol):
    """How the directory follows what other gateways change."""

    @property
    def seen(self) -> int:
        """The id of the last change that is in force here."""
        ...

    async def round(self) -> None:
        """Put in force what was changed. Raises `StoreUnavailableError`."""
        ...


class TermsInForce:
    """Implements `bank_service.AccountTerms`: an account is as large as the budget or cap that it is of. The
    keys of a lineage share one; where their budgets differ it is as large as the largest.
    """

    def __init__(self, store: Store, directory: DirectoryByScope, followed: Followed) -> None:
        self._store = store
        self._directory = directory
        self._followed = followed

    def limits_of(self, accounts: Mapping[str, Quota]) -> tuple[Mapping[str, int | None], int]:
        """See `AccountTerms`. Of a lineage or a team without a key nothing is known: its limit stays."""
        as_of, organisation = self._followed.seen, self._directory.organisation
        limits = {}
        for account, quota in accounts.items():
            ceilings = [ceiling_in_force(quota, key, organisation) for key in self._keys_of(quota.scope)]
            if ceilings:
                known = [ceiling for ceiling in ceilings if ceiling is not None]
                limits[account] = max(known) if len(known) == len(ceilings) else None
        return limits, as_of

    def _keys_of(self, scope: Scope) -> Sequence[KeyAccess | None]:
        """Whose ceilings an account of the scope has; the organisation's are nobody's."""
        if scope == ORGANISATION:
            return [None]
        if scope.lineage_id is not None:
            return self._directory.keys_of(scope.lineage_id)
        key = self._directory.one_of(scope.team or "")
        return [] if key is None else [key]

    async def catch_up(self) -> None:
        """See `AccountTerms`."""
        await self._followed.round()

    def open(self, accounts: Mapping[str, Quota]) -> None:
        """See `AccountTerms`. Alone, as every write is: what the ledger books meanwhile would be missing.

        What batches hold counts in it, too. What runs at the gateways counts when it is over.
        """
        with self._store.write() as connection:
            missing = bank.missing_accounts(connection, accounts)
            batches = open_batches(connection) if missing else []
            for account in sorted(missing):
                quota = accounts[account]
                if quota.window is None:
                    raise ValueError(f"{account} is of no window")
                settled = spent_in(connection, quota.scope, quota.window)
                bank.open_account(connection, account, settled, quota.window.until_s)
                bank.set_apart(connection, account, _held_by_batches(batches, quota.scope, quota.window))


class BankBooks:
    """Settles at the bank what is written to the ledger, in its transaction, under `holder`."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder

    def book(self, connection: Connection, records: Sequence[LedgerRecord]) -> Mapping[str, int]:
        """Settle requests that are new to the ledger; gives what of the holder's grants that took."""
        return bank.book(connection, self.holder, _spent(connection, records))

    def correct(self, connection: Connection, record: LedgerRecord, more_micro_usd: int) -> None:
        """Count more, or less, as settled of a request that was settled before."""
        keys = _keys_of(record)
        for account in sorted(keys - bank.missing_accounts(connection, keys)):
            bank.correct(connection, account, more_micro_usd)


class SharedMoney:
    """Counters, books and bank of one life of a replica. Belongs to the event loop, but for what waits for
    the store, which says so.
    """

    def __init__(self, store: Store, member: Member, directory: DirectoryByScope, followed: Followed) -> None:
        holder = member.holder
        self._directory = directory
        self._holder = holder
        self._terms = TermsInForce(store, directory, followed)
        self._bank = PostgresqlBank(store.engine, holder, terms=self._terms, answered=member.answered)
        self.counters = EscrowCounters(holder, self._bank)
        self.books = BankBooks(holder)

    def answer_recalls(self, notifications: "Notifications") -> None:
        """Give back what lies idle here whenever others need it."""
        self._bank.answer_recalls(notifications, self.counters.give_back)

    async def changed(self, changed: Sequence[ChangedObject] | None) -> None:
        """Limits may have changed: what lies idle under former ones goes back. What was granted under those
        in force stays, so that an outage after a change of something else refuses nothing. Raises
        `StoreUnavailableError`.
        """
        accounts = self.counters.accounts_of(None if changed is None else self._concerned(changed))
        limits, _ = self._terms.limits_of(accounts)
        former = [
            account
            for account in accounts
            if account not in limits or {*self.counters.granted_under(account)} - {limits[account]}
        ]
        with suppress(FencedError):  # then nothing that it holds is anybody else's
            await self.counters.give_back(former)

    async def forget_windows(self, now_s: float) -> None:
        """Give back what is left of windows that are over. Raises `StoreUnavailableError`."""
        with suppress(FencedError):
            await self.counters.forget_windows(now_s)

    def move(self, connection: Connection, hold_id: str, amounts: Mapping[str, int]) -> None:
        """Hand what a request holds, by account, to a holder of its own, in the transaction that keeps a
        record of it. Waits for the store; raises `FencedError`.
        """
        bank.move(connection, self._holder, _holder_of(hold_id), amounts)

    def moved(self, amounts: Mapping[str, int]) -> None:
        """Note that it was committed, or may have been."""
        self.counters.wallet.moved(amounts)

    @staticmethod
    def settle_hold(connection: Connection, hold_id: str, records: Sequence[LedgerRecord]) -> None:
        """Settle what was moved, in the transaction that writes `records` to the ledger, and take back the
        rest. Waits for the store.
        """
        bank.close(connection, _holder_of(hold_id), _spent(connection, records))

    async def leave(self) -> None:
        """Give back everything: the process ends, and what was spent is booked. Raises
        `StoreUnavailableError`.
        """
        with suppress(FencedError):
            await self.counters.give_back()

    def _concerned(self, changed: Sequence[ChangedObject]) -> Collection[Scope]:
        scopes = set()
        for each in changed:
            if each.kind == "spend_policy":
                scopes.add(ORGANISATION)
            elif each.kind == "team":
                scopes.add(Scope(team=each.name))
            elif (key := self._directory.of_id(each.object_id)) is not None:
                scopes.add(Scope(key.lineage_id))
        return scopes


def close_former(store: Store, holder: Holder) -> None:
    """Take back what former lives of a replica hold: all that they have spent is booked. Waits for the store,
    and raises `StoreUnavailableError`.
    """
    with store.write() as connection:
        for former in bank.open_epochs(connection, holder.replica):
            if former != holder:
                bank.close(connection, former, [])


def former_life(store: Store, holder: Holder) -> Holder:
    """Whose books the journal of a replica is to be settled under: its last life that holds something, else
    this one. Waits for the store, and raises `StoreUnavailableError`.
    """
    with store.read() as connection:
        former = [each for each in bank.open_epochs(connection, holder.replica) if each != holder]
    return former[-1] if former else holder


def drop_old_accounts(store: Store, now_s: float) -> None:
    """Remove accounts of windows that are long over. Waits for the store, and raises
    `StoreUnavailableError`.
    """
    with store.write() as connection:
        bank.drop_old_accounts(connection, int(now_s - ACCOUNTS_KEPT_FOR_S), MOST_DROPPED)


def _held_by_batches(batches: Sequence[BatchRecord], scope: Scope, window: Window) -> dict[Holder, int]:
    held = {}
    for batch in batches:
        of_it = batch.held_by_model_micro_usd
        amount = batch.held_micro_usd if scope.model is None else of_it.get(scope.model, 0)
        is_counted = scope.covers(batch.lineage_id, batch.team) and window.holds(batch.started_us / 1_000_000)
        if is_counted and amount:
            held[_holder_of(batch.request_id)] = amount
    return held


def _holder_of(hold_id: str) -> Holder:
    return Holder(f"hold:{hold_id}", HOLD_EPOCH)


def _keys_of(record: LedgerRecord) -> set[str]:
    started_s = record.started_us / 1_000_000
    return set(counter_keys_of_money(record.lineage_id, record.team, record.model, started_s))


def _spent(connection: Connection, records: Sequence[LedgerRecord]) -> list[Spent]:
    """What the requests cost each account that there is: one that is opened later begins with the ledger."""
    keys_of = [_keys_of(record) if record.cost_micro_usd else set() for record in records]
    keys = set().union(*keys_of)
    there = keys - bank.missing_accounts(connection, keys)
    return [
        Spent(record.request_id, sorted(keys & there), record.cost_micro_usd)
        for record, keys in zip(records, keys_of, strict=True)
        if keys & there
    ]
