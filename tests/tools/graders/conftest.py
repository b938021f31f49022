"""Records to grade: made here, and public ones where they lie beside the checkout."""

import json
from pathlib import Path
from typing import Any

import pytest

from lucy.tools.vocabulary import Record

SHARED = Path(__file__).parents[4] / "shared" / "data"


def make_record(text: str, reply: str = "", **fields: Any) -> Record:
    answer = ({"role": "assistant", "content": reply},) if reply else ()
    return Record(id="r", prompt=({"role": "user", "content": text},), reply=answer, item=fields)


def read_shared(name: str) -> list[dict[str, Any]]:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the public sample {name} is not beside this checkout")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def record() -> Record:
    return make_record(
        "Hi, my parcel 4411 has not arrived. When will it come?",
        "I'm sorry your parcel 4411 is late. I have asked the courier and will send you an update. "
        "Would you like a refund instead?",
    )


@pytest.fixture(scope="session")
def dialogues() -> list[Record]:
    rows = read_shared("support_dialogues.jsonl")
    return [
        Record(
            id=row["id"],
            prompt=tuple(row["data"]["input"]["messages"]),
            reply=tuple(row["data"]["output"]["messages"]),
        )
        for row in rows
    ]


@pytest.fixture(scope="session")
def solutions() -> list[tuple[Record, bool]]:
    return [
        (
            Record(
                id=row["id"],
                prompt=tuple(row["messages"][:1]),
                reply=tuple(row["messages"][1:]),
                item={"reference_answer": row["reference_answer"]},
            ),
            row["is_correct"],
        )
        for row in read_shared("graded_solutions_sample.jsonl")
    ]
