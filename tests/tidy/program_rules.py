"""The test programs: which test file is in which, and which of them ThreadSanitizer runs."""

import ast
import fnmatch
import re
from dataclasses import dataclass, field

from source_tree import Violation, find_lines, in_rooms

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)
_TEST = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
# What a file that runs threads, or a gateway, has to include. The first two are looked for in the
# rooms' headers as well; those include <thread> for a thread's name.
_RUNS_THREADS = ("gateway/server/worker.h", "gateway/server/log_writer.h",
                  "gateway/server/span_exporter.h")
_RUNS_THREADS_ITSELF = ("thread", "pool/net/mailbox.h", "gateway/server/server.h",
                        "gateway/auth/password_checker.h", "tests/support/gateway_process.h")
# Its partner is a program that other people wrote; what it reaches in the gateway others do, too.
_REAL = re.compile(r"tests/integration/real_\w+\.cc")


@dataclass
class Program:
    """A test target: where it stands, the test files in it, and its tags."""

    line: int
    files: set
    tags: set = field(default_factory=set)


def test_programs(tree):
    """A test file is in one program, in one that ThreadSanitizer runs if it runs threads."""
    for path in tree.paths:
        if path.endswith("/BUILD.bazel") and in_rooms(path, ("tests",)):
            folder = path.rpartition("/")[0]
            files = {p[len(folder) + 1:] for p in tree.cpp(folder) if p.endswith("_test.cc")
                     and "/" not in p[len(folder) + 1:]}
            yield from _check_folder(tree, path, folder, files)
            yield from _check_names(tree, folder, files)


def _check_names(tree, folder, files):
    """Two files of a program may not have a test of the same name."""
    homes = {}
    for name in sorted(files):
        source = "%s/%s" % (folder, name)
        for line, match in find_lines(tree.code(source), _TEST):
            home = homes.setdefault(match.groups(), source)
            if home != source:
                yield Violation(source, line, "%s.%s is in %s, too" % (*match.groups(), home))


def _check_folder(tree, path, folder, files):
    try:
        programs = read_programs(tree.text(path) or "", files)
    except SyntaxError:
        return  # build_files reports it
    for name in sorted(files):
        source = "%s/%s" % (folder, name)
        homes = [program for program in programs if name in program.files]
        if not homes:
            yield Violation(source, 1, "is in no test program of %s that names its files "
                            "plainly or by room_tests" % path)
        elif len({program.line for program in homes}) > 1:
            yield Violation(source, 1, "is in two programs of %s, lines %s" % (
                path, " and ".join(str(program.line) for program in homes)))
        elif all("notsan" in program.tags for program in homes) and not _REAL.fullmatch(source):
            reason = _thread_header(tree, source)
            if reason:
                yield Violation(source, 1, "runs threads (%s), but ThreadSanitizer does not run "
                                "its program, %s:%d" % (reason, path, homes[0].line))


def _thread_header(tree, path, seen=None):
    """The include by which a file runs threads, or None."""
    seen = set() if seen is None else seen
    ours = in_rooms(path, ("tests",))
    for _, match in find_lines(tree.text(path) or "", _INCLUDE):
        header = match.group(1)
        if header in _RUNS_THREADS or (ours and header in _RUNS_THREADS_ITSELF):
            return header
        if header in tree.path_set and header not in seen:
            seen.add(header)
            found = _thread_header(tree, header, seen)
            if found:
                return found
    return None


def read_programs(text, files):
    """The test programs of a BUILD file. `files` are the test files beside it."""
    module = ast.parse(text)
    names = {node.targets[0].id: node.value for node in module.body
             if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    programs = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        arguments = {k.arg: _Value(k.value, names, files).strings() for k in node.keywords}
        if node.func.id == "room_tests":
            programs += _programs_of_room(node.lineno, arguments, files)
        elif node.func.id.endswith("_test"):
            programs.append(Program(node.lineno, set(arguments.get("srcs", ())) & files,
                                    set(arguments.get("tags", ()))))
    return programs


def _programs_of_room(line, arguments, files):
    """What tests/support/room_tests.bzl makes of its arguments."""
    threads, own = set(arguments.get("threads", ())), set(arguments.get("own", ()))
    return [Program(line, files - threads - own, {"notsan"}), Program(line, threads & files)]


class _Value:
    """As much of a BUILD file's expressions as lists of names are written with."""

    def __init__(self, node, names, files):
        self._node, self._names, self._files = node, names, files

    def strings(self):
        return list(self._strings(self._node))

    def _strings(self, node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.List):
            for element in node.elts:
                yield from self._strings(element)
        elif isinstance(node, ast.BinOp):
            yield from self._strings(node.left)
            yield from self._strings(node.right)
        elif isinstance(node, ast.Name) and node.id in self._names:
            yield from self._strings(self._names[node.id])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "glob":
            yield from self._glob(node)

    def _glob(self, node):
        exclude = [list(self._strings(k.value)) for k in node.keywords if k.arg == "exclude"]
        for name in sorted(self._files):
            if (_matches(name, self._strings(node.args[0]))
                    and not any(_matches(name, patterns) for patterns in exclude)):
                yield name


def _matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
