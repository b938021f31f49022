import json
from pathlib import Path

import pytest

from lucy.tools.vocabulary import Record

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
SUBJECTS = ("parcel", "invoice", "password", "booking", "refund", "account")
DETAILS = ("blue", "green", "small", "large", "new", "old", "second", "third", "broken", "lost")


def _make_record(subject: str, detail: str) -> Record:
    number = f"{subject}-{detail}"
    prompt = (
        {"role": "user", "content": f"Hello, I have a question about my {detail} {subject}."},
        {"role": "assistant", "content": f"Could you tell me the number of the {subject}, please?"},
        {"role": "user", "content": f"It is the {detail} {subject}, what happens with it?"},
    )
    reply = f"The {subject} is being checked. We will have it ready by Friday."
    return Record(number, prompt, ({"role": "assistant", "content": reply},), family=number)


@pytest.fixture
def records() -> list[Record]:
    return [_make_record(subject, detail) for subject in SUBJECTS for detail in DETAILS]


@pytest.fixture(scope="session")
def support_records() -> list[Record]:
    path = DATA / "support_dialogues.jsonl"
    if not path.exists():
        pytest.skip("the shared folder with public data is not beside the checkout")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Record(
            row["id"],
            tuple(row["data"]["input"]["messages"]),
            tuple(row["data"]["output"]["messages"]),
            metadata=row["metadata"],
            family=row["id"],
        )
        for row in rows
    ]
