#include "gateway/server/heartbeats.h"

#include <absl/strings/str_cat.h>

namespace holdfast::server {

bool Heartbeats::BeginPing(size_t worker, pool::TimePoint now) {
  Beat& beat = beats_[worker];
  if (beat.pinged) return false;
  beat = {now, true};
  return true;
}

void Heartbeats::OnPong(size_t worker, pool::TimePoint now) { beats_[worker] = {now, false}; }

std::string Heartbeats::Trouble(pool::TimePoint now) const {
  std::string trouble;
  for (size_t i = 0; i < beats_.size(); ++i) {
    if (!beats_[i].pinged || now - beats_[i].since < kLate) continue;
    const auto late = std::chrono::duration_cast<std::chrono::seconds>(now - beats_[i].since);
    absl::StrAppend(&trouble, trouble.empty() ? "worker " : "; worker ", i,
                    " has not answered for ", late.count(), " s");
  }
  return trouble;
}

}  // namespace holdfast::server
