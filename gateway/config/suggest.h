#ifndef HOLDFAST_GATEWAY_CONFIG_SUGGEST_H_
#define HOLDFAST_GATEWAY_CONFIG_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::config {

// How many insertions, deletions, substitutions and swaps of neighbours turn `a` into `b` (optimal
// string alignment). ASCII case does not matter.
int EditDistance(std::string_view a, std::string_view b);

// The candidate that was probably meant: the nearest one, or the first of equally near ones, if
// about a third of its letters or fewer differ. Empty when nothing is near.
std::string_view Nearest(std::string_view text, const std::vector<std::string_view>& candidates);

// "; did you mean 'web'?", or nothing.
std::string Suggestion(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SUGGEST_H_
