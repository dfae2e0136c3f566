#ifndef HOLDFAST_POOL_TLS_SERVER_NAMES_H_
#define HOLDFAST_POOL_TLS_SERVER_NAMES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>

namespace holdfast::pool {

// Which of several things has a host name: the same letters, whatever their case, and else a
// wildcard for exactly one label (RFC 9525 section 6.3): *.example.com has a.example.com, but
// neither example.com nor a.b.example.com. A dot at the end is no part of a name. Immutable once it
// is filled; any thread then.
class ServerNames {
 public:
  // The first who adds a name has it; false: somebody has it already, or it is no host name. A
  // wildcard stands for the whole first label only.
  bool Add(std::string_view name, size_t owner);
  // Empty names and IP addresses are nobody's (RFC 6066 section 3).
  std::optional<size_t> Find(std::string_view host) const;

 private:
  absl::flat_hash_map<std::string, size_t> exact_;
  absl::flat_hash_map<std::string, size_t> wildcards_;  // by what follows the asterisk: ".a.test"
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_SERVER_NAMES_H_
