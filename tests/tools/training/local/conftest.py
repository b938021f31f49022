"""A tiny model made on the spot, and tasks to train it with; nothing is downloaded."""

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lucy.tools.graders.config import PythonGrader
from lucy.tools.training.trainer import Parameters, Task
from lucy.tools.vocabulary import Grade, Record

HERE = Path(__file__).parent
SOURCE = """
def grade(sample, item):
    text = sample["output_text"]
    return sum(letter in "abcdefghijklmnopqrstuvwxyz" for letter in text) / max(1, len(text))
"""
"""The share of small letters: about a tenth for a model that knows nothing."""
CHAT_TEMPLATE = (
    "{% for tool in tools or [] %}<tool>{{ tool | tojson }}</tool>{% endfor %}"
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}"
    "{% for call in message.tool_calls or [] %}"
    "<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}"
    "{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
"""A template that knows tools, calls written as Qwen and Hermes do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = find_spec("torch") is None or find_spec("trl") is None
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.local)
            # Said by transformers to TRL, not to us.
            item.add_marker(pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"))
            if missing:
                item.add_marker(pytest.mark.skip("torch and trl are not installed: pip install '.[local]'"))


def make_tokenizer(template: str | None = None, *, adds_start: bool = False) -> Any:
    """A tokenizer that knows the 256 bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary[letter] = len(vocabulary)
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    if adds_start:
        core.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )
    tokenizer.chat_template = template
    return tokenizer


def make_model(folder: Path, tokenizer: Any, *, window: int = 512, **settings: Any) -> Path:
    """A Llama of some twenty thousand random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=window,
        pad_token_id=0, eos_token_id=1, bos_token_id=2, **settings,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


@pytest.fixture
def make_base(tmp_path: Path) -> Callable[..., Path]:
    """Makes one more base model: by template, tokenizer and settings of the Llama."""

    def make(
        name: str = "other", template: str | None = None, *, adds_start: bool = False, **settings: Any
    ) -> Path:
        return make_model(tmp_path / name, make_tokenizer(template, adds_start=adds_start), **settings)

    return make


@pytest.fixture
def chat_template() -> str:
    """A template that knows tools."""
    return CHAT_TEMPLATE


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model without a chat template."""
    return make_model(tmp_path_factory.mktemp("base"), make_tokenizer())


@pytest.fixture(scope="session")
def tool_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model whose chat template knows tools."""
    return make_model(tmp_path_factory.mktemp("tool-base"), make_tokenizer(CHAT_TEMPLATE))


@pytest.fixture
def grader() -> PythonGrader:
    return PythonGrader(name="letters", source=SOURCE)


@pytest.fixture
def records() -> list[Record]:
    return _make_records(24)


@pytest.fixture
def many_records() -> list[Record]:
    """Enough that some are set aside."""
    return _make_records(40)


def _make_records(count: int) -> list[Record]:
    return [
        Record(
            f"r{number}",
            ({"role": "user", "content": f"say {number}"},),
            ({"role": "assistant", "content": f"it is {number}"},),
            family=f"r{number}",
        )
        for number in range(count)
    ]


def score_letters(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
    """What the grader does, in this process."""
    return [Grade(sum(letter.islower() for letter in text) / max(1, len(text))) for _, text in pairs]


@pytest.fixture
def make_task(base: Path, grader: PythonGrader, records: list[Record], tmp_path: Path) -> Callable[..., Task]:
    """Makes a task; what it keeps is written to `kept.json` in its folder."""

    def make(**changes: Any) -> Task:
        folder = changes.pop("folder", tmp_path / "job")
        folder.mkdir(exist_ok=True)
        given: dict[str, Any] = {
            "job_id": "job-1", "workflow_id": "w-1", "name": "Letters", "method": "rft",
            "base_model": str(base), "training": records, "heldout": (), "grader": grader,
            "score_many": score_letters, "parameters": Parameters(epochs=1, learning_rate=1e-2),
            "folder": folder, "checkpoint": read_kept(folder),
            "keep": lambda state: (folder / "kept.json").write_text(json.dumps(state)),
            "progress": lambda label, done, total: None,
        }  # fmt: skip
        return Task(**(given | changes))

    return make


def read_kept(folder: Path) -> Any:
    path = folder / "kept.json"
    return json.loads(path.read_text()) if path.exists() else None
