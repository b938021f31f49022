import json
from pathlib import Path

import pytest

from lucy.tools.vocabulary import Record

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"


def _read(name: str) -> list[dict]:
    path = DATA / name
    if not path.exists():
        pytest.skip("the shared folder with public data is not beside the checkout")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def support_records() -> list[Record]:
    return [
        Record(
            row["id"],
            tuple(row["data"]["input"]["messages"]),
            tuple(row["data"]["output"]["messages"]),
            metadata=row["metadata"],
            family=row["id"],
        )
        for row in _read("support_dialogues.jsonl")
    ]


@pytest.fixture(scope="session")
def maths_records() -> list[Record]:
    return [
        Record(row["id"], tuple(row["messages"]), item={"reference_answer": row["reference_answer"]})
        for row in _read("gsm8k_sample.jsonl")
    ]


@pytest.fixture(scope="session")
def records() -> list[Record]:
    """Sixty small dialogues about six subjects."""
    subjects = ("parcel", "invoice", "password", "booking", "refund", "account")
    details = ("blue", "green", "small", "large", "new", "old", "second", "third", "broken", "lost")
    replies = ("The {} is being checked.", "Your {} is ready.", "Please look at the {} page.", "Which {}?")
    return [
        Record(
            f"{subject}-{detail}",
            ({"role": "user", "content": f"Hello, what happens with my {detail} {subject}?"},),
            ({"role": "assistant", "content": replies[number % 4].format(subject)},),
            family=f"{subject}-{detail}",
        )
        for subject in subjects
        for number, detail in enumerate(details)
    ]
