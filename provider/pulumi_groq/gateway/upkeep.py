"""What a gateway does from its start to its end, beside serving requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.admin.admin_key_uses import PERIOD_S as USES_PERIOD_S
from pulumi_groq.gateway.admin.admin_key_uses import AdminKeyUses
from pulumi_groq.gateway.admin.retention import PERIOD_S as RETENTION_PERIOD_S
from pulumi_groq.gateway.admin.retention import Retention
from pulumi_groq.gateway.batches.retention import BatchRetention
from pulumi_groq.gateway.batches.service import POLL_PERIOD_S, Batches
from pulumi_groq.gateway.consumers import WRITE_PERIOD_S, Consumers
from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.http.certificate import RENEWAL_PERIOD_S, ServerCertificate
from pulumi_groq.gateway.inference.upstream import Upstream
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.sharing import Replica, counted, followed
from pulumi_groq.gateway.upstream_keys import REREAD_PERIOD_S, UpstreamKeys

if TYPE_CHECKING:
    from pulumi_groq.gateway.counters.redis import RedisCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """The parts of a gateway that work on while nobody asks for anything."""

    background: Background
    service: MeteringService
    batches: Batches
    batch_retention: BatchRetention
    consumers: Consumers
    retention: Retention
    admin_key_uses: AdminKeyUses
    upstream: Upstream
    upstream_keys: UpstreamKeys
    certificate: ServerCertificate | None
    redis: "RedisCounters | None"
    replica: Replica | None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Begins before the first request and ends after the last. Raises `StoreUnavailableError` where open
        batches cannot be read.
        """
        await self.batches.restore()
        every = self.background.every
        every(RETENTION_PERIOD_S, "retention", self._drop_old)
        every(RETENTION_PERIOD_S, "retention of batches", self.batch_retention)
        every(POLL_PERIOD_S, "batches", self.batches.round)
        every(WRITE_PERIOD_S, "consumers", self.consumers.write)
        every(USES_PERIOD_S, "admin keys' uses", self.admin_key_uses.write)
        if self.certificate is not None:
            renew = self._renewing("certificate", self.certificate.renew)
            every(RENEWAL_PERIOD_S, "certificate upkeep", renew)
        reread = self._renewing("upstream keys", self.upstream_keys.reread)
        every(REREAD_PERIOD_S, "upstream keys upkeep", reread)
        try:
            async with (
                counted(self.redis, self.background),
                followed(self.replica, self.background),
                self.service.serving(),
            ):
                yield
        finally:
            with self.background.health.watched("consumers"):
                await self.consumers.write()
            with self.background.health.watched("admin keys' uses"):
                await self.admin_key_uses.write()
            await self.upstream.close()

    async def _drop_old(self) -> None:
        await asyncio.to_thread(self.retention)

    def _renewing(self, part: str, renew: Callable[[], object]) -> Callable[[], Awaitable[None]]:
        """What cannot be renewed stays as it was, and the part works with restrictions meanwhile."""

        async def once() -> None:
            try:
                await asyncio.to_thread(renew)
            except ConfigurationError as problem:
                self.background.health.degraded(part, str(problem))
            else:
                self.background.health.works(part)

        return once
