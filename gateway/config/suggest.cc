#include "gateway/config/suggest.h"

#include <algorithm>
#include <array>

#include <absl/strings/ascii.h>

namespace holdfast::config {
namespace {

// Nobody mistypes a longer word than this, and the table's size is bounded by it.
constexpr size_t kMaxWord = 64;
constexpr int kFarAway = 1000;

bool SameLetter(char a, char b) {
  return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
         absl::ascii_tolower(static_cast<unsigned char>(b));
}

}  // namespace

int EditDistance(std::string_view a, std::string_view b) {
  if (a.size() > kMaxWord || b.size() > kMaxWord) return kFarAway;
  std::array<std::array<int, kMaxWord + 1>, 3> rows;
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = SameLetter(a[i - 1], b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && SameLetter(a[i - 1], b[j - 2]) && SameLetter(a[i - 2], b[j - 1]);
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string_view Nearest(std::string_view text, const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  int nearest_distance = kFarAway;
  for (const std::string_view candidate : candidates) {
    const int allowed = std::max<int>(1, static_cast<int>(candidate.size()) / 3);
    const int distance = EditDistance(text, candidate);
    if (distance <= allowed && distance < nearest_distance) {
      nearest = candidate;
      nearest_distance = distance;
    }
  }
  return nearest;
}

std::string Suggestion(std::string_view text, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = Nearest(text, candidates);
  if (nearest.empty()) return {};
  return "; did you mean '" + std::string(nearest) + "'?";
}

}  // namespace holdfast::config
