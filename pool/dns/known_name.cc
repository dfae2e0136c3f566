#include "pool/dns/known_name.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

std::string_view Explain(ResolveStatus failure) {
  switch (failure) {
    case ResolveStatus::kOk: break;
    case ResolveStatus::kNotFound: return "not found";
    case ResolveStatus::kServerError: return "server failure";
    case ResolveStatus::kTimeout: return "no answer in time";
  }
  HOLDFAST_CHECK(false);
}

// The delay before the next look-up after so many that failed.
Duration Backoff(Duration delay, uint32_t failures) {
  for (uint32_t i = 1; i < failures && delay < KnownName::kMaxRetry; ++i) delay *= 2;
  return std::min(delay, KnownName::kMaxRetry);
}

}  // namespace

void KnownName::LearnEarly(EndpointAnswer answer) {
  HOLDFAST_CHECK(answer.more && !answer.endpoints.empty());
  if (!endpoints_.empty() && !early_) return;
  early_ = true;
  endpoints_ = std::move(answer.endpoints);
  note_ = "waiting for the rest of DNS: " + question_.host;
}

Duration KnownName::Learn(EndpointAnswer answer, const RefreshOptions& options, TimePoint now,
                          Random& random) {
  HOLDFAST_CHECK(!answer.more);
  HOLDFAST_CHECK(answer.endpoints.empty() == (answer.status != ResolveStatus::kOk));
  early_ = false;
  if (answer.status != ResolveStatus::kOk) return LearnFailure(answer, options, now, random);
  return random.ShortenTenth(LearnFound(std::move(answer), options));
}

Duration KnownName::LearnFound(EndpointAnswer answer, const RefreshOptions& options) {
  failures_ = 0;
  gone_since_.reset();
  note_ = KeepUnknown(answer) ? Note("not all was answered") : "";
  trouble_ = DefectOf(answer);
  endpoints_ = std::move(answer.endpoints);
  const Duration wait = std::clamp(answer.ttl, options.min_ttl, options.max_ttl);
  // The missing part may be there long before the rest expires.
  partial_ = answer.unknown.empty() && answer.detail.empty() ? 0 : partial_ + 1;
  return partial_ > 0 ? std::min(wait, Backoff(kRefreshRetry, partial_)) : wait;
}

Duration KnownName::LearnFailure(const EndpointAnswer& answer, const RefreshOptions& options,
                                 TimePoint now, Random& random) {
  ++failures_;
  if (answer.status == ResolveStatus::kNotFound) {
    // DNS says that there is nothing. Other failures in between do not matter, but only a second
    // such answer at the end of the time is believed.
    if (!gone_since_.has_value()) gone_since_ = now;
    if (options.hold.has_value() && now - *gone_since_ >= *options.hold) endpoints_.clear();
  }
  note_ = FailureNote(answer);
  trouble_ = note_;
  const Duration delay = random.ShortenTenth(
      Backoff(endpoints_.empty() ? kFirstAnswerRetry : kRefreshRetry, failures_));
  if (endpoints_.empty() || !options.hold.has_value() || !gone_since_.has_value()) return delay;
  const Duration held = *gone_since_ + *options.hold - now;
  return held > Duration::zero() ? std::min(delay, held) : delay;
}

// Adds the endpoints known before to the answer where the answer says nothing of them. Returns
// whether there were any.
bool KnownName::KeepUnknown(EndpointAnswer& answer) const {
  bool kept = false;
  for (const EndpointSpec& before : endpoints_) {
    const auto includes = [&](const UnknownAddresses& unknown) { return unknown.Includes(before); };
    if (std::ranges::none_of(answer.unknown, includes)) continue;
    if (std::ranges::find(answer.endpoints, before.address, &EndpointSpec::address) !=
        answer.endpoints.end()) {
      continue;
    }
    if (answer.endpoints.size() >= ServiceQuery::kMaxEndpoints) break;
    answer.endpoints.push_back(before);
    kept = true;
  }
  return kept;
}

std::string KnownName::Note(std::string_view trouble) const {
  std::string note = "DNS: " + question_.host + ": ";
  note += trouble;
  if (!endpoints_.empty()) note += ", keeping the addresses known before";
  return note;
}

std::string KnownName::FailureNote(const EndpointAnswer& answer) const {
  std::string trouble(Explain(answer.status));
  // "Server failure" alone does not say which failure; the library knows more. The same holds for
  // what may be wrong with a service.
  if ((answer.status == ResolveStatus::kServerError || question_.srv) && !answer.detail.empty()) {
    trouble += " (" + answer.detail + ")";
  }
  return Note(trouble);
}

// What is wrong with an answer that has addresses.
std::string KnownName::DefectOf(const EndpointAnswer& answer) const {
  if (!answer.detail.empty()) return "DNS: " + question_.host + ": " + answer.detail;
  if (answer.unknown.empty()) return "";
  const UnknownAddresses& unknown = answer.unknown.front();
  std::string defect = "DNS: " + question_.host + ": no answer about ";
  if (question_.srv) defect += unknown.host + " ";
  defect += unknown.family == AF_INET ? "A" : unknown.family == AF_INET6 ? "AAAA" : "A, AAAA";
  return defect;
}

}  // namespace holdfast::pool
