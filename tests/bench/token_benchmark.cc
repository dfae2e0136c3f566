// What checking JSON Web Tokens costs: new ones, and those that were seen before.
//
//   bazel run --config=opt //tests/bench:token_benchmark -- [--check]
//
// Prints medians of repetitions on one core: CPU time and allocations of a check, for each
// algorithm, and what of a new one's OpenSSL takes for the signature alone. With --check it fails
// when a new token of ES256 takes longer than 60 us or a known one longer than 2 us.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/auth/bearer_auth.h"
#include "gateway/auth/key_set.h"
#include "gateway/auth/token_rules.h"
#include "tests/gateway/auth/test_tokens.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::auth {
namespace {

using pool::PublicKey;
using pool::SignatureAlgorithm;
using pool::TestKeyPair;

constexpr int kTokens = 256;
constexpr int kRepetitions = 11;
constexpr int kRoundsOfKnown = 40;
constexpr double kMostNewNanoseconds = 60'000;
constexpr double kMostKnownNanoseconds = 2'000;
constexpr pool::WallTime kNow{std::chrono::seconds(1'700'000'000)};

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double CpuNanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// Values of Authorization, each with a token of its own.
std::vector<std::string> CredentialsOf(const TestKeyPair& pair, SignatureAlgorithm algorithm) {
  const std::string header = std::string(R"({"alg":")") +
                             std::string(pool::kSignatureAlgorithmWords.WordOf(algorithm)) +
                             R"(","typ":"JWT","kid":"2026-11"})";
  std::vector<std::string> credentials;
  for (int i = 0; i < kTokens; ++i) {
    const std::string claims =
        R"({"iss":"https://login.example.com","aud":"api","exp":1700000600,"iat":1700000000,)"
        R"("sub":"user-)" +
        std::to_string(100'000 + i) + R"(","scope":"read write"})";
    credentials.push_back("Bearer " + SignedToken(pair, algorithm, header, claims));
  }
  return credentials;
}

struct Cost {
  double nanoseconds;
  double allocations;
};

void Ask(BearerAuth* auth, const TokenRules& rules, const std::vector<http::HeaderList>& requests) {
  std::shared_ptr<const GoodToken> token;
  TokenFault fault = TokenFault::kNone;
  for (const http::HeaderList& fields : requests) {
    if (auth->Ask(rules, fields, kNow, &token, &fault) != TokenAnswer::kAdmitted) std::abort();
  }
}

// For one token, by somebody who has seen none of them before or, if `known`, all.
Cost Measure(const TokenRules& rules, const std::vector<http::HeaderList>& requests, bool known) {
  const int rounds = known ? kRoundsOfKnown : 1;
  const double count = static_cast<double>(requests.size()) * rounds;
  std::vector<double> times;
  uint64_t allocations = 0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    BearerAuth auth;
    if (known) Ask(&auth, rules, requests);
    const uint64_t allocated = support::AllocationCount();
    const double begun = CpuNanoseconds();
    for (int round = 0; round < rounds; ++round) Ask(&auth, rules, requests);
    times.push_back((CpuNanoseconds() - begun) / count);
    allocations = support::AllocationCount() - allocated;
  }
  return {Median(times), static_cast<double>(allocations) / count};
}

// Of what a new one costs, the signature.
double SignatureNanoseconds(const TestKeyPair& pair, SignatureAlgorithm algorithm,
                            const std::vector<std::string>& messages) {
  const PublicKey key = pair.Public();
  std::vector<std::string> signatures;
  for (const std::string& message : messages) signatures.push_back(pair.Sign(algorithm, message));
  std::vector<double> times;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const double begun = CpuNanoseconds();
    for (size_t i = 0; i < messages.size(); ++i) {
      if (!key.Verify(algorithm, messages[i], signatures[i])) std::abort();
    }
    times.push_back((CpuNanoseconds() - begun) / static_cast<double>(messages.size()));
  }
  return Median(times);
}

// Whether the figures are within their bounds, which only one algorithm has.
bool Print(SignatureAlgorithm algorithm, PublicKey::Kind kind) {
  const TestKeyPair pair = TestKeyPair::Make(kind);
  TokenRules rules{.jwks = "/jwks.json",
                   .issuer = "https://login.example.com",
                   .audience = "api",
                   .algorithms = {algorithm},
                   .claims_to_headers = {{"x-user", "sub"}}};
  rules.keys =
      std::make_shared<const KeySet>(*KeySet::Parse(JwksOf({JwkOf(pair, R"(,"kid":"2026-11")")})));
  rules.identity = rules.keys->digest();
  const std::vector<std::string> credentials = CredentialsOf(pair, algorithm);
  std::vector<http::HeaderList> requests(credentials.size());
  for (size_t i = 0; i < credentials.size(); ++i) {
    requests[i].Add(
        {.name = "Authorization", .value = credentials[i], .id = http::FieldId::kAuthorization});
  }
  const Cost fresh = Measure(rules, requests, /*known=*/false);
  const Cost known = Measure(rules, requests, /*known=*/true);
  printf("%-6s  new %9.1f us (signature %9.1f)  %5.1f allocations   known %7.2f us  %5.2f\n",
         std::string(pool::kSignatureAlgorithmWords.WordOf(algorithm)).c_str(),
         fresh.nanoseconds / 1000, SignatureNanoseconds(pair, algorithm, credentials) / 1000,
         fresh.allocations, known.nanoseconds / 1000, known.allocations);
  return fresh.nanoseconds <= kMostNewNanoseconds && known.nanoseconds <= kMostKnownNanoseconds;
}

int Main(bool check) {
  const bool good = Print(SignatureAlgorithm::kEs256, PublicKey::Kind::kP256);
  Print(SignatureAlgorithm::kRs256, PublicKey::Kind::kRsa);
  Print(SignatureAlgorithm::kEdDsa, PublicKey::Kind::kEd25519);
  Print(SignatureAlgorithm::kEs384, PublicKey::Kind::kP384);
  if (check) printf("%s\n", good ? "PASS" : "FAIL");
  return check && !good ? 1 : 0;
}

}  // namespace
}  // namespace holdfast::auth

int main(int argc, char** argv) {
  return holdfast::auth::Main(argc > 1 && std::string_view(argv[1]) == "--check");
}
