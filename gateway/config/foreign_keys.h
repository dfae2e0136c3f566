#ifndef HOLDFAST_GATEWAY_CONFIG_FOREIGN_KEYS_H_
#define HOLDFAST_GATEWAY_CONFIG_FOREIGN_KEYS_H_

#include <string_view>

namespace holdfast::config {

// What to say about a key that people know from other proxies and that has another name here, or no
// counterpart: "TLS is not spoken in this version; ...". Empty for any other key. Case does not
// matter, and '-' counts as '_'.
std::string_view ForeignKeyHint(std::string_view key);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FOREIGN_KEYS_H_
