#ifndef HOLDFAST_GATEWAY_CONFIG_NAMES_H_
#define HOLDFAST_GATEWAY_CONFIG_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/diagnostic.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// The names of one kind of thing ("listener", "upstream", "route"), numbered as they are added.
class Names {
 public:
  explicit Names(std::string_view kind) : kind_(kind) {}

  bool IsNew(const std::string& name) const { return !entries_.contains(name); }

  // Reports a name that is already there; the first one keeps it.
  void Add(const std::string& name, Position position, Report* report);

  // The number of the name that `node` holds; one that does not exist is reported with the nearest
  // one that does. Null for a node that is not a scalar.
  std::optional<uint32_t> Resolve(const YamlNode& node, Report* report) const;

 private:
  struct Entry {
    uint32_t index;
    Position position;
  };
  std::string_view kind_;
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string, Entry> entries_;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_NAMES_H_
