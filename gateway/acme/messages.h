#ifndef HOLDFAST_GATEWAY_ACME_MESSAGES_H_
#define HOLDFAST_GATEWAY_ACME_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/net/clock.h"
#include "pool/net/word_table.h"

// What an authority says, read from its JSON, and what it is told. Pure. No text can break it: what
// is missing or of another kind is an error that says so.

namespace holdfast::acme {

// RFC 8555 section 7.1.1 and RFC 9773 section 4.
struct Directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string renewal_info;       // empty: it does not say when to renew
  std::string terms;              // of service; empty: there are none
  bool external_account = false;  // only for those who have an account of another kind
};
absl::StatusOr<Directory> ParseDirectory(std::string_view json);

// RFC 9457, as RFC 8555 section 6.7 uses it.
struct Problem {
  std::string type;    // what follows "urn:ietf:params:acme:error:", else the whole; may be empty
  std::string detail;  // for people, on one line; those of sub-problems follow

  // "rateLimited: too many ..."
  std::string Text() const;
};
// nullopt: the text is none.
std::optional<Problem> ParseProblem(std::string_view json);

// Of an order, of an authorization and of a challenge (RFC 8555 section 7.1.6).
enum class State : uint8_t {
  kPending,
  kReady,
  kProcessing,
  kValid,
  kInvalid,
  kDeactivated,
  kExpired,
  kRevoked,
};
inline constexpr auto kStateWords = pool::Words<State>({{"pending", State::kPending},
                                                        {"ready", State::kReady},
                                                        {"processing", State::kProcessing},
                                                        {"valid", State::kValid},
                                                        {"invalid", State::kInvalid},
                                                        {"deactivated", State::kDeactivated},
                                                        {"expired", State::kExpired},
                                                        {"revoked", State::kRevoked}});
constexpr const auto& WordsOf(State) { return kStateWords; }

// A text of somebody else's as a log line can have it: without control characters, and at most so
// long.
inline constexpr size_t kMaxText = 500;
std::string OneLine(std::string text, size_t max = kMaxText);

struct Order {
  State state = State::kPending;
  std::vector<std::string> authorizations;  // at most kMaxAuthorizations
  std::string finalize;
  std::string certificate;  // empty: not yet
  std::optional<Problem> error;
};
inline constexpr size_t kMaxAuthorizations = 100;
absl::StatusOr<Order> ParseOrder(std::string_view json);

struct Challenge {
  std::string type;
  std::string url;
  std::string token;  // empty: this type has none
  State state = State::kPending;
  std::optional<Problem> error;
};
struct Authorization {
  State state = State::kPending;
  std::string name;
  std::vector<Challenge> challenges;
};
// A token that is not of the letters of RFC 8555 section 8.3 is an error.
absl::StatusOr<Authorization> ParseAuthorization(std::string_view json);

// RFC 9773 section 4.2.
struct RenewalInfo {
  pool::WallTime begin;
  pool::WallTime end;
  std::string explanation;  // a URL; may be empty
};
absl::StatusOr<RenewalInfo> ParseRenewalInfo(std::string_view json);

// What is sent. `email` may be empty; `replaces` (RFC 9773 section 5), too.
std::string NewAccount(std::string_view email);
std::string NewOrder(const std::vector<std::string>& names, std::string_view replaces);
std::string Finalize(std::string_view request_der);

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_MESSAGES_H_
