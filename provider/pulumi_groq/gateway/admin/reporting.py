"""Usage of all keys, and the models of the catalogue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from pulumi_groq.catalogue import Catalogue, CatalogueModel
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.budget_uses import budget_uses
from pulumi_groq.gateway.admin.key_guard import pause_shown
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.protocols import Clock, KeyUsageRow, Pauses, UsageSource
from pulumi_groq.gateway.store.identities import guarded_identities
from pulumi_groq.gateway.store.keys import (
    KeyLabel,
    deleted_labels,
    guarded_keys,
    identities_of_subjects,
    live_labels,
    subject_labels,
)
from pulumi_groq.gateway.store.recent_spend import read_usual
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.models.fields import usd
from pulumi_groq.models.model import Model, ModelPage
from pulumi_groq.models.runaway import RunawayWatch
from pulumi_groq.models.usage import KeyUsage, Usage, UsageTotals

_NONE = UsageTotals(requests=0, tokens=0, cost_usd=Decimal(0))


class Reporting:
    """The handlers of `/openai/v1/usage` and of the admin's `/openai/v1/models`."""

    def __init__(
        self,
        *,
        store: Store,
        directory: LiveDirectory,
        catalogue: Catalogue,
        usage: UsageSource,
        pauses: Pauses,
        clock: Clock,
    ) -> None:
        self._store = store
        self._directory = directory
        self._catalogue = catalogue
        self._usage = usage
        self._pauses = pauses
        self._clock = clock

    def usage(self, caller: Caller) -> Usage:
        """Usage of every live key that the caller may see, and of deleted ones that were used this month: the
        sums agree.
        """
        now = self._clock.now()
        rows = self._usage.usage_by_key(now)
        with self._store.read() as connection:
            living = _seen(caller, live_labels(connection))
            used = [key_id for key_id, row in rows.items() if row.month_to_date.requests]
            gone = _seen(caller, deleted_labels(connection, used))
            subjects = _seen(caller, subject_labels(connection, used))
            identities = identities_of_subjects(connection, [label.id for label in subjects])
            watches = self._watches(connection, caller, now)
            holders = {label.id: label.id for label in living}
            holders |= {subject_id: identity.id for subject_id, identity in identities.items()}
            spent = budget_uses(connection, self._directory, caller, holders, now)
        if caller.teams is None:
            shown = list(rows.values())
        else:
            shown = [rows[label.id] for label in (*living, *subjects, *gone) if label.id in rows]
        return Usage(
            as_of=now,
            month=f"{now:%Y-%m}",
            usage_by_key=[
                _key_usage(label, rows).model_copy(
                    update={
                        "identity": identities[label.id].name if label.id in identities else None,
                        "runaway": watches.get(holders.get(label.id, "")),
                        "budgets": spent.of_keys.get(label.id, []),
                    }
                )
                for label in (*living, *subjects)
            ]
            + [_key_usage(label, rows).model_copy(update={"deleted": True}) for label in gone],
            usage_by_team=spent.of_teams,
            budgets=spent.of_organisation,
            month_to_date=_sum([row.month_to_date for row in shown]),
        )

    def _watches(self, connection: Connection, caller: Caller, now: datetime) -> dict[str, RunawayWatch]:
        """The guarded keys and workload identities that the caller may see, by id."""
        guarded = [(each.id, each.lineage_id, each.team) for each in guarded_keys(connection)]
        guarded += [(each.id, each.id, each.team) for each in guarded_identities(connection)]
        return {
            holder_id: self._watch(connection, lineage_id, now)
            for holder_id, lineage_id, team in guarded
            if caller.identity.covers(team)
        }

    def _watch(self, connection: Connection, lineage_id: str, now: datetime) -> RunawayWatch:
        usual = read_usual(connection, lineage_id, now.timestamp())
        last = self._pauses.last_of(lineage_id)
        return RunawayWatch(
            spent_usd=usd(self._pauses.spent(lineage_id, now)),
            usual_usd=None if usual is None else usd(usual),
            last_runaway_at=None if last is None else last.at,
            paused=pause_shown(self._pauses.pause_of(lineage_id)),
        )

    def no_usage(self) -> Usage:
        """The answer for whoever may see none."""
        now = self._clock.now()
        return Usage(as_of=now, month=f"{now:%Y-%m}", usage_by_key=[], month_to_date=_NONE)

    def models(self) -> ModelPage:
        """Every model that a key may be given, retired ones marked as not active."""
        now = self._clock.now()
        return ModelPage(
            data=[_model(model, now) for model in self._catalogue.models if model.prices is not None]
        )


def _seen(caller: Caller, labels: Sequence[KeyLabel]) -> list[KeyLabel]:
    return [label for label in labels if caller.identity.covers(label.team)]


def _key_usage(label: KeyLabel, rows: Mapping[str, KeyUsageRow]) -> KeyUsage:
    row = rows.get(label.id)
    return KeyUsage(
        key_id=label.id,
        key_name=label.name,
        team=label.team,
        requests_today=row.requests_today if row else 0,
        tokens_today=row.tokens_today if row else 0,
        estimated_cost_usd=usd(row.cost_today_micro_usd) if row else Decimal(0),
        last_used_at=row.last_used_at if row else None,
        month_to_date=row.month_to_date if row else _NONE,
    )


def _sum(totals: list[UsageTotals]) -> UsageTotals:
    return UsageTotals(
        requests=sum(each.requests for each in totals),
        tokens=sum(each.tokens for each in totals),
        cost_usd=sum((each.cost_usd for each in totals), Decimal(0)),
    )


def _model(model: CatalogueModel, now: datetime) -> Model:
    retired = model.retirement is not None and model.retirement.retired_on <= now.date()
    return Model(
        id=model.id,
        created=0,  # the catalogue does not know when a model was made
        owned_by=model.owned_by or "unknown",
        active=not retired,
        context_window=model.context_window,
        max_completion_tokens=model.max_completion_tokens,
    )
