#include "gateway/server/ticket_keeper.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <sstream>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

std::shared_ptr<const pool::TicketKeys> Shared(const std::optional<pool::TicketKeys>& keys) {
  HOLDFAST_CHECK(keys.has_value());
  return std::make_shared<const pool::TicketKeys>(*keys);
}

bool IsHex(std::string_view text) {
  return text.size() % 2 == 0 && std::ranges::all_of(text, [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

}  // namespace

TicketKeeper::TicketKeeper(pool::EventLoop* loop, OnRotated on_rotated)
    : loop_(loop), on_rotated_(std::move(on_rotated)) {}

void TicketKeeper::Adopt(const std::map<std::string, pool::TlsTickets>& listeners) {
  std::map<std::string, Listener> next;
  tls::TicketKeySets keys;
  for (const auto& [name, settings] : listeners) {
    const auto known = listeners_.find(name);
    if (known == listeners_.end() || known->second.settings != settings) {
      next[name] = Begin(name, settings);
    } else {
      next[name] = std::move(known->second);
    }
    keys[name] = keys_.at(name);
  }
  listeners_ = std::move(next);
  keys_ = std::move(keys);
  inherited_.clear();
  ArmTimer();
}

TicketKeeper::Listener TicketKeeper::Begin(const std::string& name,
                                           const pool::TlsTickets& settings) {
  Listener listener{.settings = settings, .changes_at = loop_->now() + settings.rotate};
  if (!settings.secret.empty()) {
    Derive(name, &listener);
  } else if (const auto before = inherited_.find(name); before != inherited_.end()) {
    keys_[name] = Shared(before->second.keys);
    listener.changes_at = loop_->now() + std::min(before->second.left, settings.rotate);
  } else if (!keys_.contains(name) || !listeners_.at(name).settings.secret.empty()) {
    keys_[name] = Shared(pool::TicketKeys::Fresh());
  }
  return listener;
}

void TicketKeeper::Derive(const std::string& name, Listener* listener) {
  const pool::Duration rotate = listener->settings.rotate;
  HOLDFAST_CHECK(rotate > pool::Duration::zero());
  const pool::Duration since_1970 = loop_->clock().WallNow().time_since_epoch();
  keys_[name] = Shared(pool::TicketKeys::Derived(listener->settings.secret.pem,
                                                 static_cast<uint64_t>(since_1970 / rotate)));
  listener->changes_at = loop_->now() + rotate - since_1970 % rotate;
}

void TicketKeeper::ArmTimer() {
  loop_->timers().Cancel(timer_);
  if (listeners_.empty()) return;
  pool::TimePoint first = pool::TimePoint::max();
  for (const auto& [name, listener] : listeners_) first = std::min(first, listener.changes_at);
  loop_->timers().Arm(timer_, first);
}

void TicketKeeper::OnTimer(pool::TimePoint now) {
  for (auto& [name, listener] : listeners_) {
    if (listener.changes_at > now) continue;
    if (!listener.settings.secret.empty()) {
      Derive(name, &listener);
      continue;
    }
    keys_[name] = Shared(keys_[name]->Rotated());
    listener.changes_at = now + listener.settings.rotate;
  }
  ArmTimer();
  on_rotated_(keys_);
}

// A line each: the listener's name, the seconds that are left, and the keys.
std::string TicketKeeper::Serialize() const {
  std::string text;
  for (const auto& [name, listener] : listeners_) {
    if (!listener.settings.secret.empty()) continue;
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(listener.changes_at - loop_->now());
    absl::StrAppend(&text, absl::BytesToHexString(name), " ", std::max<int64_t>(0, left.count()),
                    " ", absl::BytesToHexString(keys_.at(name)->Serialize()), "\n");
  }
  return text;
}

void TicketKeeper::Inherit(std::string_view text) {
  HOLDFAST_CHECK(listeners_.empty());
  std::istringstream lines{std::string(text)};
  std::string name, keys;
  int64_t seconds = 0;
  while (lines >> name >> seconds >> keys) {
    if (!IsHex(name) || !IsHex(keys) || seconds < 0 || seconds > 7 * 86'400) continue;
    const auto parsed = pool::TicketKeys::Parse(absl::HexStringToBytes(keys));
    if (!parsed.has_value()) continue;
    inherited_[absl::HexStringToBytes(name)] = {*parsed, std::chrono::seconds(seconds)};
  }
}

}  // namespace holdfast::server
