// Compiled with each link of a stamped binary, after a header with what deploy/build_status prints
// (Bazel's `linkstamp`). The header is no reason to link again, so that a commit that changes no
// source rebuilds nothing.

#include "gateway/build_commit.h"

namespace holdfast {
namespace {

// Bazel's word for a status without a revision.
constexpr std::string_view kNone = "0";
constexpr std::string_view kRevision = BUILD_SCM_REVISION;

}  // namespace

const std::string_view kBuildCommit = kRevision == kNone ? "unknown" : kRevision;

}  // namespace holdfast
