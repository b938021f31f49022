"""A small support dataset of two topics, and the public dialogues where they are there."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lucy.tools.calls.door import Answer, Door, Estimate, Request
from lucy.tools.topics.tree import TopicTree
from lucy.tools.vocabulary import Record, Topic, ignore_progress

REFUNDS = (
    "I want my money back for order FN-48213, the tank is broken and it cost $149.00.",
    "Hello, my refund has not arrived. I sent the kit back on the 3rd of May. Order FN-50117.",
    "can you refund me, the lamp stopped working last week",
    "I was charged twice for my refund label, $9.90 each time. Please send the money back.",
    "Hi, how do I get a refund for a broken pump? I paid $89.00. Thanks!",
    "where is my refund? you said 5 days and it is now 12 days",
    "Good morning, I need to return the kit and get my refund. My name is Anna.",
    "My name is Peter. Can I have a refund for the broken lamp I bought yesterday?",
)
LOGINS = (
    "I can't log in to the app, it says wrong password. My email is anna@example.com.",
    "Hello, how do I reset my password? The link in the email has expired. Thanks!",
    "the app logs me out every time i close it",
    "Can I log in with my username instead of the email address?",
    "could you unlock my account please, i typed the wrong password 5 times",
    "My login code never arrived. I tried it 3 times on Monday.",
    "I need to change the email address of my account. Can you help?",
    "Good morning, the login page is not working on my phone since yesterday.",
)


class Dataset(NamedTuple):
    records: list[Record]
    topics: dict[str, str]


def make_record(record_id: str, text: str, *, follow_up: str = "", asked: str = "") -> Record:
    """Build a record of one message, or of two with an assistant's between them."""
    prompt = [{"role": "system", "content": "You are kind."}, {"role": "user", "content": text}]
    if follow_up:
        prompt += [{"role": "assistant", "content": asked}, {"role": "user", "content": follow_up}]
    reply = ({"role": "assistant", "content": f"Answer to {record_id}."},)
    tools = ({"type": "function", "function": {"name": "look_up"}},)
    return Record(record_id, tuple(prompt), reply, tools, item={"tier": "gold"}, family=record_id)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    named = [("refund", text) for text in REFUNDS] + [("login", text) for text in LOGINS]
    records = [make_record(f"{topic}{place}", text) for place, (topic, text) in enumerate(named)]
    topics = {record.id: record.id.rstrip("0123456789") for record in records}
    dialogues = [
        (
            "refund",
            "The kit arrived broken, I want a refund.",
            "May I have your order number?",
            "It is FN-61234.",
        ),
        ("refund", "Where is my refund for the lamp?", "May I have your order number?", "sure, FN-61777"),
        (
            "refund",
            "I returned the pump, no refund yet.",
            "May I have your order number?",
            "Order number FN-60001",
        ),
        ("login", "My account is locked.", "Which email address do you use?", "It's peter@example.com"),
        ("login", "I forgot my password.", "Which email address do you use?", "i use lena@example.com"),
    ]
    for place, (topic, text, asked, follow_up) in enumerate(dialogues):
        record = make_record(f"{topic}-talk{place}", text, asked=asked, follow_up=follow_up)
        records.append(record)
        topics[record.id] = topic
    return Dataset(records, topics)


@pytest.fixture(scope="session")
def dialogues() -> Dataset:
    path = Path(__file__).parents[4] / "shared" / "data" / "support_dialogues.jsonl"
    if not path.exists():
        pytest.skip("the public dialogues (shared/data) are not beside the checkout")
    records: list[Record] = []
    topics: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        if raw["metadata"]["task"] not in ("hotel_book", "bank_fraud_report", "ride_status", "party_plan"):
            continue
        messages = raw["data"]["input"]["messages"]
        last = max(place for place, message in enumerate(messages) if message["role"] == "user")
        reply = (*messages[last + 1 :], *raw["data"]["output"]["messages"])
        records.append(Record(raw["id"], tuple(messages[: last + 1]), reply))
        topics[raw["id"]] = raw["metadata"]["task"]
    return Dataset(records, topics)


class RecordingDoor(Door):
    """Answers from a function of the prompt, remembers what was asked, and asks nothing twice.

    The function gives the fields of the answer, or the class of a failure as text.
    """

    model = "scripted"

    def __init__(self, write: Callable[[str], dict[str, Any] | str]) -> None:
        self.write = write
        self.batches: list[list[Request]] = []
        self.paid: list[Request] = []
        self.answers: dict[Request, dict[str, Any]] = {}

    def ask_many(self, requests, schema, *, progress=ignore_progress, label="Asking"):
        self.batches.append(list(requests))
        return [self._answer(request, schema) for request in requests]

    def estimate(self, requests, *, completion_tokens, schema=None):
        return Estimate(len(requests), 100 * len(requests), completion_tokens * len(requests), None)

    def _answer(self, request, schema):
        if request not in self.answers:
            self.paid.append(request)
            written = self.write(request.prompt)
            if isinstance(written, str):
                return Answer(None, written, 10, 0, 0.5, is_cached=False)
            self.answers[request] = written
            return Answer(schema(**written), None, 10, 5, 0.25, is_cached=False)
        return Answer(schema(**self.answers[request]), None, 10, 5, 0.25, is_cached=True)


def invent(prompt: str) -> dict[str, Any]:
    """Write a message that is like no other, the same for the same prompt."""
    rng = random.Random(prompt)
    words = ["".join(rng.choice("bdfklmnprst") + rng.choice("aeiou") for _ in range(3)) for _ in range(8)]
    about = (
        "My refund is late for the"
        if "Refund Requests" in prompt
        else "I cannot log in with my password from"
    )
    return {"message": f"{about} {' '.join(words[:4])}, and the {' '.join(words[4:])} too."}


@pytest.fixture
def open_door() -> Callable[..., RecordingDoor]:
    def make(write: Callable[[str], dict[str, Any] | str] = invent) -> RecordingDoor:
        return RecordingDoor(write)

    return make


@pytest.fixture(scope="session")
def tree() -> TopicTree:
    refund = Topic(
        id="refund",
        name="Refund Requests",
        description="The customer wants money back for something paid.",
        keywords=("refund", "money back"),
    )
    login = Topic(id="login", name="login_trouble", description="Questions about signing in.")
    return TopicTree(roots=(Topic(id="top", name="Support", children=(refund, login)),))
