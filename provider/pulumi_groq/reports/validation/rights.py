"""Admin keys and workload identities as declared against those that the gateway has: missing, changed, or
given by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_groq.access import Access, DeclaredAdminKey, DeclaredIdentity, arguments
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.phrases import LABELS, in_words
from pulumi_groq.reports.settings import AdminKeySettings, IdentitySettings, field_changes
from pulumi_groq.reports.stack_export import HeldKey, StackAdminKey, StackIdentity, StackState
from pulumi_groq.reports.validation.checks import Check, Outcome
from pulumi_groq.reports.validation.guard import guard_checks

ADMIN_KEYS: Final = "admin keys"
IDENTITIES: Final = "workload identities"
_STACK: Final = "as in the stack"
_FILE: Final = "as in the access file"
_REPAIR: Final = "pulumi up --refresh puts the declared rights back"
_DEPLOY: Final = "pulumi up --refresh applies the file"
_NOT_COMPARED: Final = frozenset({"name", "managed_by", "rotation", "rotation_due"})

RightSettings = AdminKeySettings | IdentitySettings


@dataclass(frozen=True, slots=True)
class _LiveRight:
    """What the gateway has, whose it is, and how it is called."""

    settings: RightSettings
    managed_by: str | None
    label: str
    adoption: str


def rights(
    state: StackState | None, access: Access | None, live: Live, *, allow_unmanaged: bool
) -> Iterator[Check]:
    """Each declared right is given as declared, and no other by this stack or by hand."""
    admin_keys = identities = None
    if live.admin_keys is not None:
        admin_keys = {key.id: _live_admin_key(key) for key in live.admin_keys}
    if live.identities is not None:
        identities = {each.name: _live_identity(each) for each in live.identities}
    held = (state.admin_keys, state.identities) if state else ((), ())
    compared = _Comparison(ADMIN_KEYS, admin_keys, state, held[0])
    yield from compared.checks(access.admin_keys if access else None, allow_unmanaged=allow_unmanaged)
    compared = _Comparison(IDENTITIES, identities, state, held[1])
    yield from compared.checks(access.identities if access else None, allow_unmanaged=allow_unmanaged)
    own = {each.name for each in held[1]} | {each.name for each in (access.identities if access else ())}
    for identity in live.identities or ():
        if identity.name in own:
            yield from guard_checks(IDENTITIES, identity.name, identity)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One kind of rights: what is live by id (`None` where it could not be read), and what the stack has."""

    section: str
    live: Mapping[str, _LiveRight] | None
    state: StackState | None
    held: Sequence[StackAdminKey | StackIdentity]

    def checks(
        self, declared: Sequence[DeclaredAdminKey | DeclaredIdentity] | None, *, allow_unmanaged: bool
    ) -> Iterator[Check]:
        if self.live is None:
            if self.held or declared:
                detail = "not compared: your role may not read them"
                yield Check(self.section, "all", "exists", Outcome.SKIPPED, detail)
            return
        for right in self.held:
            yield from self._of_the_stack(right, self.live.get(_id_of(right)))
        if declared is not None:
            yield from self._of_the_file(declared, self.live)
        if self.state is not None:
            yield from self._strangers(self.state, self.live, allow_unmanaged=allow_unmanaged)

    def _of_the_stack(
        self, right: StackAdminKey | StackIdentity, found: _LiveRight | None
    ) -> Iterator[Check]:
        if found is None:
            detail = f"missing: {_id_of(right)} is not live"
            yield Check(self.section, right.name, _STACK, Outcome.MISMATCH, detail, _REPAIR)
            return
        yield self._settings(right.name, _STACK, right.settings, found, _REPAIR)
        owner = self.state.managed_by if self.state else None
        if owner and found.managed_by not in (None, owner):
            detail = f"taken over: {found.managed_by} owns it, this stack ({owner}) declares it too"
            todo = "declare it in one stack: remove it here, or take it back"
            yield Check(self.section, right.name, "owner", Outcome.MISMATCH, detail, todo)

    def _of_the_file(
        self, declared: Sequence[DeclaredAdminKey | DeclaredIdentity], live: Mapping[str, _LiveRight]
    ) -> Iterator[Check]:
        ids = (
            {right.name: _id_of(right) for right in self.held}
            if self.state
            else {right.label: object_id for object_id, right in live.items()}
        )
        for each in declared:
            found = live.get(ids.get(each.name, ""))
            if found is None:
                detail = f"missing: line {each.line} is not deployed"
                yield Check(self.section, each.name, _FILE, Outcome.MISMATCH, detail, _DEPLOY)
            else:
                settings = type(found.settings).read(arguments(each))
                yield self._settings(each.name, _FILE, settings, found, _DEPLOY)
        if self.state is not None:
            for name in sorted(ids.keys() - {each.name for each in declared}):
                detail = "in the stack, but not in the access file"
                yield Check(self.section, name, _FILE, Outcome.MISMATCH, detail, _DEPLOY)

    def _settings(
        self, name: str, check: str, declared: RightSettings, found: _LiveRight, todo: str
    ) -> Check:
        differing = "; ".join(_differences(declared, found.settings))
        if differing:
            return Check(self.section, name, check, Outcome.MISMATCH, f"changed: {differing}", todo)
        return Check(self.section, name, check, Outcome.OK, _as_words(found.settings))

    def _strangers(
        self, state: StackState, live: Mapping[str, _LiveRight], *, allow_unmanaged: bool
    ) -> Iterator[Check]:
        own = {_id_of(right) for right in self.held}
        own |= {right.previous_key_id or "" for right in self.held if isinstance(right, HeldKey)}
        elsewhere = 0
        for object_id, found in live.items():
            if object_id in own:
                continue
            if found.managed_by is None:
                outcome = Outcome.OK if allow_unmanaged else Outcome.MISMATCH
                detail = f"given by hand: no stack manages it; {_as_words(found.settings)}"
                todo = "" if allow_unmanaged else f"{found.adoption}, or delete it"
                yield Check(self.section, found.label, "managed", outcome, detail, todo)
            elif found.managed_by == state.managed_by:
                detail = "orphaned: it names this stack as its owner, and the stack does not hold it"
                todo = f"{found.adoption}, or delete it"
                yield Check(self.section, found.label, "managed", Outcome.MISMATCH, detail, todo)
            else:
                elsewhere += 1
        if elsewhere:
            detail = f"{elsewhere:,} of other stacks not checked here"
            yield Check(self.section, "other stacks", "managed", Outcome.SKIPPED, detail)


def _id_of(right: StackAdminKey | StackIdentity) -> str:
    """What the gateway knows it by: a key's id, an identity's name."""
    return right.key_id if isinstance(right, HeldKey) else right.name


def _live_admin_key(key: AdminKey) -> _LiveRight:
    settings = AdminKeySettings.read(key.model_dump(mode="json"))
    return _LiveRight(settings, key.managed_by, key.name, f"declare it with adopt_key_id={key.id}")


def _live_identity(identity: WorkloadIdentity) -> _LiveRight:
    settings = IdentitySettings.read({**identity.model_dump(mode="json"), "identity_name": identity.name})
    return _LiveRight(settings, identity.managed_by, identity.name, "declare it")


def _differences(declared: RightSettings, live: RightSettings) -> Iterator[str]:
    for each in field_changes(_ordered(live), _ordered(declared)):
        if each.field not in _NOT_COMPARED and not (each.old_hidden or each.new_hidden):
            wanted, found = in_words(each.field, each.new), in_words(each.field, each.old)
            yield f"{LABELS[each.field]}: declared {wanted}, live {found}"


def _ordered(settings: RightSettings) -> RightSettings:
    lists = {name: getattr(settings, name) for name in type(settings).model_fields}
    names = {field: each for field, each in lists.items() if isinstance(each, list) and field != "budgets"}
    return settings.model_copy(update={field: sorted(each) for field, each in names.items()})


def _as_words(settings: RightSettings) -> str:
    """What is given: the role and its teams, or the models that may be called."""
    match settings:
        case AdminKeySettings():
            return _role(settings.role, settings.teams)
        case IdentitySettings() if settings.admin_role:
            return _role(settings.admin_role, settings.role_teams)
    return f"may call {', '.join(settings.allowed_models)}"


def _role(role: str | None, teams: Sequence[str]) -> str:
    return f"{role} of {', '.join(teams)}" if teams else str(role)
