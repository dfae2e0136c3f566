"""What the text may not say, links that must lead somewhere, and metrics that must exist."""

import ipaddress
import re

import cpp_scan
from source_tree import ROOMS_OF_CODE, Violation, find_lines, in_rooms

# word -> (pattern, reason). In every text file.
_WORDS = (
    (r"\b(?:TODO|FIXME|XXX|HACK)\b", "unfinished work belongs in the tracker"),
    (r"/work/", "a path of one machine"),
    (r"NOLINT(?:NEXTLINE|BEGIN)?(?:\([^)]*\))?(?!END)(?!\s*:\s*\w)(?![\w(])",
     "NOLINT without `: reason`"),
)
# In the C++ of the rooms, outside comments and literals.
_CONSTRUCTS = (
    (r"\bthrow\b", "our code throws nothing"),
    (r"\b(?:dynamic_cast|typeid)\b", "no run-time type information"),
    (r"\bdelete\s+this\b", "destruction is deferred to the end of the loop's turn"),
    (r"\busing\s+namespace\b", "names are written in full"),
    (r"\bassert\s*\(", "use the checks that optimised builds keep"),
)
_CLOCKS = re.compile(r"std::chrono::\w+_clock\b|\b(?:clock_gettime|gettimeofday)\s*\("
                     r"|(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0|&)")
_CLOCK_HOME = "pool/net/clock."
_SLEEPS = re.compile(r"\bsleep_(?:for|until)\b|\b(?:usleep|nanosleep|sleep)\s*\(")
_STATE = re.compile(r"\b(?:state|phase)_\s*=(?!=)")
_LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)"
                   r"|^[ \t]*\[[^\]\n]+\]:\s+(\S+)", re.MULTILINE)
_FENCE = re.compile(r"^([ \t]*(```|~~~)).*?^[ \t]*\2[ \t]*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_METRIC = re.compile(r"\bholdfast_[a-z0-9_]+\b")
# Perhaps an address: four numbers with dots, or something with two colons. A network's width is no
# part of it.
_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}"
                      r"|(?=[0-9a-fA-F]*:[0-9a-fA-F]*:)[0-9a-fA-F:]*(?:\.\d{1,3}){0,3})"
                      r"(?![\w.]*\w)")
# Those that are nobody's: this machine, and what RFC 5737 and RFC 3849 keep for documentation.
_EXAMPLE_NETWORKS = tuple(ipaddress.ip_network(text) for text in (
    "127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "::1/128",
    "2001:db8::/32"))


def forbidden_words(tree):
    """No notes of unfinished work, no machine's paths, no unexplained NOLINT."""
    for path, _ in tree.texts():
        for pattern, reason in _WORDS:
            for line, match in find_lines(tree.text(path), re.compile(pattern)):
                yield Violation(path, line, "%s: %s" % (match.group(0), reason))


def forbidden_constructs(tree):
    """No exceptions, no RTTI, no `delete this`, no `using namespace` in the rooms."""
    for path in tree.cpp(*ROOMS_OF_CODE):
        for pattern, reason in _CONSTRUCTS:
            for line, match in find_lines(tree.code(path), re.compile(pattern)):
                yield Violation(path, line, "%s: %s" % (match.group(0), reason))


def state_moves(tree):
    """State is assigned by one function, MoveTo, which can assert the legal edge."""
    for path in tree.cpp(*ROOMS_OF_CODE):
        code = tree.code(path)
        assigned = list(find_lines(code, _STATE))
        if not assigned:
            continue
        try:
            functions = cpp_scan.functions(code)
        except cpp_scan.Unbalanced:
            continue  # function_length reports it
        for line, match in assigned:
            name = next((f.name for f in functions if f.first <= line <= f.last), None)
            if name is not None and name.rpartition("::")[2] != "MoveTo":
                member = match.group(0).split()[0]
                yield Violation(path, line, "%s is assigned outside MoveTo" % member, name)


def contracts(tree):
    """A class in a header opens with its contract: thread, ownership, destruction, callbacks."""
    for path in tree.cpp(*ROOMS_OF_CODE):
        lines = tree.text(path).splitlines()
        for number, line in enumerate(lines if path.endswith(".h") else (), 1):
            if not re.match(r"class\s+[^;]*$", line):
                continue
            above = [l for l in lines[:number - 1] if not l.startswith("template")][-1:]
            if not above or not above[0].startswith("//"):
                yield Violation(path, number, "no comment says what the class promises")


def time_is_an_argument(tree):
    """Only pool/net/clock reads a clock; nothing sleeps, least of all a test."""
    for path in tree.cpp(*ROOMS_OF_CODE):
        for line, match in find_lines(tree.code(path), _CLOCKS):
            if not path.startswith(_CLOCK_HOME):
                yield Violation(path, line, "%s: take the time as an argument" % match.group(0))
    for path in tree.cpp():
        for line, match in find_lines(tree.code(path), _SLEEPS):
            yield Violation(path, line, "%s: wait for the event instead" % match.group(0))


def links(tree):
    """A relative link in a Markdown file leads to a file, and its anchor to a heading."""
    for path, _ in tree.texts():
        if not path.endswith(".md"):
            continue
        prose = _FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.text(path))
        for line, match in find_lines(prose, _LINK):
            problem = _broken(tree, path, match.group(1) or match.group(2))
            if problem:
                yield Violation(path, line, problem)


def _broken(tree, path, target):
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    name, _, anchor = target.partition("#")
    folder = path.rpartition("/")[0]
    resolved = _resolve(folder, name) if name else path
    if resolved is None or not tree.exists(resolved):
        return "%s leads nowhere" % target
    if anchor and resolved.endswith(".md") and anchor not in _anchors(tree.text(resolved)):
        return "%s has no heading #%s" % (resolved, anchor)
    return None


def _resolve(folder, name):
    """The path from the root, or None when it leaves the tree."""
    parts = [] if name.startswith("/") else [p for p in folder.split("/") if p]
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def _anchors(text):
    """The anchors that GitHub gives the headings of a Markdown text."""
    names = set()
    for match in re.finditer(r"^#{1,6}\s+(.*?)\s*#*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 0
        while slug + ("-%d" % number if number else "") in names:
            number += 1
        names.add(slug + ("-%d" % number if number else ""))
    return names


def example_addresses(tree):
    """What a reader may copy and start names no machine but this one and those of documentation."""
    for path, _ in tree.texts():
        if not path.startswith(("deploy/", "README.md", "gateway/config/schema")):
            continue
        for line, match in find_lines(tree.text(path), _ADDRESS):
            if _is_somebodys(match.group(0)):
                yield Violation(path, line, "%s may be somebody's: use 127.0.0.0/8, 192.0.2.0/24 "
                                "or 2001:db8::/32" % match.group(0))


def _is_somebodys(text):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    # The unspecified one is where a listener binds.
    return not address.is_unspecified and not any(address in net for net in _EXAMPLE_NETWORKS)


def metric_names(tree):
    """Dashboards, alerts and documents name metrics of the catalog; documents name them all."""
    catalog_text = tree.text("metrics/catalog.cc")
    if catalog_text is None:
        return
    catalog = set(re.findall(r'"(holdfast_[a-z0-9_]+)"', catalog_text))
    for path, _ in tree.texts():
        if not _speaks_of_metrics(path):
            continue
        for line, match in find_lines(tree.text(path), _METRIC):
            if _base(match.group(0), catalog) not in catalog:
                yield Violation(path, line, "%s is not in the catalog" % match.group(0))
    for path in (p for p in tree.paths if re.search(r"(^|/)metrics\.md$", p, re.IGNORECASE)):
        named = {_base(name, catalog) for name in _METRIC.findall(tree.text(path))}
        for name in sorted(catalog - named):
            yield Violation(path, 1, "%s is in the catalog but not here" % name)


def _speaks_of_metrics(path):
    return path.endswith(".md") or (in_rooms(path, ("deploy",))
                                    and path.endswith((".json", ".yaml", ".yml", ".rules")))


def _base(name, catalog):
    """A histogram's series under the histogram's own name."""
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix) and name[:-len(suffix)] in catalog:
            return name[:-len(suffix)]
    return name
