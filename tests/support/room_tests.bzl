"""The test programs of a room: few of them, since each costs a link and a process."""

def room_tests(
        name,
        deps,
        threads = [],
        own = [],
        data = [],
        size = "medium",
        shard_count = None,
        tags = []):
    """Makes one program of a folder's test files, and another of those that run threads.

    Every `*_test.cc` of the folder joins NAME by itself. ThreadSanitizer runs the program of
    `threads` alone, NAME_threads: the tidy test holds that no file outside it starts a thread.

    Args:
      name: of the program.
      deps: what the files need, besides GoogleTest.
      threads: the files that run threads.
      own: the files that have a program of their own (they enter a network namespace, replace
        `new`, measure the process or change its signals); a cc_test of the folder names each.
      data: as of a cc_test.
      size: as of a cc_test.
      shard_count: as of a cc_test.
      tags: as of a cc_test.
    """
    programs = [
        (name, native.glob(["*_test.cc"], exclude = threads + own), ["notsan"]),
        (name + "_threads", threads, []),
    ]
    for program, srcs, more_tags in programs:
        if srcs:
            native.cc_test(
                name = program,
                size = size,
                srcs = srcs,
                data = data,
                shard_count = shard_count,
                tags = tags + more_tags,
                deps = deps + ["@googletest//:gtest_main"],
            )
