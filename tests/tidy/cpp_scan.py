"""Just enough C++ to measure functions: literals and comments blanked out, braces matched.

This is a heuristic, not a parser. What it cannot balance it reports, so that a file it does not
understand fails the tidy test instead of passing unmeasured.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<digits>\b[0-9][0-9a-zA-Z]*(?:'[0-9a-zA-Z]+)+)
      | (?P<char>'(?:\\.|[^'\\\n])+')""",
    re.VERBOSE | re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_BLANKED = re.compile(r"[^\n]")

_ATTRIBUTES = re.compile(r"alignas\s*\([^()]*(?:\([^()]*\))?[^()]*\)|\[\[.*?\]\]"
                         r"|__attribute__\s*\(\(.*?\)\)", re.DOTALL)
_TYPE_HEAD = re.compile(r"^\s*(?:typedef\s+|static\s+|constexpr\s+|const\s+|inline\s+|friend\s+)*"
                        r"(?:class|struct|union|enum)\b")
_NAMESPACE_HEAD = re.compile(r"^\s*(?:inline\s+)?namespace\b|^\s*extern\s*(?:\"\s*\")?\s*$")
_NAME = re.compile(r"((?:\w+::)*(?:operator\s*[^\s\w(]+|~?\w+))\s*$")


@dataclass(frozen=True)
class Function:
    """A function's place: the line its declaration starts and the line of its last brace."""

    name: str
    first: int
    last: int

    @property
    def length(self):
        return self.last - self.first + 1


class Unbalanced(Exception):
    """The braces of a file do not match; the argument is the line."""


def blank_out(text):
    """Replaces comments and the insides of literals by spaces; lines keep their numbers."""
    def blanked(match):
        piece = match.group(0)
        if match.group("digits"):
            return piece.replace("'", "_")
        hollow = _BLANKED.sub(" ", piece)
        if match.group("comment"):
            return hollow
        return '"' + hollow[1:-1] + '"' if match.group("char") is None else "0" + hollow[1:]
    return _TOKEN.sub(blanked, text)


def functions(code):
    """Every function defined in blanked-out code at namespace or class scope, in order."""
    code = _DIRECTIVE.sub(lambda m: _BLANKED.sub(" ", m.group(0)), code)
    scanner = _Scanner(code)
    return scanner.run()


class _Scanner:
    """Walks the braces with a stack of what each one opened."""

    def __init__(self, code):
        self._code = code
        self._stack = []  # "scope" (namespace, type), "body" (function) or "init" (initializer)
        self._head = 0    # where the declaration that may own the next brace starts
        self._found = []

    def run(self):
        for match in re.finditer(r"[{};()]|(?:public|protected|private)\s*:(?!:)", self._code):
            token, at = match.group(0), match.start()
            if token == "{":
                self._open(at)
            elif token == "}":
                self._close(at)
            elif token == ";" and self._at_scope() and self._parens_closed(at):
                self._head = at + 1
            elif token[0] == "p" and self._at_scope():
                self._head = match.end()
        if self._stack:
            raise Unbalanced(self._line(self._stack[-1][1]))
        return self._found

    def _at_scope(self):
        return not self._stack or self._stack[-1][0] == "scope"

    def _parens_closed(self, at):
        head = self._code[self._head:at]
        return head.count("(") == head.count(")")

    def _line(self, at):
        return self._code.count("\n", 0, at) + 1

    def _open(self, at):
        if not self._at_scope():
            self._stack.append(("inner", at, 0))
            return
        kind = classify(self._code[self._head:at])
        self._stack.append((kind, at, self._head))
        if kind == "scope":
            self._head = at + 1

    def _close(self, at):
        if not self._stack:
            raise Unbalanced(self._line(at))
        kind, _, head = self._stack.pop()
        if kind == "body":
            start = head + len(self._code[head:]) - len(self._code[head:].lstrip())
            name = function_name(self._code[start:at])
            self._found.append(Function(name, self._line(start), self._line(at)))
        if kind in ("body", "scope"):
            self._head = at + 1


def classify(head):
    """What the brace after this declaration opens, at namespace or class scope."""
    head = _flatten(head)
    if re.search(r"=\s*\[[^\]]*\]\s*(?:\(\))?[^=;]*$", head):
        return "body"  # a lambda with a name
    if "=" in re.sub(r"operator\s*[^\s\w(]+", "operator", head):
        return "init"
    if _TYPE_HEAD.search(head) and "(" not in head:
        return "scope"
    if _NAMESPACE_HEAD.search(head):
        return "scope"
    if ")" not in head:
        return "init"
    if re.search(r"\)\s*(?:noexcept\s*)?:(?!:)", head):
        # A constructor's initializers: `a_{1}` opens an initializer, anything else the body.
        return "init" if re.search(r"\w\s*$", head) else "body"
    return "body"


def function_name(text):
    """The declared name, as exceptions and messages give it: Class::Method, TEST(Suite, Name)."""
    opening = text.find("(")
    if opening < 0:
        return "lambda"
    test = re.match(r"\s*((?:TYPED_)?TEST(?:_F|_P)?)\s*\(([^()]*)\)", text)
    if test:
        return "%s(%s)" % (test.group(1), " ".join(test.group(2).split()))
    match = _NAME.search(_ATTRIBUTES.sub("", text[:opening]))
    return match.group(1) if match else "lambda"


def _flatten(head):
    """The head without attributes, template parameters, and the insides of its brackets."""
    head = _ATTRIBUTES.sub(" ", head)
    head = _drop_template_lists(head)
    for pair in (r"\([^()]*\)", r"\{[^{}]*\}"):
        mark = "\x01" if pair.startswith(r"\(") else "\x02"
        while re.search(pair, head):
            head = re.sub(pair, mark, head)
    return head.replace("\x01", "()").replace("\x02", "{}")


def _drop_template_lists(head):
    match = re.search(r"\btemplate\s*<", head)
    while match:
        depth, at = 1, match.end()
        while at < len(head) and depth:
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            at += 1
        head = head[:match.start()] + " " + head[at:]
        match = re.search(r"\btemplate\s*<", head)
    return head
