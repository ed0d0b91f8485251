"""Shows, sets and deletes the spending policy."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.changes import Changes, PendingChange
from pulumi_groq.gateway.admin.ownership import given_up, kept, put
from pulumi_groq.gateway.admin.refusals import Invalid, Missing
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses
from pulumi_groq.gateway.protocols import Clock, UsageSource
from pulumi_groq.gateway.store.policies import PolicyRecord, find_policy, put_policy, remove_policy
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.fields import micro_usd, usd
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.spend_policy import SpendPolicy, SpendPolicyWrite, SpendStatus, webhooks_digest


class Spending:
    """The handlers of `/openai/v1/spend-policy`."""

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        directory: LiveDirectory,
        usage: UsageSource,
        clock: Clock,
        webhook_addresses: WebhookAddresses,
    ) -> None:
        self._store = store
        self._changes = changes
        self._directory = directory
        self._usage = usage
        self._clock = clock
        self._webhook_addresses = webhook_addresses

    def find(self, caller: Caller) -> SpendPolicy | None:
        """The policy and where the month stands, if one is set."""
        with self._store.read() as connection:
            record = find_policy(connection)
        return None if record is None else _shown(record, self._usage, self._clock.now(), caller)

    def show(self, caller: Caller) -> SpendPolicy:
        """The policy and where the month stands."""
        policy = self.find(caller)
        if policy is None:
            raise _no_policy()
        return policy

    def put(self, caller: Caller, settings: SpendPolicyWrite, *, take_over: bool) -> SpendPolicy:
        """Replace the whole policy; in force on the next request. The same policy again changes nothing.

        Raises `Invalid` for a webhook that could never be sent.
        """
        self._check_webhooks(settings.alert_webhook_urls)
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            former = find_policy(change.connection)
            written = PolicyRecord(
                monthly_cap_micro_usd=micro_usd(settings.monthly_cap_usd),
                alert_thresholds_micro_usd=tuple(map(micro_usd, settings.alert_thresholds_usd)),
                auto_pause=settings.auto_pause,
                alert_webhook_urls=tuple(settings.alert_webhook_urls),
                alert_webhook_signing_secret=settings.alert_webhook_signing_secret,
                created_at=now if former is None else former.created_at,
                updated_at=now,
                budgets=tuple(settings.budgets),
            )
            record = put(written, former, settings, take_over=take_over)
            if former is not None and replace(record, updated_at=former.updated_at) == former:
                return _shown(former, self._usage, now, caller)
            self._write(change, former, record, now)
        return _shown(record, self._usage, now, caller)

    def _check_webhooks(self, urls: list[str]) -> None:
        for position, url in enumerate(urls):
            if not self._webhook_addresses.allow_as_written(urlsplit(url).hostname or ""):
                # The URL may hold a token, so it is not shown.
                raise Invalid(
                    f"alert_webhook_urls[{position}]: its host is not a public address. "
                    "Start the gateway with --webhook-hosts and that host if alerts are to go there.",
                    param=f"alert_webhook_urls[{position}]",
                )

    def delete(self, caller: Caller, claim: str | None) -> Deleted:
        """Have no policy: no cap, no alerts. With a claim, once no other declaration holds it."""
        with self._changes.begin(caller) as change:
            record = find_policy(change.connection)
            if record is None:
                raise _no_policy()
            left = given_up(record, claim)
            if left is not None:
                if left != record:
                    self._write(change, record, left, self._clock.now())
                return kept("spend_policy.deleted", "spend_policy", left)
            remove_policy(change.connection)
            change.log(record, None, self._clock.now())
            change.then(partial(self._directory.put_policy, None))
        return Deleted(object="spend_policy.deleted", id="spend_policy")

    def _write(
        self, change: PendingChange, former: PolicyRecord | None, record: PolicyRecord, now: datetime
    ) -> None:
        put_policy(change.connection, record)
        change.log(former, record, now)
        change.then(partial(self._directory.put_policy, record))


def _shown(record: PolicyRecord, usage: UsageSource, now: datetime, caller: Caller) -> SpendPolicy:
    """A policy as the admin API shows it, with the state of the month.

    Some chat services' addresses are secrets: whoever has one can post. So only who may set them sees them.
    """
    spent = usage.month_spend_micro_usd(now)
    cap = record.monthly_cap_micro_usd
    return SpendPolicy(
        monthly_cap_usd=usd(cap),
        budgets=list(record.budgets),
        alert_thresholds_usd=[usd(threshold) for threshold in record.alert_thresholds_micro_usd],
        auto_pause=record.auto_pause,
        alert_webhook_urls=list(record.alert_webhook_urls) if caller.identity.may("spending.write") else None,
        alert_webhooks_digest=webhooks_digest(record.alert_webhook_urls),
        alert_webhook_signed=record.alert_webhook_signing_secret is not None,
        created_at=record.created_at,
        updated_at=record.updated_at,
        managed_by=record.managed_by,
        declared_as=record.declared_as,
        claim=record.claim,
        status=SpendStatus(
            month=f"{now:%Y-%m}",
            spent_usd=usd(spent),
            remaining_usd=usd(cap - spent),
            paused=record.auto_pause and (spent >= cap or usage.cap_has_refused(now, cap)),
            alerts_sent=usage.alerts_sent(now),
        ),
    )


def _no_policy() -> Missing:
    return Missing("No spending policy is set", code="spend_policy_not_found")
