"""Start the worker of one script grader; run by `host` as a program, isolated and on its own.

Nothing of the application is imported: the packages above this folder are stood in for by empty ones, so
that neither their code nor what they hold is in the process that a script runs in.
"""

import os
import sys
from types import ModuleType

_PACKAGES = ("lucy", "lucy.tools", "lucy.tools.graders", "lucy.tools.graders.confined")


def _stand_alone() -> None:
    for name in _PACKAGES:
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = []
    sys.modules[_PACKAGES[-1]].__path__ = [os.path.dirname(os.path.abspath(__file__))]


if __name__ == "__main__":
    _stand_alone()
    from lucy.tools.graders.confined.zygote import serve

    serve()
