"""Hold how a training is planned: what is shown is what will be used, and nothing is worked out twice."""

import pytest
from tests_support import approve, go_to, talk

from lucy.graph.runs import Runs
from lucy.nodes import training_plan
from lucy.tools.store.activity import list_jobs


def test_the_records_are_divided_again_only_when_the_split_changes(
    runs: Runs, workflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    divided: list[float] = []
    whole = training_plan.split_records

    def count(*given, **named):
        divided.append(named["train_share"])
        return whole(*given, **named)

    monkeypatch.setattr(training_plan, "split_records", count)
    go_to(runs, workflow, "training")
    talk(runs, workflow, "3 epochs")
    assert divided == [0.9]
    talk(runs, workflow, "split 0.8")
    assert divided == [0.9, 0.8]
    asked = runs.read_state(workflow)["pending"]["question"]
    approve(runs, workflow)
    assert divided == [0.9, 0.8]
    (job,) = list_jobs(runs.bench.store)
    assert job.result is not None
    used = job.result["split"]
    assert f"{len(used['train'])} for training, {len(used['heldout'])} held out" in asked
