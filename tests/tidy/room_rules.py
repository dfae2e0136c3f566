"""Which room may include which, where third-party headers live, where threads may meet."""

import re

from source_tree import ROOMS_OF_CODE, Violation, find_lines, stem

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# From left to right: a folder may include itself and what stands before it. The first match
# wins, so a sub-folder comes before its parent in the look-up but keeps its own place here.
_ORDER = ("metrics", "pool/net", "pool/tls", "pool/dns", "pool", "gateway/http", "gateway/grpc",
          "gateway/auth", "gateway/compression", "gateway/policy", "gateway/record",
          "gateway/stream", "gateway/http1", "gateway/http2", "gateway/fetch", "gateway/config",
          "gateway/tls", "gateway/acme", "gateway/route", "gateway/proxy", "gateway/server",
          "gateway", "tests")

# Header -> (where it may be included, how many modules may do so). A module is a header and its
# source file. One door per library keeps it replaceable.
_THIRD_PARTY = (
    (r"(llhttp/)?llhttp\.h", r"gateway/http/parser\.cc", 1),
    (r"ares(_\w+)?\.h", r"(tests/)?pool/dns/cares_\w+\.(h|cc)", None),
    (r"prometheus/.*", r"metrics/prometheus_export\.(h|cc)", 1),
    (r"libfyaml\.h", r"gateway/config/\w+\.(h|cc)", 1),
    (r"CLI/.*", r"gateway/.*\.(h|cc)", 1),
    (r"(spdlog|fmt)/.*", r"gateway/.*\.(h|cc)", 1),
    (r"nlohmann/.*", r"(gateway|tests)/.*\.cc", None),
    (r"xxhash\.h", r"pool/key_hash\.cc", 1),
    (r"openssl/.*", r"(tests/)?pool/tls/.*\.(h|cc)", None),
    (r"hiredis/.*", r"gateway/server/redis_protocol\.cc", 1),
    (r"re2/.*", r"gateway/policy/\w+\.(h|cc)", 1),
    (r"nghttp2/.*", r"(tests/)?gateway/http2/.*\.(h|cc)", None),
    (r"(argon2|crypt)\.h", r"gateway/auth/password_check\.cc", 1),
    (r"zlib\.h",
     r"gateway/compression/gzip_encoder\.cc|tests/gateway/compression/decoders\.cc", None),
    (r"zstd\.h",
     r"gateway/compression/zstd_encoder\.cc|tests/gateway/compression/decoders\.cc", None),
    (r"brotli/.*",
     r"gateway/compression/brotli_encoder\.cc|tests/gateway/compression/decoders\.cc", None),
    (r"absl/.*", r".*", None),
    (r"(gtest|gmock)/.*", r"tests/.*", None),
)
# The C library and the kernel.
_SYSTEM = re.compile(r"(arpa|bits|linux|net|netinet|sanitizer|sys)/[\w/.-]+|\w+(\.h)?|c\w+")

# More of the tree than this is not one subject's business.
MAX_PROJECT_INCLUDES = 12

_DOOR_TOKEN = re.compile(
    r"std::(?:(?:recursive_|shared_|timed_|recursive_timed_|shared_timed_)?mutex"
    r"|atomic\w*|thread(?!::id)|jthread|condition_variable\w*|call_once|once_flag"
    r"|lock_guard|unique_lock|scoped_lock|shared_lock|async|future|promise|packaged_task"
    r"|latch|barrier|counting_semaphore|binary_semaphore|stop_token)\b"
    r"|absl::(?:\w*Mutex\w*|CondVar|Notification|BlockingCounter|Barrier|call_once|once_flag)\b"
    r"|\bpthread_\w+|\b__builtin_thread_pointer\b|\b__(?:atomic|sync)_\w+|\bthread_local\b"
    r"|#\s*include\s*<(?:mutex|shared_mutex|atomic|condition_variable|future|latch|barrier"
    r"|semaphore|stop_token|stdatomic\.h|pthread\.h)>"
    r"|#\s*include\s*\"absl/synchronization/[^\"]*\"")

# The doors: the only modules that may name a lock, an atomic or a thread: which ones (their
# includes too), and what for.
DOORS = {
    "pool/net/mailbox": ("mutex|lock_guard|atomic", "door 1: work posted to another loop"),
    "metrics/cell": ("atomic", "door 3: written by one thread, read by the scrape"),
    "metrics/family": ("atomic", "door 3: series are appended while the scrape reads"),
    "pool/bounded_count": ("atomic", "door 4: places that all workers take from"),
    "pool/endpoint_counts": ("atomic", "door 4: attempts at an endpoint that have ended"),
    "pool/shelf": ("atomic", "door 4: what workers' pools know of each other"),
    "pool/shelves": ("mutex|lock_guard", "door 4: the shelves, by endpoint"),
    "pool/upstream_totals": ("atomic|mutex|lock_guard", "door 4: of one upstream as a whole"),
    "gateway/proxy/client_places": ("atomic|mutex|lock_guard",
                                    "door 5: places for clients that all workers take from"),
    "gateway/server/worker": ("thread", "a worker is a thread; it is started and joined here"),
    "gateway/server/log_writer": ("thread", "the writer is a thread; all else goes by mailbox"),
    "gateway/server/span_exporter": ("thread", "so is who sends spans; all else goes by mailbox"),
    "gateway/policy/client_connections": ("atomic", "door 6: counts that all workers change"),
    "gateway/policy/in_flight": ("atomic", "door 6: places that all workers take and wait for"),
    "gateway/policy/shared_spending": ("atomic", "door 6: what workers let pass, for others"),
    "gateway/policy/token_buckets": ("atomic", "door 6: buckets that all workers take from"),
    "gateway/auth/password_checker": ("thread", "so is the checker, and all else goes by mailbox"),
    "gateway/server/signals": ("pthread", "blocks signals before there are threads"),
    "pool/net/library_memory": ("thread_local", "the pieces that a thread keeps; shares nothing"),
    "pool/net/event_loop": ("__builtin_thread", "asserts the owning thread; shares nothing"),
}


def place(path):
    """The folder of the order that holds `path`, or None."""
    candidates = [folder for folder in _ORDER if path.startswith(folder + "/")]
    return max(candidates, key=len) if candidates else None


def include_direction(tree):
    """metrics <- pool <- gateway <- tests, and the order of the folders inside them."""
    for path in tree.cpp():
        here = place(path)
        for line, match in find_lines(tree.text(path), _INCLUDE):
            header = match.group(2)
            if match.group(1) == "<":
                if place(header):
                    yield Violation(path, line, "<%s> is ours: include it with quotes" % header)
                continue
            if place(header) is None:
                if not _is_third_party(header):
                    yield Violation(path, line,
                                    '"%s" is not written from the tree\'s root' % header)
            elif not tree.exists(header):
                yield Violation(path, line, '"%s" does not exist' % header)
            elif here and _ORDER.index(place(header)) > _ORDER.index(here):
                yield Violation(path, line, "%s may not include %s" % (here, place(header)))


def _is_third_party(header):
    return any(re.fullmatch(pattern, header) for pattern, _, _ in _THIRD_PARTY)


def project_includes(tree):
    """A file includes at most 12 files of ours: one that needs more knows too much."""
    for path in tree.cpp():
        ours = [line for line, match in find_lines(tree.text(path), _INCLUDE)
                if match.group(1) == '"' and place(match.group(2))]
        if len(ours) > MAX_PROJECT_INCLUDES:
            yield Violation(path, ours[MAX_PROJECT_INCLUDES], "%d includes of ours; at most %d"
                            % (len(ours), MAX_PROJECT_INCLUDES))


def third_party_headers(tree):
    """One module per third-party header."""
    users = {}
    for path in tree.cpp():
        for line, match in find_lines(tree.text(path), _INCLUDE):
            header = match.group(2)
            row = next((r for r in _THIRD_PARTY if re.fullmatch(r[0], header)), None)
            if row is None:
                if place(header) is None and not _SYSTEM.fullmatch(header):
                    yield Violation(path, line, "%s has no row in the third-party table" % header)
                continue
            pattern, allowed, limit = row
            if not re.fullmatch(allowed, path):
                yield Violation(path, line, "%s belongs in %s only" % (header, allowed))
            elif limit is not None:
                users.setdefault(pattern, (limit, {}))[1].setdefault(stem(path), (path, line))
    for pattern, (limit, modules) in users.items():
        for path, line in sorted(modules.values())[limit:]:
            yield Violation(path, line, "%s is already included by %s"
                            % (pattern, sorted(modules)[0]))


def doors(tree):
    """Locks, atomics and threads appear at the named doors only."""
    modules, used = set(), set()
    for path in tree.cpp(*ROOMS_OF_CODE):
        modules.add(stem(path))
        allowed = DOORS.get(stem(path), ("(?!)", ""))[0]
        for line, token in _door_tokens(tree, path):
            if re.search(allowed, token):
                used.add(stem(path))
            else:
                yield Violation(path, line, "%s outside the doors" % token)
    for door in sorted(modules & set(DOORS) - used):
        yield Violation("tests/tidy/room_rules.py", 1, "%s is a door without a lock" % door)


def _door_tokens(tree, path):
    """(line, token) in order. Includes are read as written: the code has their quotes blanked."""
    found = list(find_lines(tree.code(path), _DOOR_TOKEN))
    found += [(line, match) for line, include in find_lines(tree.text(path), _INCLUDE)
              if include.group(1) == '"' and (match := _DOOR_TOKEN.search(include.group(0)))]
    return sorted((line, match.group(0)) for line, match in found)
