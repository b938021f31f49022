"""Let a model at a service answer prompts, in a process that is killed once so many answers have come.

Arguments: the service's address, a folder, and the number of answers (0: to the end).
"""

import os
import sys
from pathlib import Path

from lucy.tools.calls.connection import Connection
from lucy.tools.calls.door import Door
from lucy.tools.store.database import Store
from lucy.tools.store.ledger import Account
from lucy.tools.training.hosted.policy import HostedPolicy
from lucy.tools.vocabulary import Record

KILLED = 9


def main(url: str, folder: str, last: str) -> None:
    """Ask for 24 answers."""

    def report(label: str, done: int, total: int) -> None:
        if int(last) and done >= int(last):
            os._exit(KILLED)

    connection = Connection("base", "LUCY_BASE_MODEL", url)
    door = Door(
        Store(Path(folder)), connection, Account("w1", "dry_run", "base_model", "base"), concurrency=2
    )
    records = [Record(f"r{number}", ({"role": "user", "content": f"say {number}"},)) for number in range(6)]
    HostedPolicy("base", url, door, progress=report).sample_many(records, 4, seed=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
