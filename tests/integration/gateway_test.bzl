"""A test that runs the gateway's binary."""

def gateway_test(name, size, srcs, data = [], deps = [], tags = [], shard_count = None):
    """A GoogleTest binary that finds the gateway through HOLDFAST_BINARY.

    Args:
      name: as of a cc_test.
      size: as of a cc_test.
      srcs: as of a cc_test.
      data: more than the gateway.
      deps: more than the test support and GoogleTest.
      tags: as of a cc_test.
      shard_count: as of a cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs,
        data = ["//gateway:holdfast"] + data,
        env = {"HOLDFAST_BINARY": "$(rootpath //gateway:holdfast)"},
        tags = tags + ["integration"],
        shard_count = shard_count,
        deps = [
            "//tests/support",
            "@googletest//:gtest_main",
        ] + deps,
    )
