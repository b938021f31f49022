"""A service that refuses is quoted, with what to do, in one sentence and without the key."""

import pytest
from fake_training import FakeTraining

from lucy.errors import InputError, ProviderError
from lucy.tools.training.hosted.client import Client
from lucy.tools.training.hosted.remains import read_remains

KEY = "sk-very-secret-0123456789"


def refuse(status: int, message: str, code: str) -> tuple[int, dict]:
    return status, {"error": {"message": message, "type": "error", "param": None, "code": code}}


def read_refusal(open_bench, open_trainer, server: FakeTraining) -> str:
    trainer = open_trainer(server)
    with pytest.raises(ProviderError) as raised:
        trainer.train(open_bench().task)
    return str(raised.value)


def test_a_wrong_key_is_named_as_such(open_bench, open_trainer) -> None:
    with FakeTraining(key="right") as server:
        trainer = open_trainer(server)
        with pytest.raises(InputError) as raised:
            trainer.train(open_bench().task)
        assert not server.requests
    said = str(raised.value)
    assert "401: Incorrect API key provided" in said
    assert said.endswith("expected a key that the service accepts; correct LUCY_API_KEY.")
    assert KEY not in said


@pytest.mark.parametrize(
    ("refusal", "reason", "remedy"),
    [
        (
            refuse(403, "Fine-tuning is not available to your organization", "forbidden"),
            "403: Fine-tuning is not available to your organization",
            "give it that right in the provider's console, or set LUCY_BASE_URL",
        ),
        (
            refuse(404, "The model `o9` does not exist", "model_not_found"),
            "The model `o9` does not exist",
            "expected a base model that it can fine-tune; choose another",
        ),
        (
            refuse(400, "Model o4-mini is not available for fine-tuning", "model_not_available"),
            "is not available for fine-tuning",
            "choose another, or ask for access",
        ),
        (
            refuse(403, "Project `p` does not have access to model `o4-mini`", "model_not_found"),
            "does not have access to model",
            "choose another, or ask for access",
        ),
        (
            refuse(429, "You exceeded your current quota", "insufficient_quota"),
            "429: You exceeded your current quota",
            "add credit with the provider",
        ),
        (
            refuse(400, "Invalid grader: unknown variable item.x", "invalid_grader"),
            "Invalid grader: unknown variable item.x",
            "correct what it names",
        ),
    ],
)
def test_a_refused_job_gives_reason_and_remedy(
    open_bench, open_trainer, refusal: tuple[int, dict], reason: str, remedy: str
) -> None:
    with FakeTraining(refusal=refusal) as server:
        said = read_refusal(open_bench, open_trainer, server)
        assert server.count("POST", "/jobs") == 1
    assert said.startswith(f"The service at 127.0.0.1:{server.url.split(':')[2][:-3]} did not create the")
    assert reason in said
    assert remedy in said


@pytest.mark.parametrize(("status", "may_run"), [(403, False), (404, False), (400, False), (409, True)])
def test_after_a_definite_refusal_nothing_may_run_there(
    open_bench, open_trainer, status: int, may_run: bool
) -> None:
    bench = open_bench()
    with FakeTraining(refusal=refuse(status, "No.", "no")) as server:
        with pytest.raises(ProviderError):
            open_trainer(server).train(bench.task)
        assert not server.jobs
    remains = read_remains(bench.kept[-1])
    assert remains is not None
    assert remains.may_run == may_run


def test_an_address_where_nothing_listens_is_named(open_bench, open_trainer, waits: list[float]) -> None:
    trainer = open_trainer("http://127.0.0.1:9/v1")
    with pytest.raises(ProviderError, match="start the service or correct LUCY_BASE_URL"):
        trainer.train(open_bench().task)
    assert sum(waits) < 5


def test_openais_own_service_without_a_key_is_refused_here() -> None:
    with pytest.raises(ProviderError, match="needs a key and none is set; set LUCY_API_KEY"):
        Client().open()
