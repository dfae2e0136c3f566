#include "pool/dns/search_list.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

std::vector<std::string> Candidates(const std::string& name, const SearchList& list) {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> candidates;
  for (const std::string& domain : list.domains) candidates.push_back(name + "." + domain);
  const bool as_it_is_first = std::ranges::count(name, '.') >= list.ndots;
  candidates.insert(as_it_is_first ? candidates.begin() : candidates.end(), name);
  return candidates;
}

NameSearch::NameSearch(std::string name, const SearchList& list, std::string known)
    : name_(std::move(name)), known_(std::move(known)), candidates_(Candidates(name_, list)) {}

bool NameSearch::GoOn(ResolveStatus status, const std::string& detail) {
  HOLDFAST_CHECK(status != ResolveStatus::kOk && at_ < candidates_.size());
  const bool failed = status != ResolveStatus::kNotFound;
  if (failed && failure_.empty()) {
    status_ = status;
    failure_ = has_choice() ? candidate() + ": " + detail : detail;
  }
  if (failed && candidate() == known_) return false;
  const size_t next = Next(status);
  if (next >= candidates_.size()) return false;
  at_ = next;
  return true;
}

size_t NameSearch::Next(ResolveStatus status) const {
  if (status != ResolveStatus::kTimeout || candidate() == name_) return at_ + 1;
  const auto itself =
      std::find(candidates_.begin() + static_cast<ptrdiff_t>(at_), candidates_.end(), name_);
  return static_cast<size_t>(itself - candidates_.begin());
}

}  // namespace holdfast::pool
