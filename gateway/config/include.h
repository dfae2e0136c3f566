#ifndef HOLDFAST_GATEWAY_CONFIG_INCLUDE_H_
#define HOLDFAST_GATEWAY_CONFIG_INCLUDE_H_

#include <cstddef>
#include <optional>

#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/file_access.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

inline constexpr size_t kMaxIncludedFiles = 1000;

// Reads the configuration of which `report` has the text, and the files that it includes, into one
// tree, in which each node keeps its place in its own file. What the environment is asked for is
// put in.
//
// `include` names files by globs, relative to the folder of the configuration. They bring
// listeners, upstreams and routes, which come after the configuration's own: glob after glob, and
// within a glob in the order of their paths' bytes. All other keys are the configuration's alone. A
// file without wildcards has to be there; an included file includes none itself. The bounds of
// yaml_node.h are for all of them together.
//
// What each glob has found is a note.
//
// Null when one of them is missing or can't be understood: what the others say is of no use then,
// and `report` says why.
std::optional<YamlNode> ReadWithIncludes(const Environment& environment, const FileAccess& files,
                                         Report* report);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_INCLUDE_H_
