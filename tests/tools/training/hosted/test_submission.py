"""What is uploaded and submitted: bodies as published, once."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from fake_training import FakeTraining
from openai import AzureOpenAI, OpenAI
from openai.types.fine_tuning.job_create_params import JobCreateParams
from pydantic import ConfigDict, create_model

from lucy.errors import InputError, ProviderError
from lucy.tools.graders.criterion import Criterion
from lucy.tools.graders.kinds import RubricGrader, StringCheckGrader
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.rows import write_files
from lucy.tools.vocabulary import Record

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def read_lines(server: FakeTraining, use: str) -> list[dict]:
    (key,) = [one["id"] for one in server.files.values() if one["filename"].endswith(f"-{use}.jsonl")]
    return [json.loads(line) for line in server.contents[key].decode().splitlines()]


def test_reinforcement_is_submitted_as_published(open_bench, open_trainer) -> None:
    grader = StringCheckGrader(
        name="exact",
        input="{{sample.output_text}}",
        reference="{{item.reference_answer}}",
        operation="eq",
    )
    parameters = {"epochs": 3, "batch_size": 8, "learning_rate": 1.5, "reasoning_effort": "low", "seed": 7}
    bench = open_bench(grader=grader, parameters=parameters)
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
        (body,) = server.bodies
    token = body["metadata"].pop("lucy_token")
    assert body == {
        "model": "o4-mini-2025-04-16",
        "training_file": "file-000001",
        "validation_file": "file-000002",
        "suffix": "sums-for-children",
        "seed": 7,
        "metadata": {"lucy_job": "job-0123456789ab"},
        "method": {
            "type": "reinforcement",
            "reinforcement": {
                "grader": {
                    "type": "string_check",
                    "name": "exact",
                    "input": "{{sample.output_text}}",
                    "reference": "{{item.reference_answer}}",
                    "operation": "eq",
                },
                "hyperparameters": {
                    "n_epochs": 3,
                    "batch_size": 8,
                    "learning_rate_multiplier": 1.5,
                    "reasoning_effort": "low",
                },
            },
        },
    }
    assert any(one.get("idempotency-key") == token for one in server.headers)


def test_supervised_training_is_submitted_as_published(open_bench, open_trainer) -> None:
    bench = open_bench(method="sft", base_model="gpt-4.1-mini", heldout=[])
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
        (body,) = server.bodies
    assert body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    assert "validation_file" not in body
    assert body["model"] == "gpt-4.1-mini"


def test_rows_for_reinforcement_end_with_the_user_and_carry_what_graders_read(
    open_bench, open_trainer
) -> None:
    bench = open_bench()
    first = bench.given["training"][0]
    record = replace(first, prompt=({"role": "system", "content": "Be brief.", "note": "x"}, *first.prompt))
    bench.given["training"][0] = replace(record, tools=(TOOL,))
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
        rows, validation = read_lines(server, "training"), read_lines(server, "validation")
    assert rows[0] == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is 0 + 1?"},
        ],
        "id": "sum-0",
        "reference_answer": "1",
        "reference_reply": "1",
        "tools": [TOOL],
    }
    assert (len(rows), len(validation)) == (20, 4)


def test_rows_for_supervised_training_end_with_the_reply(open_bench, open_trainer) -> None:
    bench = open_bench(method="sft")
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    bench.given["training"][0] = Record(
        "tool",
        ({"role": "user", "content": "What is 0 + 1?"},),
        (
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "1", "tool_call_id": "c1"},
            {"role": "assistant", "content": "1"},
        ),
        tools=(TOOL,),
    )
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
        rows = read_lines(server, "training")
    assert rows[0] == {
        "messages": [
            {"role": "user", "content": "What is 0 + 1?"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": "1", "tool_call_id": "c1"},
            {"role": "assistant", "content": "1"},
        ],
        "tools": [TOOL],
    }
    assert rows[1]["messages"][-1] == {"role": "assistant", "content": "2"}


def test_files_made_again_are_equal_byte_for_byte(open_bench) -> None:
    bench = open_bench()
    first = write_files(bench.task)
    contents = [one.path.read_bytes() for one in first if one]
    bench.given["training"] = [replace(one, item=dict(one.item)) for one in bench.given["training"]]
    assert write_files(bench.task) == first
    assert [one.path.read_bytes() for one in first if one] == contents


def test_no_row_is_in_both_files(open_bench, open_trainer) -> None:
    bench = open_bench()
    bench.given["heldout"] = [replace(bench.given["training"][0], id="twin"), *bench.given["heldout"]]
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
        trained = [row["messages"] for row in read_lines(server, "training")]
        heldout = [row["messages"] for row in read_lines(server, "validation")]
    assert len(heldout) == 4
    assert not [one for one in heldout if one in trained]


def test_a_file_is_used_when_the_service_has_read_it(open_bench, open_trainer) -> None:
    with FakeTraining(file_statuses=("pending", "pending", "processed")) as server:
        trained = open_trainer(server).train(open_bench().task)
        assert server.count("GET", "file-000001") == 2
    assert trained.weights.startswith("ft:")


def test_a_file_that_the_service_cannot_read_is_said(open_bench, open_trainer) -> None:
    with FakeTraining(file_statuses=("pending", "error")) as server:
        with pytest.raises(Exception, match="cannot use the training file"):
            open_trainer(server).train(open_bench().task)
        assert not server.jobs


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "dropped", "lost"])
def test_a_fault_in_any_exchange_of_the_submission_leaves_one_job(
    open_bench, open_trainer, fault: str
) -> None:
    for place in range(6):
        with FakeTraining(faults=[""] * place + [fault] * 2) as server:
            trained = open_trainer(server).train(open_bench().task)
            assert len(server.jobs) == 1
            assert len(server.files) == 2
            assert trained.weights == next(iter(server.jobs.values()))["fine_tuned_model"]


def test_a_job_whose_metadata_the_service_drops_is_known_by_its_file(open_bench, open_trainer) -> None:
    with FakeTraining(faults=[""] * 5 + ["lost"], keeps_metadata=False) as server:
        open_trainer(server).train(open_bench().task)
        assert len(server.jobs) == 1


def test_the_job_is_found_behind_many_others(open_bench, open_trainer) -> None:
    with FakeTraining(page=3) as server:
        for number in range(8):
            other = open_bench(job_id=f"other-{number}")
            open_trainer(server).train(other.task)
        bench = open_bench()
        open_trainer(server).train(bench.task)
        lost = [one for one in bench.kept if one["token"] and not one["remote_job"]]
        for number in range(8, 12):
            open_trainer(server).train(open_bench(job_id=f"other-{number}").task)
        bench.kept[:] = lost[:1]
        open_trainer(server).train(bench.task)
        assert len(server.jobs) == 13


def test_a_job_that_turns_up_late_is_cancelled(open_bench, open_trainer) -> None:
    with FakeTraining(faults=[""] * 5 + ["lost"], late=5) as server:
        trained = open_trainer(server).train(open_bench().task)
        assert len(server.jobs) == 2
        (live,) = server.list_live()
    assert trained.weights == live["fine_tuned_model"]


def test_what_may_have_been_sent_is_looked_for_before_it_is_sent_again(
    open_bench, open_trainer, waits: list[float]
) -> None:
    bench = open_bench()
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
        bench.kept[:] = [one for one in bench.kept if one["token"] and not one["remote_job"]][:1]
        server.jobs.clear()
        waits.clear()
        open_trainer(server).train(bench.task)
        assert len(server.jobs) == 1
    assert sum(waits[:4]) == 20.0


def test_a_training_does_not_go_on_at_another_service(open_bench, open_trainer) -> None:
    bench = open_bench()
    with FakeTraining() as server:
        open_trainer(server).train(bench.task)
    with FakeTraining() as other:
        with pytest.raises(InputError, match="set the address back"):
            open_trainer(other).train(bench.task)
        assert not other.requests


def test_a_service_that_is_none_is_named(open_bench, open_trainer) -> None:
    with FakeTraining(lacks=["/files"]) as server:
        trainer = open_trainer(server)
        with pytest.raises(ProviderError, match="correct LUCY_BASE_URL"):
            trainer.train(open_bench().task)


def test_between_two_creations_the_job_is_always_looked_for(open_bench, open_trainer) -> None:
    faults = [""] * 5 + ["server_error", "", "", "", "rate_limited", "", "", "", "dropped"]
    with FakeTraining(faults=faults) as server:
        trainer = open_trainer(server)
        # The official client tries twice more by itself, unless it is told not to.
        own = OpenAI(base_url=server.url, api_key="key")
        replace(trainer, client=Client(given=own)).train(open_bench().task)
        own.close()
        asked = [one for one in server.requests if one.endswith("/fine_tuning/jobs")]
    creations = [number for number, one in enumerate(asked) if one.startswith("POST")]
    assert len(creations) == 4
    assert all(later - sooner > 1 for sooner, later in pairwise(creations))


@pytest.mark.parametrize("method", ["rft", "sft"])
def test_the_body_is_what_the_official_client_declares(open_bench, open_trainer, method: str) -> None:
    with FakeTraining() as server:
        open_trainer(server).train(open_bench(method=method, parameters={"batch_size": 4}).task)
        (body,) = server.bodies
    declared = create_model("Body", __config__=ConfigDict(extra="forbid"), value=(JobCreateParams, ...))
    assert declared.model_validate({"value": body}).model_dump()["value"]["method"]["type"]


def test_a_rubric_is_sent_as_a_score_model_with_the_right_answer(open_bench, open_trainer) -> None:
    criterion = Criterion(
        id="right", name="Right", description="Right sum.", weight=1.0, measure="correctness"
    )
    bench = open_bench(grader=RubricGrader(name="rubric", criteria=(criterion,)))
    with FakeTraining() as server:
        open_trainer(server, judge_model="gpt-4.1-mini").train(bench.task)
        grader = server.bodies[0]["method"]["reinforcement"]["grader"]
    assert (grader["type"], grader["model"]) == ("score_model", "gpt-4.1-mini")
    assert "{{item.reference_answer}}" in grader["input"][0]["content"]


@pytest.mark.parametrize("kept", [{"step": 3}, "text", [1]])
def test_a_checkpoint_of_another_trainer_is_refused(open_bench, open_trainer, kept: object) -> None:
    bench = open_bench()
    bench.kept.append(kept)
    with pytest.raises(InputError, match="not of a hosted training"):
        open_trainer("http://127.0.0.1:9/v1").train(bench.task)


def test_what_is_left_to_the_service_is_not_sent(open_bench, open_trainer) -> None:
    with FakeTraining() as server:
        open_trainer(server).train(open_bench().task)
        (body,) = server.bodies
    assert body["method"]["reinforcement"]["hyperparameters"] == {"n_epochs": 2}


def test_a_supervised_training_sends_its_held_out_records_as_validation_file(
    open_bench, open_trainer
) -> None:
    with FakeTraining() as server:
        open_trainer(server).train(open_bench(method="sft").task)
        (body,) = server.bodies
        rows = read_lines(server, "validation")
        assert server.files[body["validation_file"]]["purpose"] == "fine-tune"
    assert [row["messages"][-1]["role"] for row in rows] == ["assistant"] * 4


def test_a_service_behind_a_path_of_its_own_is_reached(open_bench, open_trainer) -> None:
    with FakeTraining(prefix="/openai/v1", models=["o4-mini-2025-04-16"]) as server:
        trained = open_trainer(server).train(open_bench().task)
        trained.policy.sample_many(open_bench().task.heldout, 1, seed=0)
        assert len(server.chats) == 4
        assert {one.split()[1][:11] for one in server.requests} == {"/openai/v1/"}


def test_a_client_of_azure_keeps_its_version_and_key(open_bench, open_trainer) -> None:
    with FakeTraining(prefix="/openai", models=["o4-mini-2025-04-16"]) as server:
        address = server.url.removesuffix("/openai")
        own = AzureOpenAI(azure_endpoint=address, api_key="azure-key", api_version="2025-04-01-preview")
        replace(open_trainer(server), client=Client(given=own)).train(open_bench().task)
        own.close()
        assert len(server.jobs) == 1
        assert {one["api-version"] for one in server.queries} == {"2025-04-01-preview"}
        assert {one["api-key"] for one in server.headers} == {"azure-key"}
