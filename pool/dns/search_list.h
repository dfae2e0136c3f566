#ifndef HOLDFAST_POOL_DNS_SEARCH_LIST_H_
#define HOLDFAST_POOL_DNS_SEARCH_LIST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "pool/dns/resolver.h"

namespace holdfast::pool {

// Where a name with few dots is looked for first, as resolv.conf(5) says.
struct SearchList {
  int ndots = 1;
  std::vector<std::string> domains;
};

// The names to try one after the other. A name with a trailing dot is the only candidate; a name
// with fewer than ndots dots is tried within each domain first.
std::vector<std::string> Candidates(const std::string& name, const SearchList& list);

// One search for a name. It goes on when a candidate does not exist and, as glibc's does, when the
// servers fail or refuse to answer for one: a domain with broken servers must not hide names that
// have nothing to do with it. After silence it only tries the name by itself, because each
// candidate would cost another timeout. It ends at a candidate that had the name before and whose
// servers fail: what a later candidate says may be somebody else's.
//
// A plain value.
class NameSearch {
 public:
  // `known`: the candidate that had the name the last time; empty: none.
  NameSearch(std::string name, const SearchList& list, std::string known);

  // The name to ask for.
  const std::string& candidate() const { return candidates_[at_]; }
  bool last() const { return at_ + 1 == candidates_.size(); }
  bool has_choice() const { return candidates_.size() > 1; }

  // The candidate was not found, for this reason (anything but kOk). True: candidate() is another
  // one; false: the search has ended without success.
  bool GoOn(ResolveStatus status, const std::string& detail);

  // After its end: "not found" only if that was said of every candidate.
  ResolveStatus status() const { return failure_.empty() ? ResolveStatus::kNotFound : status_; }
  // For people: which candidate failed and how; empty while none did.
  const std::string& failure() const { return failure_; }

 private:
  size_t Next(ResolveStatus status) const;

  std::string name_;
  std::string known_;
  std::vector<std::string> candidates_;
  size_t at_ = 0;
  ResolveStatus status_ = ResolveStatus::kNotFound;  // of the first failure
  std::string failure_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_SEARCH_LIST_H_
