"""POST with `replaces`: a key succeeds another in its lineage."""

from admin_plane import Api, error_of


def test_a_successor_joins_the_lineage(api: Api) -> None:
    """It carries the lineage on with the next generation."""
    first = api.created()
    second = api.created(replaces=first["id"])
    assert (second["lineage_id"], second["generation"], second["replaces"]) == (first["id"], 2, first["id"])


def test_a_successor_takes_its_settings_from_its_own_body(api: Api) -> None:
    """Nothing is inherited silently."""
    first = api.created(requests_per_minute=5)
    assert api.created(replaces=first["id"])["requests_per_minute"] is None


def test_both_keys_are_live_during_the_overlap(api: Api) -> None:
    """The old key keeps working until it is deleted."""
    first = api.created()
    second = api.created(replaces=first["id"])
    listed = api.get("/api-keys").json()["data"]
    assert [(key["id"], key["status"]) for key in listed] == [
        (first["id"], "active"),
        (second["id"], "active"),
    ]


def test_a_third_live_key_is_refused_and_says_which_must_go(api: Api) -> None:
    """Never more than two live keys in a lineage."""
    first = api.created()
    second = api.created(replaces=first["id"])
    answer = api.create(replaces=second["id"])
    assert error_of(answer) == (409, "rotation_in_progress", "replaces")
    assert answer.headers["x-api-key-id"] == first["id"]
    assert first["id"] in answer.json()["error"]["message"]


def test_the_rotation_goes_on_once_the_old_key_is_deleted(api: Api) -> None:
    """The lineage keeps its first key's id for good."""
    first = api.created()
    second = api.created(replaces=first["id"])
    api.delete(f"/api-keys/{first['id']}")
    third = api.created(replaces=second["id"])
    assert (third["lineage_id"], third["generation"]) == (first["id"], 3)


def test_a_key_is_replaced_once(api: Api) -> None:
    """Only the newest live key of a lineage can be replaced; the answer names it."""
    first = api.created()
    second = api.created(replaces=first["id"])
    answer = api.create(replaces=first["id"])
    assert error_of(answer) == (409, "already_replaced", "replaces")
    assert answer.headers["x-api-key-id"] == second["id"]


def test_a_key_whose_successor_was_deleted_can_be_replaced_again(api: Api) -> None:
    """The newest live key counts."""
    first = api.created()
    second = api.created(replaces=first["id"])
    api.delete(f"/api-keys/{second['id']}")
    assert api.created(replaces=first["id"])["generation"] == 2


def test_replacing_an_unknown_or_deleted_key_is_404(api: Api) -> None:
    """There is nothing to succeed."""
    gone = api.created()["id"]
    api.delete(f"/api-keys/{gone}")
    missing = [api.create(replaces=key_id) for key_id in ("key_01nothere", gone)]
    assert [error_of(answer) for answer in missing] == [(404, "api_key_not_found", "replaces")] * 2


def test_a_successor_may_stand_at_the_same_place_of_the_stack(api: Api) -> None:
    """A place belongs to a lineage, not to one key."""
    place = {"managed_by": "o/p/s", "declared_as": "bot"}
    first = api.created(**place)
    assert api.create(replaces=first["id"], **place).status_code == 201


PLACE = {"name": "chatbot", "managed_by": "org/project/dev", "declared_as": "chatbot"}


def test_a_key_that_is_made_again_at_its_place_goes_on_in_its_lineage(api: Api) -> None:
    """Delete and create would else be a new budget; nothing but the lineage is carried over."""
    first = api.created(**PLACE, monthly_budget_usd=5)
    api.delete(f"/api-keys/{first['id']}")
    again = api.created(**PLACE)

    assert again["id"] != first["id"]
    assert (again["lineage_id"], again["generation"], again["replaces"]) == (first["id"], 1, None)
    assert again["monthly_budget_usd"] is None


def test_a_rotated_key_that_is_made_again_goes_on_in_its_lineage(api: Api) -> None:
    """The whole lineage is found by its last key."""
    first = api.created(**PLACE)
    second = api.created(**PLACE, replaces=first["id"])
    for key in (first, second):
        api.delete(f"/api-keys/{key['id']}")

    assert api.created(**PLACE)["lineage_id"] == first["id"]


def test_another_stack_place_or_name_is_another_lineage(api: Api) -> None:
    """And a key without a stack and a place has nothing to be known by again."""
    first = api.created(**PLACE)
    api.delete(f"/api-keys/{first['id']}")
    for other in ({"managed_by": "org/project/prod"}, {"declared_as": "other"}, {"name": "other"}):
        key = api.created(**(PLACE | other))
        assert key["lineage_id"] == key["id"]
    unmanaged = [api.created(name="loose") for _ in range(2)]
    api.delete(f"/api-keys/{unmanaged[0]['id']}")
    again = api.created(name="loose")
    assert again["lineage_id"] == again["id"]


def test_a_lineage_that_lives_on_elsewhere_is_not_joined(api: Api) -> None:
    """Its successor was taken over by another stack: a third key must not come into its rotation."""
    first = api.created(**PLACE)
    second = api.created(**PLACE, replaces=first["id"])
    api.delete(f"/api-keys/{first['id']}")
    assert api.patch(second["id"], managed_by="org/project/prod").status_code == 200
    again = api.created(**PLACE)

    assert again["lineage_id"] == again["id"]
