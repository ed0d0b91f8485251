"""The bank in PostgreSQL does step by step what the pure one does, whoever comes between."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from escrow_machine import Escrow
from pulumi_groq.gateway.store import bank as stored
from pulumi_groq.gateway.store.schema import bank_accounts, bank_grants, bank_members, ledger, metadata
from pulumi_groq.policy.escrow import (
    Answer,
    Bank,
    BehindError,
    Call,
    FencedError,
    Holder,
    Spent,
    Standing,
    Wallet,
)
from spending_replica import CAP, engine_on, new_rows

TABLES = [bank_accounts, bank_grants, bank_members, ledger]
WAIT_S = 60


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    """A database with the bank's tables and the ledger."""
    made = engine_on(postgresql_url)
    metadata.create_all(made, tables=TABLES)
    yield made
    made.dispose()


class MirroredBank(Bank):
    """The pure bank, whose every step is taken by the one in PostgreSQL, too."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE bank_accounts, bank_grants, bank_members, ledger"))

    def set_limit(self, account: str, limit: int | None) -> None:
        super().set_limit(account, limit)
        with self._engine.begin() as connection:
            stored.set_limit(connection, account, limit)
        self._compare()

    def join(self, replica: str) -> Holder:
        holder = super().join(replica)
        with self._engine.begin() as connection:
            assert stored.join(connection, replica) == holder
        self._compare()
        return holder

    def exchange(self, holder: Holder, call: Call) -> Answer:
        expected: Answer | None = None
        try:
            expected = super().exchange(holder, call)
        finally:
            with self._engine.begin() as connection:
                if expected is None:
                    with pytest.raises(FencedError):
                        stored.exchange(connection, holder, call)
                else:
                    assert stored.exchange(connection, holder, call) == expected
            self._compare()
        return expected

    def book(self, holder: Holder, rows: Iterable[Spent]) -> Mapping[str, int]:
        given = list(rows)
        taken = super().book(holder, given)
        with self._engine.begin() as connection:
            assert stored.book(connection, holder, new_rows(connection, given)) == taken
        self._compare()
        return taken

    def move(self, holder: Holder, to: Holder, amounts: Mapping[str, int]) -> None:
        is_fenced = False
        try:
            super().move(holder, to, amounts)
        except FencedError:
            is_fenced = True
        with self._engine.begin() as connection:
            if is_fenced:
                with pytest.raises(FencedError):
                    stored.move(connection, holder, to, amounts)
            else:
                stored.move(connection, holder, to, amounts)
        self._compare()
        if is_fenced:
            raise FencedError

    def close(self, holder: Holder, rows: Iterable[Spent]) -> None:
        given = list(rows)
        # Not by way of `book`, which the pure bank calls: one transaction, as at a restart.
        with self._engine.begin() as connection:
            stored.close(connection, holder, new_rows(connection, given))
        book, self.book = self.book, super().book  # type: ignore[method-assign]
        super().close(holder, given)
        self.book = book  # type: ignore[method-assign]
        self._compare()

    def forget(self, replica: str) -> Mapping[str, int]:
        charged = super().forget(replica)
        with self._engine.begin() as connection:
            assert stored.forget(connection, replica) == charged
        self._compare()
        return charged

    def _compare(self) -> None:
        with self._engine.begin() as connection:
            accounts = {tuple(row)[:5] for row in connection.execute(select(bank_accounts))}
            grants = {tuple(row) for row in connection.execute(select(bank_grants))}
        assert accounts == {
            (key, each.limit, each.settled, each.outstanding, each.excess)
            for key, each in self.accounts.items()
        }
        assert grants == {
            (holder.replica, holder.epoch, key, is_charged, amount)
            for is_charged, held in ((False, self.grants), (True, self.charged))
            for (holder, key), amount in held.items()
        }


def test_every_step_is_that_of_the_pure_bank(engine: Engine) -> None:
    """Grants, recalls, crashes, lost answers, lowered limits, months: the rows are always the model's."""

    class EscrowInPostgresql(Escrow):
        def new_bank(self) -> Bank:
            return MirroredBank(engine)

    run_state_machine_as_test(
        EscrowInPostgresql,
        settings=settings(
            max_examples=15, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


def spend_until_refused(engine: Engine, holder: Holder, random: Random) -> list[Spent]:
    """One replica that admits, settles and books until the bank has nothing left for it."""
    wallet = Wallet(holder)
    spent: list[Spent] = []
    while True:
        cost = random.randint(1, 40)
        if not wallet.hold((CAP,), cost):
            call = wallet.call(wallet.lacking((CAP,), cost))
            with engine.begin() as connection:
                wallet.receive(stored.exchange(connection, holder, call))
            if not wallet.hold((CAP,), cost):
                return spent
        row = Spent(f"{holder.replica}-{len(spent)}", (CAP,), cost - cost // 3)
        wallet.settle(row.request_id, row.accounts, cost, row.cost)
        spent.append(row)
        with engine.begin() as connection:
            taken = stored.book(connection, holder, new_rows(connection, [row]))
        wallet.booked([row.request_id], taken)


def test_many_connections_at_once_never_pass_the_limit(engine: Engine) -> None:
    """Eight replicas spend one cap at the same time; each leaves less than one request at its end."""
    limit = 3_000
    with engine.begin() as connection:
        stored.set_limit(connection, CAP, limit)
        holders = [stored.join(connection, f"replica-{number}") for number in range(8)]
    with ThreadPoolExecutor(len(holders)) as threads:
        rounds = [
            threads.submit(spend_until_refused, engine, holder, Random(number))  # noqa: S311 (no secret)
            for number, holder in enumerate(holders)
        ]
        spent = sum(row.cost for each in rounds for row in each.result(timeout=120))
    with engine.begin() as connection:
        for holder in holders:
            stored.close(connection, holder, [])
        found = stored.standing(connection, CAP)
        booked = connection.scalar(select(func.sum(ledger.c.cost_micro_usd)))

    assert found == Standing(limit, spent, 0)
    assert booked == spent
    assert limit - 40 * len(holders) < spent <= limit


def test_two_accounts_are_locked_in_one_order(engine: Engine) -> None:
    """Replicas that need the same accounts in different orders never block each other for good."""
    with engine.begin() as connection:
        for account in ("a", "b"):
            stored.set_limit(connection, account, 10**9)
        holders = [stored.join(connection, f"replica-{number}") for number in range(2)]
    start = threading.Barrier(2)

    def ask(holder: Holder, needed: Mapping[str, int]) -> None:
        start.wait(WAIT_S)
        for number in range(1, 31):
            with engine.begin() as connection:
                stored.exchange(connection, holder, Call(number, {}, needed))

    with ThreadPoolExecutor(2) as threads:
        rounds = [
            threads.submit(ask, holder, needed)
            for holder, needed in zip(holders, ({"a": 1, "b": 1}, {"b": 1, "a": 1}), strict=True)
        ]
        for each in rounds:
            each.result(timeout=WAIT_S)


def cut_before_the_commit(engine: Engine, step: Callable[[Connection], object]) -> None:
    """Take a step, and end its connection from the server's side, as a network that is cut does."""
    with engine.begin() as connection:
        step(connection)
        session = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:session, 5000)"), {"session": session})


def test_a_connection_that_is_cut_before_the_commit_grants_nothing(engine: Engine) -> None:
    """The same call is sent again and granted once."""
    with engine.begin() as connection:
        stored.set_limit(connection, CAP, 1_000)
        holder = stored.join(connection, "a")
    call = Call(1, {}, {CAP: 10})

    with pytest.raises(OperationalError):
        cut_before_the_commit(engine, lambda connection: stored.exchange(connection, holder, call))
    with engine.begin() as connection:
        assert stored.standing(connection, CAP).outstanding == 0
        assert stored.exchange(connection, holder, call).granted == {CAP: 250}
        assert stored.standing(connection, CAP).outstanding == 250


def test_a_ledger_that_is_cut_off_settles_nothing(engine: Engine) -> None:
    """Rows and what they settle are written together or not at all, and once."""
    with engine.begin() as connection:
        stored.set_limit(connection, CAP, 1_000)
        holder = stored.join(connection, "a")
        stored.exchange(connection, holder, Call(1, {}, {CAP: 10}))
    rows = [Spent("r", (CAP,), 7)]

    def write(connection: Connection) -> None:
        stored.book(connection, holder, new_rows(connection, rows))

    with pytest.raises(OperationalError):
        cut_before_the_commit(engine, write)
    for _ in range(2):
        with engine.begin() as connection:
            write(connection)
    with engine.begin() as connection:
        assert stored.standing(connection, CAP) == Standing(1_000, 7, 243)


def test_the_table_itself_refuses_to_pass_a_limit(engine: Engine) -> None:
    """A bug that grants too much, or takes back what was never out, fails at the constraint."""
    with engine.begin() as connection:
        stored.set_limit(connection, CAP, 1_000)
    columns = bank_accounts.c
    for values in (
        {columns.outstanding_micro_usd: 1_001},
        {columns.settled_micro_usd: 1_001},
        {columns.outstanding_micro_usd: -1},
        {columns.excess_micro_usd: -1},
    ):
        with pytest.raises(IntegrityError, match="ck_bank_accounts_"), engine.begin() as connection:
            connection.execute(update(bank_accounts).values(values))


def test_an_account_begins_with_what_the_ledger_has_settled(engine: Engine) -> None:
    """A store that was copied in mid-month goes on where it was; later limits leave the sum alone."""
    with engine.begin() as connection:
        for settled in (990, 5):
            stored.open_account(connection, CAP, settled)
            stored.set_limit(connection, CAP, 1_000)
        holder = stored.join(connection, "a")

        assert stored.exchange(connection, holder, Call(1, {}, {CAP: 20})).granted == {CAP: 10}


def test_accounts_of_windows_that_are_long_over_go(engine: Engine) -> None:
    """Unless somebody holds something of them, or one was never told the end of its window."""
    with engine.begin() as connection:
        holder = stored.join(connection, "a")
        for account, until_s in (("old", 99), ("held", 99), ("new", 100), ("endless", None)):
            stored.open_account(connection, account, 5, until_s)
        stored.set_apart(connection, "held", {holder: 1})
        for _ in range(2):
            stored.drop_old_accounts(connection, 100, at_most=1)

        asked = ["old", "held", "new", "endless"]
        assert stored.missing_accounts(connection, asked) == {"old"}
        assert stored.held_accounts(connection, "a") == {"held"}


def test_an_operators_correction_counts_at_once(engine: Engine) -> None:
    """What is dropped can be granted again."""
    with engine.begin() as connection:
        stored.open_account(connection, CAP, 1_000)
        stored.set_limit(connection, CAP, 1_000)
        stored.correct(connection, CAP, -100)

        assert stored.standing(connection, CAP) == Standing(1_000, 900, 0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: stored.standing(connection, "no such account"),
        lambda connection: stored.correct(connection, "no such account", 1),
        lambda connection: stored.forget(connection, "no such replica"),
    ],
)
def test_what_does_not_exist_is_named(engine: Engine, ask: Callable[[Connection], object]) -> None:
    """Neither accounts nor replicas come into being by being asked for."""
    with pytest.raises(LookupError, match="no "), engine.begin() as connection:
        ask(connection)


def test_the_lives_that_were_never_closed_are_found_again(engine: Engine) -> None:
    """A restarted replica knows which of its former lives hold money."""
    with engine.begin() as connection:
        stored.set_limit(connection, CAP, 1_000)
        for _ in range(2):
            stored.exchange(connection, stored.join(connection, "a"), Call(1, {}, {CAP: 10}))

        assert stored.open_epochs(connection, "a") == [Holder("a", 1), Holder("a", 2)]
        stored.close(connection, Holder("a", 1), [])
        assert stored.open_epochs(connection, "a") == [Holder("a", 2)]


def test_a_bank_that_lacks_a_replica_that_has_joined_is_behind(engine: Engine) -> None:
    """As a copy is that lagged when it took over."""
    with pytest.raises(BehindError), engine.begin() as connection:
        stored.exchange(connection, Holder("joined elsewhere", 1), Call(1, {}, {}))
