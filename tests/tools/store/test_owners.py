import os
import subprocess
import sys

import pytest

from lucy.tools.store.owners import name_owner, owner_lives


def name_process(pid: int) -> str:
    return f"{name_owner().rpartition(':')[0]}:{pid}"


def test_this_process_lives_and_one_on_another_host_may() -> None:
    assert owner_lives(name_owner())
    assert owner_lives(f"elsewhere.invalid:{os.getpid()}")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a zombie from a process")
def test_a_process_that_ended_is_dead_before_and_after_its_parent_noticed() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # the end of its output
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie still
    assert not owner_lives(name_process(process.pid))
    process.stdout.close()
    process.wait()
    assert not owner_lives(name_process(process.pid))
