"""Run one job in this process: `python -m lucy.tools.job_runner JOB`, the settings as JSON on standard input.

It outlives the application that started it and ends when the job has ended. Started twice for one job, the
second finds the lease taken and ends.
"""

import logging
import sys

from lucy.settings import read_all
from lucy.tools.jobs import run_job
from lucy.tools.workbench import Workbench


def main() -> None:
    """Run the job that the command line names."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    bench = Workbench(read_all(sys.stdin.read()))
    try:
        run_job(bench, sys.argv[1])
    finally:
        bench.close()


if __name__ == "__main__":
    main()
