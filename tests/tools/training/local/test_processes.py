import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, os, sys
from pathlib import Path
from lucy.tools.graders.config import PythonGrader
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Parameters, Task
from lucy.tools.vocabulary import Grade, Record

folder, base = Path(sys.argv[1]), sys.argv[2]
seen = []

def score(pairs):
    seen.append(len(pairs))
    return [Grade(sum(letter.islower() for letter in text) / max(1, len(text))) for _, text in pairs]

records = [Record(f"r{n}", ({"role": "user", "content": f"say {n}"},), family=f"r{n}") for n in range(16)]
grader = PythonGrader(name="x", source="def grade(sample, item): return 0")
parameters = Parameters(epochs=1, group_size=4, batch_size=8, learning_rate=1e-2)
keep = lambda state: (folder / "kept.json").write_text(json.dumps(state))
trained = LocalTrainer(LocalOptions(longest=8)).train(Task(
    "job-1", "w-1", "Letters", "rft", base, records, (), grader, score, parameters, folder, None, keep,
    lambda *report: None,
))
history = [one["mean_reward"] for one in trained.history]
result = folder / f"result-{os.environ['RANK']}.json"
result.write_text(json.dumps([seen, history, trained.policy.sha]))
"""


def test_two_processes_share_each_step_and_make_one_model(base: Path, tmp_path: Path):
    """As `accelerate launch` starts them on several GPUs, here on the processor."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path), str(base)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Each in a file of its own: lines of two processes on one output run into each other.
    (seen, history, sha), other = (
        json.loads((tmp_path / f"result-{rank}.json").read_text(encoding="utf-8")) for rank in range(2)
    )
    assert seen == [16, 16]
    assert other == [seen, history, sha]
    assert len(history) == 2
