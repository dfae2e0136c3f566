#ifndef HOLDFAST_GATEWAY_CONFIG_SUGGEST_H_
#define HOLDFAST_GATEWAY_CONFIG_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::config {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal
// string alignment), ASCII case ignored.
int EditDistance(std::string_view a, std::string_view b);

// The candidate that was probably meant: the nearest one, the first of equals, if about a third of
// its letters or fewer differ. Empty when nothing is near.
std::string_view Nearest(std::string_view text, const std::vector<std::string_view>& candidates);

// "; did you mean 'web'?", or nothing.
std::string Suggestion(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SUGGEST_H_
