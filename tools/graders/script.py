"""Check the source of a Python script grader without running it."""

import ast
import warnings
from typing import TypeGuard

from lucy.errors import InputError

MAX_SOURCE_BYTES = 256_000
"""OpenAI's limit for a Python grader's source, exclusive."""

_STATELESS_MODULES = frozenset(
    (
        "__future__",
        "ast",
        "base64",
        "bisect",
        "collections",
        "copy",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "html",
        "itertools",
        "json",
        "jsonschema",
        "math",
        "numbers",
        "numpy",
        "operator",
        "rapidfuzz",
        "re",
        "rouge_score",
        "statistics",
        "string",
        "textwrap",
        "time",
        "typing",
        "unicodedata",
    )
)
"""Modules with nothing in them that one evaluation could change for the next, but for `_REACHING_NAMES`."""
_REACHING_NAMES = frozenset(
    (
        "__builtins__",
        "__import__",
        "attrgetter",
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "get_type_hints",
        "globals",
        "input",
        "locals",
        "make_dataclass",
        "methodcaller",
        "open",
        "random",
        "set_printoptions",
        "setattr",
        "seterr",
        "vars",
    )
)
"""What runs text as code, reaches attributes by text, or changes what is kept for the whole process."""
_HARMLESS_ATTRIBUTES = frozenset(("__init__", "__name__", "__post_init__", "__qualname__", "compile"))
_GETATTR = "getattr"


def check_script(source: str) -> None:
    """Check that a script compiles and defines `grade(sample, item)`; nothing of it is run.

    Raises:
        InputError: names the line and the reason.
    """
    size = len(source.encode("utf-8", "surrogatepass"))
    if size >= MAX_SOURCE_BYTES:
        raise InputError(f"The script is {size} bytes long; shorten it to fewer than {MAX_SOURCE_BYTES}.")
    tree = _parse(source)
    grade = _find_grade(tree)
    if grade is None:
        raise InputError("The script defines no `grade(sample, item)`; add that function at the top level.")
    if isinstance(grade, ast.AsyncFunctionDef):
        raise InputError(f"Line {grade.lineno}: `grade` is asynchronous; write `def grade(sample, item)`.")
    if isinstance(grade, ast.FunctionDef) and not _takes_two(grade.args):
        raise InputError(
            f"Line {grade.lineno}: `grade` does not take two arguments; write `def grade(sample, item)`."
        )


def is_self_contained(source: str) -> bool:
    """Tell whether the source visibly changes nothing outside its own namespace, and runs no text as code.

    Such a script may be graded many times in one process. It is a heuristic against accidents, such as a
    changed `builtins`, and against responses that a script evaluates: it does not hold against a script that
    hides what it does.
    """
    names = {part for name in find_modules(source) for part in name.split(".")[1:]}
    if not _STATELESS_MODULES.issuperset(find_imports(source)) or any(_is_reaching(name) for name in names):
        return False
    tree = _parse(source)
    harmless = {id(node.func) for node in ast.walk(tree) if _names_its_attribute(node)}
    return not any(_reaches_out(node) for node in ast.walk(tree) if id(node) not in harmless)


def find_imports(source: str, *, required: bool = False) -> tuple[str, ...]:
    """List the top-level modules that a script imports, sorted; only those outside `try` if required."""
    return tuple(sorted({name.split(".")[0] for name in find_modules(source, required=required)}))


def find_modules(source: str, *, required: bool = False) -> tuple[str, ...]:
    """List what a script imports, by full names, as `find_imports` does.

    Of `from a import b` it is `a` and `a.b`: whether that is a module is seen only when it is imported.
    """
    found: set[str] = set()
    pending: list[ast.AST] = [_parse(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
        if not (required and isinstance(node, ast.Try)):
            pending.extend(ast.iter_child_nodes(node))
    return tuple(sorted(found))


def _parse(source: str) -> ast.Module:
    """Parse and compile; the compiler finds what the parser alone does not (`return` outside a function)."""
    try:
        with warnings.catch_warnings():
            # The compiler warns of such things as "\d" in a plain string; that is no fault of the script.
            warnings.simplefilter("ignore")
            tree = ast.parse(source, "grader.py")
            compile(tree, "grader.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise InputError(
            f"The script does not compile, line {error.lineno}: {error.msg}; correct it."
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) or "it is nested too deeply"
        raise InputError(f"The script does not compile, line 1: {reason}; simplify it.") from error
    return tree


def _find_grade(tree: ast.Module) -> ast.AST | None:
    """Find what binds `grade` at the top level, also inside `if` or `try` there; the last one counts."""
    found: ast.AST | None = None
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if _binds_grade(node):
            found = node
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            pending.extend(reversed(list(ast.iter_child_nodes(node))))
        elif isinstance(node, ast.ExceptHandler):
            pending.extend(reversed(node.body))
    return found


def _binds_grade(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == "grade"
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "grade" for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id == "grade" and node.value is not None
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name) == "grade" for alias in node.names)
    return False


def _takes_two(args: ast.arguments) -> bool:
    positional = len(args.posonlyargs) + len(args.args)
    needed = positional - len(args.defaults)
    forced = any(default is None for default in args.kw_defaults)
    return needed <= 2 and (positional >= 2 or args.vararg is not None) and not forced


def _names_its_attribute(node: ast.AST) -> TypeGuard[ast.Call]:
    """Tell whether this is `getattr` with a name that can be read here."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _GETATTR):
        return False
    name = node.args[1] if len(node.args) > 1 else None
    return isinstance(name, ast.Constant) and not str(name.value).startswith("_")


def _reaches_out(node: ast.AST) -> bool:
    """Tell whether a piece of syntax can touch something outside the script's namespace."""
    if isinstance(node, ast.Name):
        return node.id in _REACHING_NAMES or node.id == _GETATTR
    if isinstance(node, ast.Attribute):
        stored = not isinstance(node.ctx, ast.Load)
        own = isinstance(node.value, ast.Name) and node.value.id == "self"
        if own and not node.attr.startswith("__"):
            return False
        return stored or (_is_reaching(node.attr) and node.attr not in _HARMLESS_ATTRIBUTES)
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load) and not isinstance(node.value, ast.Name | ast.Subscript)
    return False


def _is_reaching(name: str) -> bool:
    return name.startswith("_") or name in _REACHING_NAMES
