from pathlib import Path

import pytest

from lucy.tools.training.local.loading import load_model, load_tokenizer
from lucy.tools.training.local.prompts import encode


@pytest.fixture
def parts(base: Path):
    return load_model(base, dtype="float32").eval(), load_tokenizer(base)


def test_prompts_of_unequal_length_do_not_disturb_each_other(parts):
    from lucy.tools.training.local.sampling import write_many

    model, tokenizer = parts
    prompts = [encode(tokenizer, text) for text in ("a", "a much longer prompt than the first", "other")]
    together = write_many(model, tokenizer, prompts, seeds=[0, 1, 2], longest=8)
    alone = [
        write_many(model, tokenizer, [prompt], seeds=[seed], longest=8)[0]
        for seed, prompt in enumerate(prompts)
    ]
    assert together == alone


def test_drawing_leaves_the_random_state_of_the_training_alone(parts):
    import torch

    from lucy.tools.training.local.sampling import write_many

    model, tokenizer = parts
    before = torch.random.get_rng_state()
    write_many(model, tokenizer, [encode(tokenizer, "a")], seeds=[0], longest=8)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_answer_ends_before_the_token_that_ends_it(parts):
    from lucy.tools.training.local.sampling import write_many

    model, tokenizer = parts
    prompts = [encode(tokenizer, "a")] * 200
    written = write_many(model, tokenizer, prompts, seeds=list(range(200)), longest=20)
    assert {one.is_whole for one in written} == {True, False}
    assert all(tokenizer.eos_token_id not in one.tokens for one in written)
    assert all(len(one.tokens) < 20 for one in written if one.is_whole)


def test_seeds_depend_on_each_of_their_parts():
    from lucy.tools.training.local.sampling import derive_seed

    seeds = {derive_seed(0, "a", 0), derive_seed(1, "a", 0), derive_seed(0, "b", 0), derive_seed(0, "a", 1)}
    assert len(seeds) == 4
    assert derive_seed(0, "a", 0) == 8514896379017575513
