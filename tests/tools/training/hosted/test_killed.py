"""A training is submitted exactly once, although its process is killed at every point."""

import subprocess
import sys
from pathlib import Path

from fake_training import FakeTraining, succeed

SCRIPT = Path(__file__).with_name("killed_training.py")


def test_killed_at_every_point_there_is_one_job_and_one_pair_of_files(tmp_path: Path) -> None:
    with FakeTraining(succeed(1)[2:]) as server:
        command = [sys.executable, "-W", "error", str(SCRIPT), server.url, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        points = int(done.stdout)
        assert points > 30
        for number in range(1, points + 1):
            name = f"job-{number}"
            jobs = [one for one in server.jobs.values() if one["metadata"]["lucy_job"] == name]
            files = {one["id"] for one in server.files.values() if one["filename"].startswith(f"{name}-")}
            assert len(jobs) == 1
            assert jobs[0]["status"] == "succeeded"
            assert {jobs[0]["training_file"], jobs[0]["validation_file"]} == files
