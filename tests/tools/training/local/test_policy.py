import json
import shutil
from pathlib import Path

import pytest

from lucy.errors import InputError, StoreError
from lucy.tools.training.local import loading
from lucy.tools.training.local.policy import LocalPolicy, load_policy
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.local.weights import count_parameters, find_window
from lucy.tools.vocabulary import Record

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def policy(base: Path) -> LocalPolicy:
    return LocalPolicy(base, 12)


def test_an_answer_does_not_depend_on_how_many_are_wanted(policy, records):
    wanted = records[:3]
    few, many = policy.sample_many(wanted, 3, seed=0), policy.sample_many(wanted, 11, seed=0)
    assert [answers[:3] for answers in many] == few
    assert len(many[0]) == 11


def test_an_answer_does_not_depend_on_the_other_records(policy, records):
    together = policy.sample_many(records[:4], 2, seed=0)
    assert policy.sample_many([records[2]], 2, seed=0) == [together[2]]


def test_answers_are_the_same_from_a_second_load(base: Path, policy, records):
    again = LocalPolicy(base, 12)
    assert again.sha == policy.sha
    assert again.sample_many(records[:2], 2, seed=0) == policy.sample_many(records[:2], 2, seed=0)


def test_answers_differ_by_number_seed_and_record(policy, records):
    (first, second), (other, _) = policy.sample_many(records[:2], 2, seed=0)
    assert len({first, second, other, policy.sample_many(records[:1], 1, seed=1)[0][0]}) == 4


def test_answers_come_from_the_models_own_distribution(policy, base: Path):
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = loading.load_tokenizer(base)
    prompt = Record("p", tuple(HELLO))
    one = LocalPolicy(base, 1)
    drawn = [text for block in range(50) for text in one.sample_many([prompt], 8, seed=block)[0]]
    ids = tokenizer("user: Hello\nassistant:", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(str(base))(ids).logits[0, -1]
    chances = logits.softmax(-1)
    expected = sum(float(chances[tokenizer.convert_tokens_to_ids(letter)]) for letter in "abcdefghijklm")
    share = sum(text in tuple("abcdefghijklm") for text in drawn) / len(drawn)
    # Four standard errors of a share of about 1/20 in 400 draws.
    assert abs(share - expected) < 4 * (expected * (1 - expected) / len(drawn)) ** 0.5


def test_settings_of_the_model_for_chatting_do_not_change_the_draws(base: Path, tmp_path, records):
    other = tmp_path / "other"
    shutil.copytree(base, other)
    settings = json.loads((other / "generation_config.json").read_text())
    settings |= {"repetition_penalty": 5.0, "top_k": 1, "temperature": 0.1, "do_sample": True}
    (other / "generation_config.json").write_text(json.dumps(settings))
    expected = LocalPolicy(base, 12).sample_many(records[:1], 4, seed=0)
    assert LocalPolicy(other, 12).sample_many(records[:1], 4, seed=0) == expected


def test_the_address_follows_weights_tokenizer_and_length(base: Path, tmp_path):
    shas = {LocalPolicy(base, 12).sha, LocalPolicy(base, 13).sha}
    for name in ("model.safetensors", "tokenizer.json"):
        other = tmp_path / name
        shutil.copytree(base, other)
        with (other / name).open("ab") as file:
            file.write(b" ")
        shas.add(LocalPolicy(other, 12).sha)
    assert len(shas) == 4


def test_no_answers_cannot_be_wanted(policy, records):
    with pytest.raises(InputError, match="n is 0"):
        policy.sample_many(records, 0, seed=0)


def test_a_deployed_model_answers_with_its_token_counts(base: Path):
    answer = load_policy(base).respond(HELLO, seed=1, max_tokens=5)
    assert answer.prompt_tokens == len("user: Hello\nassistant:")
    assert answer.completion_tokens == 5
    assert not answer.is_whole


def test_temperature_zero_gives_one_answer_whatever_the_seed(policy):
    answers = {policy.respond(HELLO, seed=seed, temperature=0).response for seed in range(3)}
    assert len(answers) == 1


def test_the_seed_decides_an_answer(policy):
    answers = [policy.respond(HELLO, seed=seed).response for seed in (0, 0, 1)]
    assert answers[0] == answers[1] != answers[2]


def test_a_conversation_longer_than_the_model_can_read_is_refused(policy):
    with pytest.raises(InputError, match=r"601 tokens.*at most 511"):
        policy.respond([{"role": "user", "content": "a" * (601 - len("user: \nassistant:"))}])


def test_an_answer_stops_where_the_models_window_ends(policy):
    asked = "a" * (510 - len("user: \nassistant:"))
    answer = policy.respond([{"role": "user", "content": asked}], max_tokens=50)
    assert answer.prompt_tokens + answer.completion_tokens <= 512


def test_a_folder_that_lucy_made_answers_as_long_as_it_was_trained(base: Path, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(base, folder)
    (folder / "lucy.json").write_text('{"longest": 7, "base_model": "b", "variant": "v"}')
    assert load_policy(folder).longest == 7


def test_a_card_that_is_broken_is_one_sentence(base: Path, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(base, folder)
    (folder / "lucy.json").write_text("{}")
    with pytest.raises(StoreError, match=r"lucy\.json"):
        load_policy(folder)


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be loaded"):
        load_policy(tmp_path)


def test_missing_packages_are_one_sentence(base: Path, monkeypatch):
    monkeypatch.setattr(loading, "find_missing_packages", lambda: ["torch"])
    with pytest.raises(StoreError, match="pip install 'lucy-finetune\\[local\\]'"):
        load_policy(base)


def test_the_base_model_answers_before_training(make_task, records):
    policy = LocalTrainer().open_base(make_task())
    assert policy.longest == 16
    assert len(policy.sample_many(records[:1], 2, seed=0)[0]) == 2


def test_parameters_are_counted_from_the_files(base: Path):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(base))
    assert count_parameters(base) == sum(one.numel() for one in model.parameters())


def test_the_window_is_read_from_the_config(base: Path):
    assert find_window(base) == 512
