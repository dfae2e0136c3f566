#ifndef HOLDFAST_GATEWAY_BUILD_COMMIT_H_
#define HOLDFAST_GATEWAY_BUILD_COMMIT_H_

#include <string_view>

namespace holdfast {

// The commit this was linked from: its first twelve digits, followed by "-modified" when there were
// changes beside it; "unknown" without git, and in builds without --stamp (all but --config=opt).
extern const std::string_view kBuildCommit;

}  // namespace holdfast

#endif  // HOLDFAST_GATEWAY_BUILD_COMMIT_H_
