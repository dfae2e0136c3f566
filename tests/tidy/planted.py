"""A small clean tree, and what to plant in it so that each rule must object."""

from dataclasses import dataclass

_TEST_BUILD = 'cc_test(name = "t", size = "small", srcs = ["%s_test.cc"])\n'


def _header(path, body):
    guard = "HOLDFAST_%s_" % path.upper().translate(str.maketrans("/.", "__"))
    return "#ifndef %s\n#define %s\n%s\n#endif  // %s\n" % (guard, guard, body, guard)


def _library(*names):
    return "cc_library(srcs = [%s])\n" % ", ".join('"%s"' % name for name in names)


def _lines(count, line):
    return (line + "\n") * count


CLEAN = {
    "BUILD.bazel": "",
    "WORKSPACE": 'workspace(name = "holdfast")\n',
    "LICENSE": "x" * 200 + "\n",
    "README.md": "# One\n\n[Two](CONTRIBUTING.md#more-words) and [three](pool/net/clock.h).\n",
    "CONTRIBUTING.md": "# Two\n\n## More words\n",
    "CHANGELOG.md": "# Changes\n",
    "metrics/BUILD.bazel": _library("catalog.cc", "cell.h"),
    "metrics/catalog.cc": 'const char* kName = "holdfast_requests_total";\n',
    "metrics/cell.h": _header("metrics/cell.h", "#include <atomic>\nextern std::atomic<int> cell;"),
    "metrics/METRICS.md": "# Metrics\n\n| holdfast_requests_total |\n",
    "pool/net/BUILD.bazel": 'cc_library(hdrs = ["clock.h"])\n',
    "pool/net/clock.h": _header("pool/net/clock.h",
                                '// Reads the time.\n#include "metrics/cell.h"'),
    "gateway/http/BUILD.bazel": _library("parser.cc"),
    "gateway/http/parser.cc": '#include <llhttp.h>\n\n#include "pool/net/clock.h"\n',
    "tests/metrics/BUILD.bazel": (_TEST_BUILD % "catalog") + _TEST_BUILD % "cell",
    "tests/metrics/catalog_test.cc": "",
    "tests/metrics/cell_test.cc": "",
    "tests/pool/net/BUILD.bazel": _TEST_BUILD % "clock",
    "tests/pool/net/clock_test.cc": "#include <gtest/gtest.h>\n",
    "tests/gateway/http/BUILD.bazel": _TEST_BUILD % "parser",
    "tests/gateway/http/parser_test.cc": "",
}


@dataclass(frozen=True)
class Case:
    """Files to add to the clean tree (None removes one); who must object, where, and how."""

    about: str
    rule: str
    path: str
    message: str
    files: dict


def _case(about, rule, path, message, text, more=None):
    return Case(about, rule, path, message, {**(more or {}), path: text})


def _in_parser(about, rule, code, message=""):
    """A line of code planted in gateway/http/parser.cc."""
    text = CLEAN["gateway/http/parser.cc"] + "\n" + code + "\n"
    return _case(about, rule, "gateway/http/parser.cc", message, text)


_SIZES = [
    _in_parser("701 lines", "file-length", _lines(701, "int x;").rstrip(), "at most 700"),
    _in_parser("a function of 71 lines", "function-length",
               "void Long() {\n%s}" % _lines(69, "  x();"), "Long has 71 lines"),
    _in_parser("braces that do not match", "function-length",
               "// clang-format off\nvoid Odd() {", "do not match"),
    _case("a Python function of 71 lines", "function-length", "tests/a.py", "f has 71 lines",
          "def f():\n" + _lines(70, "    g()")),
    _case("a shell function of 71 lines", "function-length", "deploy/a.sh", "f has 71 lines",
          "#!/bin/sh\nf() {\n%s}\nf\n" % _lines(69, "  g")),
    _case("101 columns", "line-length", "README.md", "101 columns",
          CLEAN["README.md"] + "word " * 20 + "a\n"),
    _case("a cd that may fail", "shell", "deploy/a.sh", "SC2164", "#!/bin/sh\ncd /tmp\n"),
    _case("a pool without a check", "check-density", "pool/pile.cc", "0 checks in 101 lines",
          _lines(100, "extern int x;") + "extern int last;\n",
          {"pool/BUILD.bazel": _library("pile.cc"),
           "tests/pool/BUILD.bazel": _TEST_BUILD % "pile", "tests/pool/pile_test.cc": ""}),
    _in_parser("indented by four", "format", "void F() {\n    G();\n}", "clang-format -i"),
]

_ROOMS = [
    _case("metrics includes pool", "include-direction", "metrics/catalog.cc",
          "metrics may not include pool/net",
          '#include "pool/net/clock.h"\n\n' + CLEAN["metrics/catalog.cc"]),
    _case("pool/net includes pool/dns", "include-direction", "pool/net/clock.h",
          "pool/net may not include pool/dns",
          _header("pool/net/clock.h", '#include "pool/dns/name.h"'),
          {"pool/dns/BUILD.bazel": _library("name.h"),
           "pool/dns/name.h": _header("pool/dns/name.h", "int name();"),
           "tests/pool/dns/BUILD.bazel": _TEST_BUILD % "name",
           "tests/pool/dns/name_test.cc": ""}),
    _case("http includes config", "include-direction", "gateway/http/parser.cc",
          "gateway/http may not include gateway/config", '#include "gateway/config/config.h"\n',
          {"gateway/config/BUILD.bazel": _library("config.h"),
           "gateway/config/config.h": _header("gateway/config/config.h", "int config();"),
           "tests/gateway/config/BUILD.bazel": _TEST_BUILD % "config",
           "tests/gateway/config/config_test.cc": ""}),
    _case("a room includes the tests", "include-direction", "gateway/http/parser.cc",
          "gateway/http may not include tests", '#include "tests/support/peer.h"\n',
          {"tests/support/BUILD.bazel": _library("peer.h"),
           "tests/support/peer.h": _header("tests/support/peer.h", "int peer();")}),
    _case("an include beside the file", "include-direction", "gateway/http/parser.cc",
          "not written from the tree's root", '#include "clock.h"\n'),
    _case("an include of nothing", "include-direction", "gateway/http/parser.cc",
          "does not exist", '#include "pool/net/gone.h"\n'),
    _case("llhttp outside the parser", "third-party-headers", "metrics/catalog.cc",
          "llhttp.h belongs in", "#include <llhttp.h>\n\n" + CLEAN["metrics/catalog.cc"]),
    _case("c-ares outside the files that are named for it", "third-party-headers",
          "pool/dns/answer.cc", "ares.h belongs in", "#include <ares.h>\n",
          {"pool/dns/BUILD.bazel": _library("answer.cc", "cares_reply.cc"),
           "pool/dns/cares_reply.cc": "#include <ares.h>\n",
           "tests/pool/dns/BUILD.bazel": (_TEST_BUILD % "answer") + _TEST_BUILD % "cares_reply",
           "tests/pool/dns/answer_test.cc": "",
           "tests/pool/dns/cares_reply_test.cc": "#include <ares.h>\n"}),
    _case("a library without a row", "third-party-headers", "gateway/http/parser.cc",
          "no row in the third-party table", "#include <boost/asio.hpp>\n"),
    _case("a second user of a library", "third-party-headers", "gateway/http/parser.h",
          "already included by", _header("gateway/http/parser.h", "#include <spdlog/spdlog.h>"),
          {"gateway/http/BUILD.bazel": _library("parser.cc", "parser.h", "log.cc"),
           "gateway/http/log.cc": "#include <spdlog/spdlog.h>\n",
           "tests/gateway/http/BUILD.bazel": (_TEST_BUILD % "parser") + _TEST_BUILD % "log",
           "tests/gateway/http/log_test.cc": ""}),
    _case("thirteen includes of ours", "project-includes", "gateway/http/parser.cc",
          "13 includes of ours; at most 12",
          "\n".join('#include "gateway/http/part%02d.h"' % n for n in range(13)) + "\n",
          {"gateway/http/BUILD.bazel":
           _library("parser.cc") + "".join(_library("part%02d.h" % n) for n in range(13)),
           **{"gateway/http/part%02d.h" % n:
              _header("gateway/http/part%02d.h" % n, "struct Part%d;" % n) for n in range(13)}}),
    _in_parser("a lock on the request path", "doors", "std::mutex lock;", "std::mutex"),
    _in_parser("an atomic on the request path", "doors", "std::atomic<int> x;", "std::atomic"),
    _in_parser("a thread on the request path", "doors", "std::jthread thread;", "std::jthread"),
    _in_parser("a compiler's atomic", "doors", "int x = __atomic_load_n(&y, 0);", "__atomic"),
    _case("a lock at a door for atomics", "doors", "metrics/cell.h", "std::mutex",
          CLEAN["metrics/cell.h"].replace("extern std::atomic<int> cell;",
                                          "extern std::atomic<int> cell;\nextern std::mutex m;")),
    _case("the header of a lock", "doors", "gateway/http/parser.cc", "absl/synchronization",
          '#include "absl/synchronization/mutex.h"\n'),
    _case("a door that needs no lock any more", "doors", "tests/tidy/room_rules.py",
          "metrics/cell is a door without a lock", "",
          {"metrics/cell.h": _header("metrics/cell.h", "extern int cell;")}),
]

_TEXTS = [
    _in_parser("unfinished work", "forbidden-words", "// TODO: the rest", "TODO"),
    _case("a machine's path", "forbidden-words", "README.md", "/work/",
          CLEAN["README.md"] + "See /work/main.\n"),
    _in_parser("an unexplained NOLINT", "forbidden-words",
               "int x;  // NOLINT(some-check)", "NOLINT"),
    _in_parser("an exception thrown", "forbidden-constructs", "void F() { throw 1; }", "throw"),
    _in_parser("run-time types", "forbidden-constructs", "auto* x = dynamic_cast<X*>(y);"),
    _in_parser("an object that deletes itself", "forbidden-constructs",
               "void F() { delete this; }"),
    _in_parser("a state that anybody changes", "state-moves",
               "void A::MoveTo(S next) { state_ = next; }\nvoid A::Go() { state_ = S::kDone; }",
               "state_ is assigned outside MoveTo"),
    _case("a class without a word", "contracts", "pool/net/clock.h", "what the class promises",
          _header("pool/net/clock.h", "\nclass Clock {\n public:\n  int Now();\n};\n")),
    _in_parser("a comment on a constant that is gone", "comment-names",
               "// Up to kMaxGone bytes.", "nothing is called kMaxGone"),
    _in_parser("a comment on a method that is gone", "comment-names",
               "// Tells it through Exchange::OnGone.", "nothing is called Exchange"),
    _in_parser("a comment on a file that is gone", "comment-names",
               "// As in http/gone.h.", "there is no file http/gone.h"),
    _in_parser("a clock read", "time-is-an-argument",
               "auto now = std::chrono::steady_clock::now();", "steady_clock"),
    _case("a test that sleeps", "time-is-an-argument", "tests/metrics/cell_test.cc",
          "sleep_for", "void F() { std::this_thread::sleep_for(x); }\n"),
    _case("a link to nothing", "links", "README.md", "gone.md leads nowhere",
          "[Two](gone.md)\n"),
    _case("a link out of the tree", "links", "README.md", "leads nowhere",
          "[Two](../../etc/passwd)\n"),
    _case("an anchor without a heading", "links", "README.md", "no heading #gone",
          "[Two](CONTRIBUTING.md#gone)\n"),
    _case("an example with a private address", "example-addresses", "deploy/a.yaml",
          "10.0.0.7 may be somebody's", "endpoints: [127.0.0.2:80, 192.0.2.9:80, 10.0.0.7:80]\n"),
    _case("an example that trusts a network", "example-addresses", "deploy/a.yaml",
          "fd00:: may be somebody's", 'trusted: ["2001:db8::/32", "::1", "[::]:80", "fd00::/8"]\n'),
    _case("a hint with somebody's address", "example-addresses", "gateway/config/schema.cc",
          "10.0.0.7", 'const char* kExpected = "such as 10.0.0.7:8080";\n',
          {"gateway/config/BUILD.bazel": _library("schema.cc"),
           "tests/gateway/config/BUILD.bazel": _TEST_BUILD % "schema",
           "tests/gateway/config/schema_test.cc": ""}),
    _case("a dashboard of an unknown metric", "metric-names", "deploy/dashboard.json",
          "holdfast_gone_total is not in the catalog",
          '{"expr": "rate(holdfast_gone_total[1m])"}\n'),
    _case("a metric that no document names", "metric-names", "metrics/METRICS.md",
          "holdfast_requests_total is in the catalog but not here", "# Metrics\n"),
]

_LAYOUT = [
    _case("a stranger at the top", "top-level", "notes.txt", "does not belong", "hello\n"),
    _case("a room that is not in the plan", "top-level", "common/BUILD.bazel", "common", ""),
    _case("no change log", "top-level", "CHANGELOG.md", "missing", None),
    _case("a name in CamelCase", "top-level", "tests/metrics/OddName.cc", "not snake_case", "",
          {"tests/metrics/BUILD.bazel":
           CLEAN["tests/metrics/BUILD.bazel"] + _library("OddName.cc")}),
    _case("a guard of another path", "include-guards", "pool/net/clock.h",
          "HOLDFAST_POOL_NET_CLOCK_H_", CLEAN["metrics/cell.h"].replace("#include <atomic>\n", "")
          .replace("std::atomic<int>", "int")),
    _case("a guard that does not say what it closes", "include-guards", "pool/net/clock.h",
          "does not end with", CLEAN["pool/net/clock.h"].replace("#endif  // ", "#endif  //  ")),
    _case("a source without a test", "mirrored-tests", "pool/net/buffer.h",
          "tests/pool/net/buffer_test.cc",
          _header("pool/net/buffer.h", "inline int Buffer() { return 1; }"),
          {"pool/net/BUILD.bazel": _library("clock.h", "buffer.h")}),
    _case("a test without a source", "mirrored-tests", "tests/pool/net/gone_test.cc",
          "mirrors no source", "", {"tests/pool/net/BUILD.bazel":
                                    (_TEST_BUILD % "clock") + _TEST_BUILD % "gone"}),
    _case("a BUILD file with a dead source", "build-files", "pool/net/BUILD.bazel",
          "gone.cc does not exist", _library("clock.h", "gone.cc")),
    _case("a source that no target lists", "build-files", "tests/metrics/extra.cc",
          "listed in no target", ""),
    _case("a test target without a size", "test-sizes", "tests/pool/net/BUILD.bazel",
          "without a size", 'cc_test(name = "t", srcs = ["clock_test.cc"])\n'),
    _case("a test file in no program", "test-programs", "tests/metrics/cell_test.cc",
          "is in no test program", "", {"tests/metrics/BUILD.bazel":
                                        _TEST_BUILD % "catalog"}),
    _case("a test file with a program of its own that is not there", "test-programs",
          "tests/metrics/cell_test.cc", "is in no test program", "",
          {"tests/metrics/BUILD.bazel": 'room_tests(name = "all", own = ["cell_test.cc"])\n'}),
    _case("a test file that joins a program by itself, and another", "test-programs",
          "tests/metrics/cell_test.cc", "is in two programs", "",
          {"tests/metrics/BUILD.bazel": 'room_tests(name = "all")\n' + _TEST_BUILD % "cell"}),
    _case("a test whose name another file has", "test-programs", "tests/metrics/cell_test.cc",
          "CellTest.Adds is in tests/metrics/catalog_test.cc, too", "TEST(CellTest, Adds) {}\n",
          {"tests/metrics/catalog_test.cc": "TEST(CellTest, Adds) {}\n"}),
    _case("a test with threads in a program of those that have none", "test-programs",
          "tests/metrics/cell_test.cc", "runs threads (thread)", "#include <thread>\n",
          {"tests/metrics/BUILD.bazel": 'room_tests(name = "all")\n'}),
    _case("a test with threads, by way of a header, that is not sanitized", "test-programs",
          "tests/metrics/cell_test.cc", "runs threads (thread)",
          '#include "tests/metrics/peer.h"\n',
          {"tests/metrics/peer.h": _header("tests/metrics/peer.h", "#include <thread>"),
           "tests/metrics/BUILD.bazel": _library("peer.h") + (_TEST_BUILD % "catalog") + (
               'cc_test(size = "small", srcs = glob(["*_test.cc"], '
               'exclude = ["cat*_test.cc"]), tags = ["notsan"])\n')}),
    _case("an exception for nothing", "exceptions", "tests/tidy/exceptions.txt",
          "excuses nothing", "line-length | README.md | once it was long\n"),
    _case("an exception without a reason", "exceptions", "tests/tidy/exceptions.txt",
          "not `rule | path | reason`", "line-length | README.md |\n"),
    _case("an exception of an unknown rule", "exceptions", "tests/tidy/exceptions.txt",
          "no rule is called", "beauty | README.md | none\n"),
]

PLANTED = _SIZES + _ROOMS + _TEXTS + _LAYOUT
