import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lucy.errors import NotFoundError, StoreError
from lucy.settings import Settings
from lucy.tools.training.local import faults, trainer
from lucy.tools.training.local.memory import Memory, find_memory
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Parameters
from lucy.tools.training.trainers import check_setup
from lucy.tools.vocabulary import Record

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def ask(text: str, **others: object) -> Record:
    return Record(text[:8], ({"role": "user", "content": text},), **others)


def find_one(task, **options: object) -> str:
    (fault,) = LocalTrainer(LocalOptions(**options)).find_faults(task)
    return fault


def test_a_task_that_fits_has_no_faults(make_task):
    assert LocalTrainer().find_faults(make_task()) == []
    assert LocalTrainer().find_faults(make_task(method="sft")) == []


def test_importing_the_trainer_imports_nothing_heavy():
    heavy = "{'torch', 'transformers', 'trl', 'peft', 'datasets', 'accelerate', 'huggingface_hub'}"
    code = f"import sys, lucy.tools.training.local.trainer; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_missing_packages_are_named_with_the_command(make_task, monkeypatch):
    monkeypatch.setattr(faults, "find_missing_packages", lambda: ["trl", "peft"])
    fault = find_one(make_task())
    assert "trl, peft are not installed" in fault
    assert "pip install 'lucy-finetune[local]'" in fault


def test_training_without_the_packages_is_refused(make_task, monkeypatch):
    monkeypatch.setattr(trainer, "find_missing_packages", lambda: ["torch"])
    with pytest.raises(StoreError, match="torch is not installed"):
        LocalTrainer().train(make_task())


@pytest.mark.parametrize(("name", "expected"), [
    ("", "needs a base model"),
    ("nobody/no-such-model", "neither a folder nor on this machine.*hf download nobody/no-such-model"),
    ("not a name!", "neither a folder nor on this machine"),
])  # fmt: skip
def test_a_base_model_that_is_not_there_is_a_fault(make_task, monkeypatch, tmp_path, name, expected):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert re.search(expected, find_one(make_task(base_model=name)))


def test_a_folder_without_a_model_is_a_fault(make_task, tmp_path: Path):
    assert "holds no model" in find_one(make_task(base_model=str(tmp_path)))


def test_a_model_of_another_kind_is_a_fault(make_task, make_base):
    base = make_base()
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"architectures": ["T5ForConditionalGeneration"]}))
    assert "expected a causal language model" in find_one(make_task(base_model=str(base)))


def test_a_model_with_code_of_its_own_is_a_fault(make_task, make_base):
    base = make_base()
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoConfig": "x.Y"}}))
    assert "brings Python code of its own" in find_one(make_task(base_model=str(base)))


def test_a_config_that_is_no_json_is_a_fault(make_task, make_base):
    base = make_base()
    (base / "config.json").write_text("{")
    assert "config.json" in find_one(make_task(base_model=str(base)))


@pytest.mark.parametrize(("size", "memory", "lora", "expected"), [
    (7 * 10**9, Memory(24 * 2**30, False), "auto", "adapter beside them takes at least 26 GiB, and the mach"),
    (7 * 10**9, Memory(24 * 2**30, True), False, "all of them takes at least 104 GiB, and the GPU has 24"),
])  # fmt: skip
def test_a_model_too_large_for_the_memory_is_a_fault(make_task, monkeypatch, size, memory, lora, expected):
    monkeypatch.setattr(faults, "count_parameters", lambda base: size)
    monkeypatch.setattr(faults, "find_memory", lambda: memory)
    fault = find_one(make_task(), lora=lora)
    assert "The base model has 7.0 billion parameters" in fault
    assert expected in fault


def test_an_adapter_on_a_gpu_needs_half_the_memory(make_task, monkeypatch):
    monkeypatch.setattr(faults, "count_parameters", lambda base: 7 * 10**9)
    monkeypatch.setattr(faults, "find_memory", lambda: Memory(24 * 2**30, True))
    assert LocalTrainer().find_faults(make_task()) == []


def test_the_machines_memory_is_found():
    assert find_memory().size > 2**30


def test_a_downloaded_model_is_found_by_its_name(make_task, base, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    revision = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--someone--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(revision)
    shutil.copytree(base, cached / "snapshots" / revision)
    assert LocalTrainer().find_faults(make_task(base_model="someone/tiny")) == []


@pytest.mark.parametrize(("parameters", "expected"), [
    ({"reasoning_effort": "high"}, "no reasoning effort"),
    ({"learning_rate": 1.5}, "learning_rate is 1.5"),
])  # fmt: skip
def test_parameters_out_of_range_are_faults(make_task, parameters, expected):
    assert expected in find_one(make_task(parameters=Parameters(**parameters)))


def test_no_records_are_a_fault(make_task):
    assert "no records to train on" in find_one(make_task(training=()))


def test_records_without_replies_are_a_fault_for_supervised_training_only(make_task, records):
    task = make_task(training=[*records, ask("no reply")])
    assert LocalTrainer().find_faults(task) == []
    fault = find_one(make_task(training=[*records, ask("no reply")], method="sft"))
    assert "1 of 25 records have no recorded reply to learn from, such as 'no reply'" in fault


def test_prompts_too_long_for_the_model_are_a_fault(make_task, records):
    long = Record("long", ({"role": "user", "content": "a" * 600},))
    fault = find_one(make_task(training=records, heldout=[long]))
    assert "1 of 25 records are too long, such as 'long'" in fault
    assert "512 tokens" in fault


def test_replies_too_long_for_the_model_are_a_fault(make_task, records):
    long = ask("x", reply=({"role": "assistant", "content": "a" * 600},))
    (fault,) = LocalTrainer(LocalOptions(longest=16)).find_faults(
        make_task(training=[*records, long], method="sft")
    )
    assert "1 of 25 records have prompt and reply of more than" in fault


def test_a_template_that_refuses_a_record_is_a_fault(make_task, make_base, records):
    template = (
        "{% if messages | length > 1 %}{{ raise_exception('Only one.') }}{% endif %}{{ messages[0].content }}"
    )
    two = Record("two", ({"role": "system", "content": "a"}, {"role": "user", "content": "b"}))
    base = make_base(template=template)
    task = make_task(base_model=str(base), training=[ask("a"), two])
    fault = find_one(task)
    assert "1 of 2 records cannot be written for this model, such as 'two'" in fault
    assert "Only one." in fault


def test_replies_that_cannot_be_written_matter_for_supervised_training_only(make_task, make_base):
    template = (
        "{% for m in messages %}{% if m.role == 'assistant' %}{{ raise_exception('No replies.') }}{% endif %}"
        "{{ m.content }}{% endfor %}"
    )
    base = str(make_base(template=template))
    training = [ask("a", reply=({"role": "assistant", "content": "b"},))]
    assert LocalTrainer().find_faults(make_task(base_model=base, training=training)) == []
    assert "No replies." in find_one(make_task(base_model=base, training=training, method="sft"))


def test_tools_that_the_template_does_not_show_are_a_fault(make_task):
    assert "does not show them" in find_one(make_task(training=[ask("a", tools=(TOOL,))]))


def test_tools_that_the_template_shows_are_taken(make_task, tool_base):
    task = make_task(base_model=str(tool_base), training=[ask("a", tools=(TOOL,))])
    assert LocalTrainer().find_faults(task) == []


def test_calls_that_cannot_be_read_are_a_fault(make_task, make_base, chat_template):
    base = make_base(template=chat_template.replace("tool_call>", "function>"))
    task = make_task(base_model=str(base), training=[ask("a", tools=(TOOL,))])
    assert "in a form that cannot be read here" in find_one(task)


def test_a_tokenizer_without_an_end_is_a_fault(make_task, make_base):
    base = make_base()
    path = base / "tokenizer_config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "eos_token"}))
    assert "no token that ends a text" in find_one(make_task(base_model=str(base)))


def test_a_base_model_that_is_not_here_is_said_before_there_are_records() -> None:
    with pytest.raises(NotFoundError, match="set LUCY_BASE_MODEL to a folder"):
        check_setup(Settings(trainer="trl", base_model="./none"))
