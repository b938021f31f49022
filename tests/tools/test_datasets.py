import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lucy.errors import InputError
from lucy.tools.datasets import find_source, name_source, open_source
from lucy.tools.records.validation import Limits
from lucy.tools.store.database import Store
from lucy.tools.store.datasets import add_records, read_records, read_rejects
from lucy.tools.store.owners import name_owner
from lucy.tools.store.schema import datasets, records, rejects
from lucy.tools.vocabulary import Record, read_reply_text

LINES = [
    {
        "messages": [
            {"role": "user", "content": f"Where is my order number {number}?"},
            {"role": "assistant", "content": "On its way."},
        ]
    }
    for number in range(30)
]


@pytest.fixture
def store(home: Path):
    store = Store(home)
    yield store
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order_chats.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in LINES) + "\nnot json\n", encoding="utf-8")
    return path


def count(store: Store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_records_and_rejects_are_stored_with_their_reasons(store: Store, file: Path) -> None:
    dataset = open_source(store, file, name="Orders", limits=Limits())
    assert dataset.report["valid"] == 30
    assert read_reply_text(read_records(store, dataset.id)[0]) == "On its way."
    reject = read_rejects(store, dataset.id)[0]
    assert (reject.line, reject.error, reject.raw) == (31, "invalid_data_structure", "not json")


def test_the_same_content_is_stored_once(store: Store, file: Path) -> None:
    first = open_source(store, file, name="Orders", limits=Limits())
    assert open_source(store, file, name="Again", limits=Limits()) == first
    assert count(store, datasets) == 1
    assert count(store, records) == 30


def test_other_limits_make_another_dataset(store: Store, file: Path) -> None:
    first = open_source(store, file, name="Orders", limits=Limits())
    assert open_source(store, file, name="Orders", limits=Limits(max_tokens=5000)).id != first.id


def test_a_file_without_a_valid_record_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"messages": []}\n' * 5, encoding="utf-8")
    with pytest.raises(InputError, match="None of the 5"):
        open_source(store, path, name="Bad", limits=Limits())
    assert count(store, datasets) == 0
    assert count(store, records) == 0


def test_what_a_killed_import_left_is_swept_away(store: Store, file: Path) -> None:
    dataset = open_source(store, file, name="Orders", limits=Limits())
    dead = name_owner().rpartition(":")[0] + ":999999999"
    with store.write() as connection:
        connection.execute(datasets.delete())
        connection.execute(records.delete())
        connection.execute(rejects.delete())
        left = [Record("old", ({"role": "user", "content": "half an import"},))]
        add_records(connection, f"{dataset.id}~{dead}", "import", left)
    open_source(store, file, name="Orders", limits=Limits())
    assert count(store, records) == 30


def test_a_list_of_records_is_a_source_too(store: Store) -> None:
    dataset = open_source(store, LINES, name="Orders", limits=Limits())
    assert dataset.report["valid"] == 30


@pytest.mark.parametrize(
    ("text", "name"), [("sample", "Customer Support Data"), ("/x/my_chats-2.jsonl", "My Chats 2")]
)
def test_a_dataset_is_named_after_its_file(text: str, name: str) -> None:
    assert name_source(find_source(text)) == name
