"""Where files are: the top level, include guards, test files, and what the BUILD files list."""

import ast
import fnmatch
import re

import cpp_scan
from source_tree import ROOMS_OF_CODE, Violation, in_rooms, stem

_TOP_FOLDERS = {"gateway", "pool", "metrics", "tests", "deploy", "third_party"}
_TOP_FILES = {"BUILD.bazel", "WORKSPACE", "README.md", "LICENSE", "CONTRIBUTING.md",
              "CHANGELOG.md"}
_CPP_NAME = re.compile(r"[a-z][a-z0-9_]*\.(?:cc|h)")


def top_level(tree):
    """The top level stays as it is; C++ files are named in snake_case."""
    for path in tree.paths:
        first, _, rest = path.partition("/")
        if not first.startswith(".") and first not in (_TOP_FOLDERS if rest else _TOP_FILES):
            yield Violation(path, 1, "%s does not belong at the top level" % first)
    for name in sorted(_TOP_FILES):
        if name not in tree.path_set:
            yield Violation(name, 1, "missing from the top level")
    for path in tree.cpp():
        if not _CPP_NAME.fullmatch(path.rpartition("/")[2]):
            yield Violation(path, 1, "not snake_case")


def include_guards(tree):
    """A header's guard is its path: pool/net/clock.h has HOLDFAST_POOL_NET_CLOCK_H_."""
    for path in (p for p in tree.cpp() if p.endswith(".h")):
        guard = "HOLDFAST_%s_" % re.sub(r"[^A-Z0-9]", "_", path.upper())
        text = tree.text(path)
        code = [line for line in tree.code(path).splitlines() if line.strip()]
        expected = ["#ifndef " + guard, "#define " + guard]
        if [line.rstrip() for line in code[:2]] != expected:
            yield Violation(path, 1, "does not open with the guard " + guard)
        elif not text.rstrip().endswith("#endif  // " + guard):
            yield Violation(path, text.count("\n"), "does not end with #endif  // " + guard)


def mirrored_tests(tree):
    """Every source file has a test file, and every test file of a room a source file.

    A header of plain values or pure interfaces has no code to test.
    """
    # A source file comes before its header in the alphabet, and stands for both.
    sources = {stem(path): path for path in reversed(tree.cpp(*ROOMS_OF_CODE))}
    tests = {}
    for path in tree.cpp(*("tests/" + room for room in ROOMS_OF_CODE)):
        if path.endswith("_test.cc"):
            tests[path[len("tests/"):-len("_test.cc")]] = path
    covered = set()
    for name, path in tests.items():
        owner = _owner(name, sources)
        covered.add(owner)
        if owner is None:
            yield Violation(path, 1, "mirrors no source file")
    for source, path in sorted(sources.items()):
        if source not in covered and _has_code(tree, path):
            yield Violation(path, 1, "has no test file: tests/%s_test.cc" % source)


def _has_code(tree, path):
    try:
        return path.endswith(".cc") or bool(cpp_scan.functions(tree.code(path)))
    except cpp_scan.Unbalanced:
        return True  # function_length reports it


def _owner(name, sources):
    """The source of `room/parser_request`: itself, or else the longest prefix, `room/parser`."""
    while name not in sources:
        name, cut, _ = name.rpartition("_")
        if not cut:
            return None
    return name


def build_files(tree):
    """The BUILD files list every source file, and none that is gone."""
    for path in tree.paths:
        if path.rpartition("/")[2] == "BUILD.bazel" and tree.text(path) is not None:
            yield from _check_build_file(tree, path)
    packages = {p.rpartition("/")[0] for p in tree.paths if p.endswith("BUILD.bazel")}
    for path in tree.cpp():
        if path.rpartition("/")[0] not in packages:
            yield Violation(path, 1, "its folder has no BUILD.bazel")


def _check_build_file(tree, path):
    folder = path.rpartition("/")[0]
    prefix = folder + "/" if folder else ""
    try:
        listed, globs, computed = _listed_files(tree.text(path))
    except SyntaxError as error:
        yield Violation(path, error.lineno or 1, "does not parse")
        return
    for name, line in sorted(listed.items()):
        if prefix + name not in tree.path_set:
            yield Violation(path, line, "%s does not exist" % name)
    if computed:
        return
    for source in tree.cpp():
        if not source.startswith(prefix) or "/" in source[len(prefix):]:
            continue
        name = source[len(prefix):]
        if source.startswith("tests/") and name.endswith("_test.cc"):
            continue  # test_programs knows where those are
        if name not in listed and not any(fnmatch.fnmatch(name, glob) for glob in globs):
            yield Violation(source, 1, "listed in no target of " + path)


def _listed_files(text):
    """The C++ file names of a BUILD file -> line; its glob patterns; whether any are computed."""
    listed, globs, computed = {}, [], False
    module = ast.parse(text)
    inside = {id(child) for node in ast.walk(module) if isinstance(node, ast.BinOp)
              for child in ast.walk(node)}
    for node in ast.walk(module):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        name = node.value
        if not name.endswith((".cc", ".h")) or re.search(r"[\s/:@]", name):
            continue
        if id(node) in inside or "{" in name:
            computed = True
        elif "*" in name:
            globs.append(name)
        else:
            listed.setdefault(name, node.lineno)
    return listed, globs, computed


def test_sizes(tree):
    """A test target says how big it is, so that its time limit means something."""
    for path in tree.paths:
        if not path.endswith("BUILD.bazel") or not in_rooms(path, ("tests",)):
            continue
        try:
            module = ast.parse(tree.text(path))
        except SyntaxError:
            continue  # build_files reports it
        for node in ast.walk(module):
            if (isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("_test")
                    and not {"size", "timeout"} & {k.arg for k in node.keywords}):
                yield Violation(path, node.lineno, "a test target without a size")
