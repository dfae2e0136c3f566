"""The files that the tidy rules look at, and the violations they report."""

import os
import re
from dataclasses import dataclass

import cpp_scan

# Folders that hold no sources of ours: outputs, caches and version control.
_SKIPPED_FOLDERS = {".git", ".cache", "__pycache__", "node_modules", "out"}
# The rooms that make up the gateway; everything else serves them.
ROOMS_OF_CODE = ("metrics", "pool", "gateway")
_CPP_SUFFIXES = (".cc", ".h")
# Inputs of the fuzzers are bytes, not text.
_CORPUS = "tests/fuzz/corpus/"


@dataclass(frozen=True)
class Violation:
    """One broken rule. `symbol` narrows an exception row to a part of the file."""

    path: str
    line: int
    message: str
    symbol: str = ""


class SourceTree:
    """A read-only view of the tree below `root`; paths are relative to it, with slashes."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(self._walk())
        self.path_set = set(self.paths)
        self._texts = {}
        self._code = {}

    def _walk(self):
        for folder, names, files in os.walk(self.root):
            names[:] = [n for n in names
                        if n not in _SKIPPED_FOLDERS and not n.startswith("bazel-")]
            # In a linked working tree .git is a file.
            for name in set(files) - _SKIPPED_FOLDERS:
                yield os.path.relpath(os.path.join(folder, name), self.root).replace(os.sep, "/")

    def exists(self, path):
        """Whether `path` is a file or a folder of the tree."""
        return path in self.path_set or os.path.exists(os.path.join(self.root, path))

    def text(self, path):
        """The file's text, or None when it is not text (or a fuzzer's input)."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def _read(self, path):
        if path.startswith(_CORPUS):
            return None
        try:
            with open(os.path.join(self.root, path), encoding="utf-8", newline="") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError):
            return None
        return None if "\0" in text else text

    def code(self, path):
        """A C++ file with its comments and literals blanked out, line for line."""
        if path not in self._code:
            self._code[path] = cpp_scan.blank_out(self.text(path) or "")
        return self._code[path]

    def cpp(self, *rooms):
        """The C++ files, all of them or those below the given folders."""
        return [p for p in self.paths if p.endswith(_CPP_SUFFIXES) and in_rooms(p, rooms)
                and self.text(p) is not None]

    def texts(self):
        """(path, lines) of every text file."""
        for path in self.paths:
            text = self.text(path)
            if text is not None:
                yield path, text.splitlines()

    def language(self, path):
        """cpp, python, shell or other: by name, or by the interpreter line."""
        if path.endswith(_CPP_SUFFIXES):
            return "cpp"
        first = (self.text(path) or "").split("\n", 1)[0]
        if path.endswith(".py") or re.match(r"#!.*\bpython", first):
            return "python"
        if path.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", first):
            return "shell"
        return "other"


def in_rooms(path, rooms):
    """Whether `path` is below one of the folders; no folder means everywhere."""
    return not rooms or any(path.startswith(room + "/") for room in rooms)


def stem(path):
    """The path without its suffix: what a header and its source file have in common."""
    return os.path.splitext(path)[0]


def find_lines(text, pattern):
    """(line number, match) of every match of a compiled pattern."""
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match
