"""Keys as declared against keys as the gateway has them: missing, changed, unmanaged, orphaned."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.access import Access, DeclaredKey
from pulumi_groq.models.api_key import ApiKey, EffectiveLimits
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.phrases import LABELS, counted, in_force, in_words
from pulumi_groq.reports.settings import KeySettings, field_changes
from pulumi_groq.reports.stack_export import StackState
from pulumi_groq.reports.validation.checks import Check, Outcome
from pulumi_groq.reports.validation.guard import guard_checks

SECTION: Final = "keys"
_REPAIR: Final = "pulumi up --refresh puts the declared settings back"
_NOT_ON_THE_SERVER: Final = frozenset({"rotation", "rotation_due", "allow_delete_in_use"})


def stack_keys(state: StackState, live: Live) -> Iterator[Check]:
    """Each key of the stack exists, set up as declared."""
    for key in state.keys:
        found = live.keys_by_id.get(key.key_id)
        if found is None:
            todo = "pulumi up --refresh makes a new one; hand its value to the key's callers"
            yield Check(
                SECTION, key.name, "exists", Outcome.MISMATCH, f"missing: {key.key_id} is not live", todo
            )
            continue
        yield Check(SECTION, key.name, "exists", Outcome.OK, f"{key.key_id} …{found.last_four}")
        yield _settings(key.settings, found, f"{key.name}", "settings as in the stack", _REPAIR)
        yield _limits_in_force(key.settings, found, key.name)
        yield from guard_checks(SECTION, key.name, found)


def file_keys(access: Access, state: StackState | None, live: Live) -> Iterator[Check]:
    """Each key of the access file is deployed as the file has it, and no other key is in the stack."""
    ids = {key.name: key.key_id for key in state.keys} if state else _ids_by_name(live)
    for key in access.keys:
        key_id = ids.get(key.name)
        found = live.keys_by_id.get(key_id) if key_id else None
        if found is None:
            yield _check_file(key.name, Outcome.MISMATCH, f"missing: line {key.line} is not deployed")
        else:
            check = "settings as in the access file"
            yield _settings(
                declared_settings(key), found, key.name, check, "pulumi up --refresh applies the file"
            )
    if state is not None:
        for name in sorted(ids.keys() - {key.name for key in access.keys}):
            yield _check_file(name, Outcome.MISMATCH, "in the stack, but not in the access file")


def strangers(state: StackState, live: Live, *, allow_unmanaged: bool) -> Iterator[Check]:
    """Live keys that the stack should own and does not, that nobody manages, or that others manage."""
    own = {key.key_id for key in state.keys} | {key.previous_key_id for key in state.keys}
    lineages = {key.lineage_id for key in state.keys}
    elsewhere = 0
    for key in live.keys:
        if key.id in own or (key.lineage_id in lineages and key.managed_by == state.managed_by):
            continue
        if key.managed_by is None:
            outcome = Outcome.OK if allow_unmanaged else Outcome.MISMATCH
            detail, todo = "unmanaged: no stack manages it", "declare it with adopt_key_id, or delete it"
            yield Check(SECTION, _label(key), "managed", outcome, detail, "" if allow_unmanaged else todo)
        elif key.managed_by == state.managed_by:
            detail = "orphaned: it names this stack as its owner, and the stack does not hold it"
            todo = "declare it with adopt_key_id, or delete it once it is unused"
            yield Check(SECTION, _label(key), "managed", Outcome.MISMATCH, detail, todo)
        else:
            elsewhere += 1
    if elsewhere:
        detail = f"{counted(elsewhere, 'key')} of other stacks are not checked here"
        yield Check(SECTION, "other stacks", "managed", Outcome.SKIPPED, detail)


def live_settings(key: ApiKey) -> KeySettings:
    """A live key's settings as a declaration would state them."""
    return KeySettings.read(
        {**key.model_dump(include=set(KeySettings.model_fields)), "disabled": key.status == "disabled"}
    )


def declared_settings(key: DeclaredKey) -> KeySettings:
    """A key's settings as the access file states them."""
    return KeySettings.read(key.model_dump(exclude={"reason", "line", "adopt_key_id"}, exclude_none=True))


def _settings(declared: KeySettings, key: ApiKey, subject: str, check: str, todo: str) -> Check:
    differing = "; ".join(_differences(_ordered(live_settings(key)), _ordered(declared)))
    if differing:
        return Check(SECTION, subject, check, Outcome.MISMATCH, f"changed: {differing}", todo)
    return Check(SECTION, subject, check, Outcome.OK, "all equal")


def _differences(live: KeySettings, declared: KeySettings) -> Iterator[str]:
    for each in field_changes(live, declared):
        out_of_sight = each.old_hidden or each.new_hidden
        elsewhere = each.field in _NOT_ON_THE_SERVER or (each.field == "managed_by" and each.new is None)
        if not (out_of_sight or elsewhere):
            wanted, found = in_words(each.field, each.new), in_words(each.field, each.old)
            yield f"{LABELS[each.field]}: declared {wanted}, live {found}"


def _ordered(settings: KeySettings) -> KeySettings:
    lists = ("allowed_models", "allowed_tools")
    return settings.model_copy(update={name: sorted(getattr(settings, name)) for name in lists})


def _limits_in_force(declared: KeySettings, key: ApiKey, subject: str) -> Check:
    shown, wrong = [], []
    for field in EffectiveLimits.model_fields:
        applied = getattr(key.effective_limits, field)
        asked = getattr(declared, field)
        shown.append(in_force(field, applied))
        if asked is not None and applied != (None if asked == UNLIMITED else asked):
            wrong.append(f"{LABELS[field]}: declared {in_words(field, asked)}, in force {shown[-1]}")
    if wrong:
        return Check(SECTION, subject, "limits in force", Outcome.MISMATCH, "; ".join(wrong), _REPAIR)
    return Check(SECTION, subject, "limits in force", Outcome.OK, ", ".join(shown))


def _check_file(name: str, outcome: Outcome, detail: str) -> Check:
    return Check(
        SECTION,
        name,
        "settings as in the access file",
        outcome,
        detail,
        "pulumi up --refresh applies the file",
    )


def _ids_by_name(live: Live) -> dict[str, str]:
    """The newest live key of each name: without a stack, the name is all that a file gives."""
    newest = sorted(live.keys, key=lambda key: (key.generation, key.created_at))
    return {key.name: key.id for key in newest}


def _label(key: ApiKey) -> str:
    return f"{key.name} ({key.id})"
