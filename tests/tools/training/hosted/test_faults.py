"""What a service cannot take is said before anything is sent."""

from dataclasses import replace

import pytest
from fake_training import FakeTraining

from lucy.errors import InputError
from lucy.tools.calls.door import Door
from lucy.tools.graders.kinds import (
    JavascriptGrader,
    LabelModelGrader,
    ModelMessage,
    StringCheckGrader,
    TextSimilarityGrader,
)
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.trainer import HostedTrainer
from lucy.tools.training.trainer import Task
from lucy.tools.vocabulary import Record

ASSISTANT = {"role": "assistant", "content": "Two."}
USER = {"role": "user", "content": "What is 1 + 1?"}
CALL = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}


def open_no_door(model: str, task: Task) -> Door:
    pytest.fail("No model is asked to answer for this.")


def find(bench, **given) -> list[str]:
    """Find faults at a service that is away, which is no fault while a job is under way."""
    trainer = HostedTrainer(Client("http://127.0.0.1:9/v1"), open_no_door, **given)
    return trainer.find_faults(bench.task)


def make_records(count: int, **changes) -> list[Record]:
    first = Record("r", (USER,), (ASSISTANT,), item={"reference_answer": "2"})
    made = [
        replace(first, id=f"r{number}", prompt=({**USER, "content": f"{number}?"},))
        for number in range(count)
    ]
    return [replace(one, **changes) for one in made]


@pytest.mark.parametrize("method", ["rft", "sft"])
def test_a_task_in_order_has_no_fault(open_bench, method: str) -> None:
    assert find(open_bench(method=method)) == []


@pytest.mark.parametrize(
    ("grader", "words"),
    [
        (JavascriptGrader(name="js", source="function evaluate(input) { return 1; }"), "JavaScript"),
        (
            LabelModelGrader(
                name="label",
                model="m",
                input=(ModelMessage(role="user", content="{{sample.output_text}}"),),
                labels=("good", "bad"),
                passing_labels=("good",),
            ),
            "label_model",
        ),
        (
            TextSimilarityGrader(
                name="like",
                input="{{sample.output_text}}",
                reference="{{item.reference_answer}}",
                evaluation_metric="cosine",
            ),
            "cosine",
        ),
        (
            StringCheckGrader(
                name="exact", input="{{sample.output_text}}", reference="{{item.answer}}", operation="eq"
            ),
            "`item.answer`, which 24 of 24 records do not have",
        ),
    ],
)
def test_graders_that_a_service_cannot_run_are_named(open_bench, grader, words: str) -> None:
    (fault,) = find(open_bench(grader=grader))
    assert words in fault


def test_a_supervised_training_needs_no_grader_that_the_service_knows(open_bench) -> None:
    grader = JavascriptGrader(name="js", source="function evaluate(input) { return 1; }")
    assert find(open_bench(method="sft", grader=grader)) == []


@pytest.mark.parametrize(
    ("method", "changes", "words"),
    [
        ("rft", {"prompt": (USER, ASSISTANT)}, "does not end with a message of the user"),
        ("rft", {"prompt": ()}, "does not end with a message of the user"),
        ("rft", {"prompt": ({"role": "critic", "content": "x"}, USER)}, "messages of the role critic"),
        ("rft", {"prompt": (USER, {**ASSISTANT, "tool_calls": [CALL]}, USER)}, "tool calls in the prompt"),
        ("rft", {"prompt": (USER, {"role": "tool", "content": "2"}, USER)}, "tool calls in the prompt"),
        ("rft", {"item": {"messages": []}}, "an item field named messages"),
        ("sft", {"reply": ()}, "no recorded reply"),
        ("sft", {"reply": ({"role": "assistant", "content": " "},)}, "no recorded reply"),
        ("sft", {"reply": (ASSISTANT, {"role": "tool", "content": "2"})}, "no recorded reply"),
    ],
)
def test_records_that_a_service_cannot_take_are_named(
    open_bench, method: str, changes: dict, words: str
) -> None:
    bench = open_bench(method=method)
    bench.given["training"] = [*make_records(12), *make_records(5, **changes)]
    (fault,) = find(bench)
    assert words in fault
    assert fault.startswith("5 records have")
    assert fault.endswith("(r0, r1, r2, ...).")


def test_roles_can_be_narrowed_for_a_service(open_bench) -> None:
    bench = open_bench()
    bench.given["training"].append(
        Record("s", ({"role": "system", "content": "Be brief."}, USER), item={"reference_answer": "2"})
    )
    (fault,) = find(bench, roles=("developer", "user"))
    assert fault == ("1 record has messages of the role system, which it does not take; leave it out (s).")


@pytest.mark.parametrize(
    ("method", "training", "heldout", "words"),
    [
        ("rft", 50_001, 4, "50,001 records to train on; a service takes at most 50,000"),
        ("rft", 20, 1_001, "1,001 held-out records; a service takes at most 1,000"),
        ("rft", 20, 0, "needs a validation file"),
        ("sft", 9, 0, "There are 9 records to train on"),
        ("sft", 0, 0, "no records to train on"),
    ],
)
def test_numbers_of_records_are_checked(
    open_bench, method: str, training: int, heldout: int, words: str
) -> None:
    records = make_records(training + heldout)
    bench = open_bench(method=method, training=records[:training], heldout=records[training:])
    (fault,) = find(bench)
    assert words in fault


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_model": " "}, "No base model is named"),
        ({"parameters": {"learning_rate": 1e-5}}, "takes a multiplier of its own rate"),
        ({"name": "x" * 65}, "at most 64 characters"),
        ({"parameters": {"cost_limit": 5.0}}, "The cost limit of $5 cannot be kept"),
    ],
)
def test_parameters_that_a_service_cannot_take_are_named(open_bench, changes: dict, words: str) -> None:
    (fault,) = find(open_bench(**changes))
    assert words in fault


def test_epochs_out_of_range_are_named_even_when_they_were_not_checked_before(open_bench) -> None:
    bench = open_bench()
    bench.given["parameters"] = bench.given["parameters"].model_copy(update={"epochs": 0})
    (fault,) = find(bench)
    assert fault == "The number of epochs is 0; expected 1 to 50, such as 2."


def test_a_missing_key_is_named(open_bench) -> None:
    (fault,) = HostedTrainer(Client(), open_no_door).find_faults(open_bench().task)
    assert fault.startswith("The service at api.openai.com needs a key and none is set; set LUCY_API_KEY")


def test_a_training_with_faults_sends_nothing(open_bench, open_trainer) -> None:
    with FakeTraining() as server:
        trainer = open_trainer(server)
        with pytest.raises(InputError, match="No base model is named"):
            trainer.train(open_bench(base_model="").task)
        assert not server.requests


@pytest.mark.parametrize("models", [None, ["o4-mini-2025-04-16"], []])
def test_a_service_that_has_the_base_model_or_does_not_say_is_taken(
    open_bench, open_trainer, models: list[str] | None
) -> None:
    with FakeTraining(models=models) as server:
        assert open_trainer(server).find_faults(open_bench(job_id="").task) == []
        assert server.looks
        assert not server.requests


def test_a_base_model_that_the_service_does_not_have_is_named(open_bench, open_trainer) -> None:
    with FakeTraining(models=["gpt-4.1-mini"]) as server:
        (fault,) = open_trainer(server).find_faults(open_bench(job_id="").task)
        assert not server.requests
    assert "did not show the model 'o4-mini-2025-04-16'" in fault
    assert "does not exist" in fault
    assert fault.endswith("choose another, or ask for access to this one.")


def test_a_wrong_key_is_named_with_the_services_reason(open_bench, open_trainer) -> None:
    with FakeTraining(key="right") as server:
        (fault,) = open_trainer(server).find_faults(open_bench(job_id="").task)
    assert "401: Incorrect API key provided: ***" in fault
    assert fault.endswith("expected a key that the service accepts; correct LUCY_API_KEY.")


def test_a_service_that_is_away_is_named_when_a_training_is_proposed(open_bench) -> None:
    (fault,) = find(open_bench(job_id=""))
    assert fault.endswith("start the service or correct LUCY_BASE_URL.")


def test_a_service_is_not_asked_about_a_training_that_has_other_faults(open_bench, open_trainer) -> None:
    with FakeTraining(models=[]) as server:
        assert open_trainer(server).find_faults(open_bench(base_model="").task)
        assert not server.looks


def test_a_training_that_is_submitted_is_not_asked_about_again(open_bench, open_trainer) -> None:
    bench = open_bench()
    with FakeTraining(models=["o4-mini-2025-04-16"]) as server:
        open_trainer(server).train(bench.task)
        server.key, server.looks = "another", []
        assert open_trainer(server).find_faults(bench.task) == []
        assert not server.looks
