#ifndef HOLDFAST_POOL_DNS_KNOWN_NAME_H_
#define HOLDFAST_POOL_DNS_KNOWN_NAME_H_

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/dns/endpoint_spec.h"
#include "pool/dns/service_query.h"
#include "pool/net/clock.h"
#include "pool/net/random.h"

namespace holdfast::pool {

// A name that is looked up once, however many upstreams share it.
struct NameQuestion {
  std::string host;   // in lower case: DNS does not tell cases apart (RFC 4343)
  uint16_t port = 0;  // 0 with `srv`
  bool srv = false;   // the owner of SRV records (RFC 2782)
  auto operator<=>(const NameQuestion&) const = default;
};

// When a name is looked up again.
struct RefreshOptions {
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::seconds(300);
  std::optional<Duration> hold;  // see DiscoveryOptions
};

// What is known of one name, and how long that is good. A failure never shrinks it: the addresses
// stay, and the next look-up comes after a back-off. If only a part of an answer is missing (one
// family, one target of a service), that part of the old addresses stays. "No such name" and "no
// records" keep the addresses as well, but with `hold` only until they are said again after that
// time.
//
// A plain value; time is an argument and does not go back.
class KnownName {
 public:
  // Before the first answer people wait, so retries begin early. After that the old addresses serve
  // and there is no hurry. Either delay doubles up to the last.
  static constexpr Duration kFirstAnswerRetry = std::chrono::milliseconds(200);
  static constexpr Duration kRefreshRetry = std::chrono::seconds(1);
  static constexpr Duration kMaxRetry = std::chrono::seconds(30);

  explicit KnownName(NameQuestion question) : question_(std::move(question)) {}

  // Takes in an early answer, which helps a name without addresses.
  void LearnEarly(EndpointAnswer answer);
  // Takes in a whole answer. Returns the time until the next look-up, shortened by `random`.
  Duration Learn(EndpointAnswer answer, const RefreshOptions& options, TimePoint now,
                 Random& random);

  const NameQuestion& question() const { return question_; }
  const std::vector<EndpointSpec>& endpoints() const { return endpoints_; }
  // Why endpoints may be missing or out of date, for people; empty when there is nothing to say.
  const std::string& note() const { return note_; }
  // What was wrong with the last look-up, for people; empty: nothing.
  const std::string& trouble() const { return trouble_; }

 private:
  Duration LearnFound(EndpointAnswer answer, const RefreshOptions& options);
  Duration LearnFailure(const EndpointAnswer& answer, const RefreshOptions& options, TimePoint now,
                        Random& random);
  bool KeepUnknown(EndpointAnswer& answer) const;
  std::string Note(std::string_view trouble) const;
  std::string FailureNote(const EndpointAnswer& answer) const;
  std::string DefectOf(const EndpointAnswer& answer) const;

  NameQuestion question_;
  std::vector<EndpointSpec> endpoints_;  // of the last answer that had any
  std::string note_ = "waiting for DNS: " + question_.host;
  std::string trouble_;
  bool early_ = false;                   // endpoints_ are those of an early answer
  uint32_t partial_ = 0;                 // incomplete answers in a row
  uint32_t failures_ = 0;                // since the last answer with addresses
  std::optional<TimePoint> gone_since_;  // the first "not found" since then
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_KNOWN_NAME_H_
