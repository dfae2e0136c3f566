"""What comments name must exist: a comment that outlives its subject misleads."""

import re

from source_tree import ROOMS_OF_CODE, Violation

_COMMENT = re.compile(r"//(.*)")
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
# Code that a comment shows as an example is set off by more than one blank.
_EXAMPLE = re.compile(r"\s{2}")
# What can only be a name of the code: kConstant, CamelCase, member_, Call() and Owner::Part. A name
# of the library follows std::, absl:: or a single lower-case word and `::`.
_NAME = re.compile(r"(?<![\w:.<-])(?:"
                   r"k[A-Z]\w*"
                   r"|(?:[A-Z]\w*::)+~?\w+"
                   r"|[A-Z][a-z]+(?:[A-Z][a-z]+)+"
                   r"|[a-z]\w*_(?![\w*])"
                   r"|[A-Z]\w*(?=\(\))"
                   r")(?![\w:])")
# Names of the world, not of the code.
_WORLD = {"WebSocket", "GitHub"}
_FILE = re.compile(r"(?<![\w/.-])((?:\w+/)*\w+\.(?:cc|h))(?!\w|\.\w)")
_WORD = re.compile(r"\w+")
_INCLUDED = re.compile(r"#\s*include\s*[<\"]([^>\"]+)")


def comment_names(tree):
    """A name of code, and a file, that a comment of the rooms names exists."""
    words, files = set(_WORLD), set()
    for path in tree.cpp():
        text = tree.text(path)
        words.update(_WORD.findall(_COMMENT.sub("", _STRING.sub(_kept, text))))
        files.update(_INCLUDED.findall(text))
        files.add(path)
    ends = {file[at:] for file in files for at in _starts(file)}
    for path in tree.cpp(*ROOMS_OF_CODE):
        for line, text in _comments(tree.text(path)):
            for match in _NAME.finditer(text):
                missing = [word for word in _WORD.findall(match.group(0)) if word not in words]
                if missing:
                    yield Violation(path, line, "nothing is called " + missing[0])
            for match in _FILE.finditer(text):
                if match.group(1) not in ends:
                    yield Violation(path, line, "there is no file " + match.group(1))


def _starts(file):
    """Where the file's name, and each folder above it, begins."""
    return [0] + [at + 1 for at, letter in enumerate(file) if letter == "/"]


def _kept(match):
    """A literal's words count as code, its slashes begin no comment."""
    return match.group(0).replace("/", " ")


def _comments(text):
    """(line, text) of every comment that runs to the end of its line and is no example."""
    for number, line in enumerate(text.splitlines(), 1):
        match = _COMMENT.search(_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), line)
                                if line.lstrip()[:2] != "//" else line)
        if match and not _EXAMPLE.match(match.group(1)):
            yield number, match.group(1)
