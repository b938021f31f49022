"""Edits of records in the store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lucy.errors import InputError
from lucy.tools.store.database import Store
from lucy.tools.store.datasets import IMPORT, add_records, read_batch, read_records
from lucy.tools.store.edits import add_edits, read_edits
from lucy.tools.vocabulary import Record


def make_record(name: str, text: str = "Where is my parcel?") -> Record:
    return Record(name, ({"role": "user", "content": text},), metadata={"note": name}, family=f"of-{name}")


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    made = Store(home)
    with made.write() as connection:
        add_records(connection, "d", IMPORT, [make_record("a"), make_record("b")])
        add_records(connection, "d", "gen-1", [make_record("c"), make_record("d")])
    yield made
    made.close()


def read_ids(store: Store, *edits: str) -> list[str]:
    return [record.id for record in read_records(store, "d", ["gen-1"], edits)]


def test_without_edits_all_records_are_read(store: Store) -> None:
    assert read_ids(store) == ["a", "b", "c", "d"]


def test_an_edited_record_keeps_its_place_and_family(store: Store) -> None:
    edit = add_edits(store, "d", {"b": replace(make_record("b", "Where is it?"), family="")})
    found = read_records(store, "d", ["gen-1"], [edit])
    assert found[1] == make_record("b", "Where is it?")
    assert [record.id for record in found] == ["a", "b", "c", "d"]


def test_a_record_that_was_left_out_is_missing(store: Store) -> None:
    assert read_ids(store, add_edits(store, "d", {"a": None, "c": None})) == ["b", "d"]


def test_taking_an_edit_off_the_list_undoes_it(store: Store) -> None:
    add_edits(store, "d", {"a": None})
    assert read_ids(store) == ["a", "b", "c", "d"]


def test_the_last_edit_of_a_record_wins(store: Store) -> None:
    out = add_edits(store, "d", {"a": None})
    back = add_edits(store, "d", {"a": make_record("a")})
    assert read_ids(store, out, back) == ["a", "b", "c", "d"]
    assert read_ids(store, out, back, out) == ["b", "c", "d"]


def test_the_same_changes_have_the_same_id_in_any_order(store: Store) -> None:
    first = add_edits(store, "d", {"a": None, "b": make_record("b", "Other words here")}, reason="once")
    second = add_edits(store, "d", {"b": make_record("b", "Other words here"), "a": None}, reason="again")
    assert first == second
    assert [(one.record_id, one.reason) for one in read_edits(store, "d", [first])] == [
        ("a", "once"),
        ("b", "once"),
    ]


def test_edits_of_another_dataset_change_nothing(store: Store) -> None:
    assert read_ids(store, add_edits(store, "other", {"a": None})) == ["a", "b", "c", "d"]


def test_what_a_generation_stored_is_read_without_edits(store: Store) -> None:
    add_edits(store, "d", {"c": None})
    assert [record.id for record in read_batch(store, "d", "gen-1")] == ["c", "d"]


def test_no_changes_are_an_input_error(store: Store) -> None:
    with pytest.raises(InputError, match="at least one record"):
        add_edits(store, "d", {})
