"""How long a file, a function and a line may be; how C++ and shell are written."""

import ast
import re
import shutil
import subprocess

import cpp_scan
from source_tree import Violation

MAX_FILE_LINES = 700
MAX_FUNCTION_LINES = 70
MAX_LINE_COLUMNS = 100
# Where a broken invariant could hand one client's bytes to another.
DENSELY_CHECKED = "pool"
MIN_CHECKS_PER_100_LINES = 2

# Written by others or by a machine, or made of lines that cannot be broken.
_NOT_OURS = ("LICENSE",)
_LONG_BY_NATURE = (".json", ".svg")
_CHECK = re.compile(r"\b(?:HOLDFAST_CHECK|AssertInLoop|AssertThread)\s*\(")
_SHELL_FUNCTION = re.compile(r"^(\s*)(?:function\s+)?([\w:.-]+)\s*\(\)\s*[({]\s*(?:#.*)?$")


def file_length(tree):
    """A file has at most 700 lines: a longer one has two subjects."""
    for path, lines in tree.texts():
        if len(lines) > MAX_FILE_LINES and path not in _NOT_OURS:
            yield Violation(path, len(lines), "%d lines; at most %d" % (len(lines), MAX_FILE_LINES))


def line_length(tree):
    """A line has at most 100 columns; Markdown tables and addresses cannot be wrapped."""
    for path, lines in tree.texts():
        if path in _NOT_OURS or path.endswith(_LONG_BY_NATURE):
            continue
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_LINE_COLUMNS and not _cannot_wrap(path, line):
                yield Violation(path, number, "%d columns; at most %d"
                                % (len(line), MAX_LINE_COLUMNS))


def _cannot_wrap(path, line):
    if path.endswith(".md") and line.lstrip().startswith("|"):
        return True
    return any("://" in word and len(word) > MAX_LINE_COLUMNS // 2 for word in line.split())


def function_length(tree):
    """A function has at most 70 lines, from its declaration to its last brace."""
    measure = {"cpp": _cpp_functions, "python": _python_functions, "shell": _shell_functions}
    for path in tree.paths:
        language = tree.language(path)
        if language not in measure or tree.text(path) is None:
            continue
        try:
            found = list(measure[language](tree, path))
        except cpp_scan.Unbalanced as error:
            yield Violation(path, error.args[0], "braces do not match: cannot measure")
            continue
        except SyntaxError as error:
            yield Violation(path, error.lineno or 1, "does not parse: cannot measure")
            continue
        for function in found:
            if function.length > MAX_FUNCTION_LINES:
                yield Violation(path, function.first, "%s has %d lines; at most %d"
                                % (function.name, function.length, MAX_FUNCTION_LINES),
                                function.name)


def _cpp_functions(tree, path):
    return cpp_scan.functions(tree.code(path))


def _python_functions(tree, path):
    for node in ast.walk(ast.parse(tree.text(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield cpp_scan.Function(node.name, node.lineno, node.end_lineno)


def _shell_functions(tree, path):
    """From `name() {` to the brace that closes it at the same indent."""
    lines = tree.text(path).splitlines()
    for number, line in enumerate(lines, 1):
        match = _SHELL_FUNCTION.match(line)
        if not match:
            continue
        closing = re.compile("%s[)}]" % re.escape(match.group(1)))
        last = next((n for n in range(number, len(lines)) if closing.match(lines[n])), None)
        if last is None:
            raise cpp_scan.Unbalanced(number)
        yield cpp_scan.Function(match.group(2), number, last + 1)


def check_density(tree):
    """The pool itself asserts: at least 2 checks per 100 lines of code, over its files together."""
    sizes = {}
    for path in tree.cpp(DENSELY_CHECKED):
        if path.count("/") == 1:
            code = tree.code(path)
            lines = sum(1 for line in code.splitlines() if line.strip())
            sizes[path] = (lines, len(_CHECK.findall(code)))
    lines = sum(size[0] for size in sizes.values())
    checks = sum(size[1] for size in sizes.values())
    if checks * 100 < lines * MIN_CHECKS_PER_100_LINES:
        barest = max(sizes, key=lambda path: sizes[path][0] * MIN_CHECKS_PER_100_LINES
                     - sizes[path][1] * 100)
        yield Violation(barest, 1, "%d checks in %d lines of %s/; at least %d per 100, and this "
                        "file lacks most" % (checks, lines, DENSELY_CHECKED,
                                             MIN_CHECKS_PER_100_LINES))


def formatted(tree):
    """C++ is as clang-format leaves it (.clang-format: Google style at 100 columns)."""
    paths = tree.cpp()
    if not paths:
        return
    program = shutil.which("clang-format")
    if program is None:
        yield Violation(".clang-format", 1, "clang-format is missing: cannot check the format")
        return
    result = subprocess.run([program, "--dry-run", "--style=file", *paths], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    first = {}
    for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error):", result.stderr, re.MULTILINE):
        first.setdefault(match.group(1), int(match.group(2)))
    for path, line in sorted(first.items()):
        yield Violation(path, line, "not formatted: run clang-format -i " + path)
    if result.returncode and not first:
        yield Violation(".clang-format", 1, "clang-format failed: " + result.stderr.strip())


def shell(tree):
    """Shell scripts pass shellcheck."""
    paths = [p for p in tree.paths if tree.language(p) == "shell"]
    if not paths:
        return
    program = shutil.which("shellcheck")
    if program is None:
        yield Violation(paths[0], 1, "shellcheck is missing: cannot check the shell scripts")
        return
    result = subprocess.run([program, "--external-sources", "--source-path=SCRIPTDIR",
                             "--severity=warning", "--format=gcc", *paths], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    found = re.findall(r"^(.+?):(\d+):\d+: (.*)$", result.stdout, re.MULTILINE)
    for path, line, message in found:
        yield Violation(path, int(line), message)
    if result.returncode and not found:
        yield Violation(paths[0], 1, "shellcheck failed: " + result.stderr.strip())
