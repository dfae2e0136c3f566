#ifndef HOLDFAST_GATEWAY_ACME_PROOF_H_
#define HOLDFAST_GATEWAY_ACME_PROOF_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/acme/challenges.h"
#include "gateway/config/tls.h"
#include "pool/net/clock.h"

namespace holdfast::acme {

// What shows an authority that a name leads here, whichever process it comes to. A plain value.
struct Proof {
  config::AcmeChallenge challenge = config::AcmeChallenge::kHttp01;
  std::string subject;  // the token that is asked for, or the name
  std::string answer;   // the key authorization (RFC 8555 section 8.1)

  bool operator==(const Proof&) const = default;
};

// What the listeners answer for all of these.
Challenges ChallengesOf(const std::vector<Proof>& proofs, pool::WallTime now);

// As a text for other processes, good until then; and back. nullopt: it is none, or not good any
// more. No text can break it.
std::string FormatProof(const Proof& proof, pool::WallTime until);
std::optional<Proof> ParseProof(std::string_view text, pool::WallTime now);

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_PROOF_H_
