"""The bank of escrow in PostgreSQL: rows of `policy.escrow.Bank`, locked, changed by it, and written back.

Why so: the rules stand once, in the pure bank; what is here decides nothing. Each function runs in the
transaction of its connection, so that ledger rows and what they settle are written together or not at all.
Rows are locked in one order: the replica, then accounts by their key (a `SELECT ... FOR UPDATE` sorts before
it locks); grants are only read and written under the lock of their account. So no two transactions wait for
each other in a ring. Constraints of the tables hold the invariant once more.

Call nothing of it on the event loop: it waits for the database. Every function raises what the store raises.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from pulumi_groq.gateway.store.schema import bank_accounts, bank_grants, bank_members
from pulumi_groq.policy.escrow import Account, Answer, Bank, BankMember, Call, Holder, Spent, Standing


def missing_accounts(connection: Connection, accounts: Collection[str]) -> set[str]:
    """Those of the accounts that nobody has opened."""
    found = select(bank_accounts.c.key).where(bank_accounts.c.key.in_(sorted(accounts)))
    return set(accounts).difference(connection.scalars(found))


def open_account(connection: Connection, account: str, settled: int, until_s: int | None = None) -> None:
    """Open an account where it is new, with what the ledger has settled in it; `until_s` is the end of its
    window (Unix seconds). The caller is the only one who writes to the ledger meanwhile.
    """
    connection.execute(
        insert(bank_accounts)
        .values(
            key=account,
            limit_micro_usd=None,
            settled_micro_usd=settled,
            outstanding_micro_usd=0,
            excess_micro_usd=0,
            until_s=until_s,
        )
        .on_conflict_do_nothing()
    )


def set_limit(connection: Connection, account: str, limit: int | None) -> None:
    """Limit an account from now on; opens it where it is new."""
    open_account(connection, account, 0)
    with _loaded(connection, [account]) as bank:
        bank.set_limit(account, limit)


def correct(connection: Connection, account: str, more: int) -> None:
    """Count more or less as settled, as an operator has decided."""
    with _loaded(connection, [account]) as bank:
        bank.correct(account, more)


def join(connection: Connection, replica: str) -> Holder:
    """The next life of a replica; the ones before can ask for nothing more."""
    columns = bank_members.c
    first = insert(bank_members).values(replica=replica, epoch=1, is_live=True, last_call=0, last_answer={})
    joined = first.on_conflict_do_update(
        index_elements=[columns.replica],
        set_={"epoch": columns.epoch + 1, "is_live": True, "last_call": 0, "last_answer": {}},
    ).returning(columns.epoch)
    return Holder(replica, connection.execute(joined).scalar_one())


def exchange(
    connection: Connection,
    holder: Holder,
    call: Call,
    limits: Mapping[str, int | None] = MappingProxyType({}),
) -> Answer:
    """Take back, then grant, by the `limits` that are in force; a repeated call is answered as before. Raises
    `FencedError`, `BehindError` where this is an older copy of what answered before, and `LookupError` for an
    account that was not opened.
    """
    keys = {*call.given_back, *call.needed}
    with _loaded(connection, keys, replica=holder.replica) as bank:
        for key in keys & limits.keys():
            if bank.accounts[key].limit != limits[key]:
                bank.set_limit(key, limits[key])
        return bank.exchange(holder, call)


def book(connection: Connection, holder: Holder, rows: Sequence[Spent]) -> Mapping[str, int]:
    """Move what was spent from granted to settled; gives what of the holder's grants that took. `rows` are
    those that are new to the ledger: the caller writes them in the same transaction, before.
    """
    keys = {key for row in rows for key in row.accounts}
    with _loaded(connection, keys, grants_of=holder.replica) as bank:
        return bank.book(holder, rows)


def move(connection: Connection, holder: Holder, to: Holder, amounts: Mapping[str, int]) -> None:
    """Hand granted money to a holder that no process is behind (see `close`). Raises `FencedError`."""
    with _loaded(connection, amounts, replica=holder.replica) as bank:
        bank.move(holder, to, amounts)


def set_apart(connection: Connection, account: str, amounts: Mapping[Holder, int]) -> None:
    """Hold what is reserved already where an account was opened just now, whether or not it fits."""
    with _loaded(connection, [account]) as bank:
        for holder, amount in amounts.items():
            bank.set_apart(holder, account, amount)


def drop_old_accounts(connection: Connection, before_s: int, at_most: int) -> None:
    """Remove accounts of windows that ended before a time (Unix seconds) and of which nobody holds anything.
    The caller is the only one who writes to the ledger meanwhile: what is booked late counts in none.
    """
    columns = bank_accounts.c
    old = select(columns.key).where(
        columns.until_s < before_s,
        columns.outstanding_micro_usd == 0,
        columns.key.not_in(select(bank_grants.c.account)),
    )
    connection.execute(delete(bank_accounts).where(columns.key.in_(old.limit(at_most))))


def close(connection: Connection, holder: Holder, rows: Sequence[Spent]) -> None:
    """Book the rest of what an epoch has spent (`rows` as for `book`), and take back what it still holds. The
    caller vouches that its process is over or will spend nothing more; or that there is none, as of money
    that was moved: then whoever closes it is alone, since the rows of the ledger are.
    """
    is_member = _locks_member(connection, holder.replica)
    keys = {key for row in rows for key in row.accounts} | held_accounts(connection, holder.replica)
    of_whom = {"replica": holder.replica} if is_member else {"grants_of": holder.replica}
    with _loaded(connection, keys, **of_whom) as bank:
        bank.close(holder, rows)


def forget(connection: Connection, replica: str) -> Mapping[str, int]:
    """Charge all that a replica holds, for a disk that is lost; gives what was charged, by account. Raises
    `LookupError` for one that has never joined.
    """
    if not _locks_member(connection, replica):
        raise LookupError(f"no replica {replica} has ever joined")
    with _loaded(connection, held_accounts(connection, replica), replica=replica) as bank:
        return bank.forget(replica)


def held_accounts(connection: Connection, replica: str) -> set[str]:
    """The accounts of which a replica holds something, in any of its lives."""
    columns = bank_grants.c
    return set(connection.scalars(select(columns.account).where(columns.replica == replica)))


def open_epochs(connection: Connection, replica: str) -> list[Holder]:
    """The lives of a replica that hold something and were not closed, oldest first."""
    columns = bank_grants.c
    found = select(columns.epoch).where(columns.replica == replica).distinct().order_by(columns.epoch)
    return [Holder(replica, epoch) for epoch in connection.scalars(found)]


def standing(connection: Connection, account: str) -> Standing:
    """How an account stands. Raises `LookupError` for one that was never opened."""
    columns = bank_accounts.c
    row = connection.execute(select(bank_accounts).where(columns.key == account)).one_or_none()
    if row is None:
        raise LookupError(f"the bank has no account {account}")
    return Standing(row.limit_micro_usd, row.settled_micro_usd, row.outstanding_micro_usd)


@contextmanager
def _loaded(
    connection: Connection, accounts: Collection[str], *, replica: str = "", grants_of: str = ""
) -> Iterator[Bank]:
    """A bank of these accounts, with a member and its grants, or the grants alone; saved afterwards."""
    bank = Bank()
    if replica:
        _load_members(connection, bank, replica)
    _load_accounts(connection, bank, sorted(accounts))
    _load_grants(connection, bank, replica or grants_of, accounts)
    before = _grant_rows(bank)
    yield bank
    _save_accounts(connection, bank)
    _save_grants(connection, before, _grant_rows(bank))
    if replica:
        _save_member(connection, replica, bank.members[replica])


def _locks_member(connection: Connection, replica: str) -> bool:
    columns = bank_members.c
    locked = select(columns.epoch).where(columns.replica == replica).with_for_update()
    return connection.scalar(locked) is not None


def _load_members(connection: Connection, bank: Bank, replica: str) -> None:
    if not _locks_member(connection, replica):
        return
    columns = bank_members.c
    for row in connection.execute(
        select(bank_members).where(or_(columns.is_live, columns.replica == replica))
    ):
        member = bank.members[row.replica] = BankMember(row.epoch)
        member.is_live = row.is_live
        member.number = row.last_call
        if row.replica == replica:
            member.answer = _answer(row.last_answer)


def _load_accounts(connection: Connection, bank: Bank, keys: Sequence[str]) -> None:
    if not keys:
        return
    columns = bank_accounts.c
    locked = select(bank_accounts).where(columns.key.in_(keys)).order_by(columns.key).with_for_update()
    for row in connection.execute(locked):
        account = bank.accounts[row.key] = Account(row.limit_micro_usd)
        account.settled = row.settled_micro_usd
        account.outstanding = row.outstanding_micro_usd
        account.excess = row.excess_micro_usd
    missing = [key for key in keys if key not in bank.accounts]
    if missing:
        raise LookupError(f"the bank has no account {missing[0]}")


def _load_grants(connection: Connection, bank: Bank, replica: str, accounts: Collection[str]) -> None:
    if not replica or not accounts:
        return
    columns = bank_grants.c
    held = select(bank_grants).where(columns.replica == replica, columns.account.in_(accounts))
    for row in connection.execute(held):
        grants = bank.charged if row.is_charged else bank.grants
        grants[Holder(row.replica, row.epoch), row.account] = row.amount_micro_usd


_GrantKey = tuple[str, int, str, bool]


def _grant_rows(bank: Bank) -> dict[_GrantKey, int]:
    return {
        (holder.replica, holder.epoch, account, is_charged): amount
        for is_charged, grants in ((False, bank.grants), (True, bank.charged))
        for (holder, account), amount in grants.items()
    }


def _save_accounts(connection: Connection, bank: Bank) -> None:
    columns = bank_accounts.c
    _execute_many(
        connection,
        update(bank_accounts)
        .where(columns.key == bindparam("of"))
        .values(
            limit_micro_usd=bindparam("most"),
            settled_micro_usd=bindparam("settled"),
            outstanding_micro_usd=bindparam("outstanding"),
            excess_micro_usd=bindparam("excess"),
        ),
        (
            {
                "of": key,
                "most": account.limit,
                "settled": account.settled,
                "outstanding": account.outstanding,
                "excess": account.excess,
            }
            for key, account in bank.accounts.items()
        ),
    )


def _save_grants(
    connection: Connection, before: Mapping[_GrantKey, int], after: Mapping[_GrantKey, int]
) -> None:
    columns = bank_grants.c
    _execute_many(
        connection,
        delete(bank_grants).where(
            and_(
                columns.replica == bindparam("of_replica"),
                columns.epoch == bindparam("of_epoch"),
                columns.account == bindparam("of_account"),
                columns.is_charged == bindparam("of_charged"),
            )
        ),
        (
            {"of_replica": replica, "of_epoch": epoch, "of_account": account, "of_charged": is_charged}
            for replica, epoch, account, is_charged in before.keys() - after.keys()
        ),
    )
    new = insert(bank_grants)
    _execute_many(
        connection,
        new.on_conflict_do_update(
            index_elements=[columns.replica, columns.epoch, columns.account, columns.is_charged],
            set_={"amount_micro_usd": new.excluded.amount_micro_usd},
        ),
        (
            {
                "replica": replica,
                "epoch": epoch,
                "account": account,
                "is_charged": is_charged,
                "amount_micro_usd": amount,
            }
            for (replica, epoch, account, is_charged), amount in after.items()
            if before.get((replica, epoch, account, is_charged)) != amount
        ),
    )


def _save_member(connection: Connection, replica: str, member: BankMember) -> None:
    connection.execute(
        update(bank_members)
        .where(bank_members.c.replica == replica)
        .values(
            is_live=member.is_live,
            last_call=member.number,
            last_answer={"granted": member.answer.granted, "standings": member.answer.standings},
        )
    )


def _execute_many(connection: Connection, statement: Any, rows: Iterable[Mapping[str, object]]) -> None:
    values = list(rows)
    if values:
        connection.execute(statement, values)


def _answer(stored: Mapping[str, Any]) -> Answer:
    return Answer(
        stored.get("granted", {}), {key: Standing(*each) for key, each in stored.get("standings", {}).items()}
    )
