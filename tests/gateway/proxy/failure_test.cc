#include "gateway/proxy/failure.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/auth/token_check.h"
#include "gateway/http/persistence.h"
#include "gateway/proxy/retry.h"
#include "pool/connect_result.h"

namespace holdfast::proxy {
namespace {

using pool::CheckoutResult;

TEST(FailureTest, NamesAreDistinctAndFitForALabel) {
  std::set<std::string_view> names;
  for (int i = 0; i < kFailures; ++i) {
    const std::string_view name = FailureName(static_cast<Failure>(i));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), name.npos) << name;
    EXPECT_FALSE(name.empty());
  }
}

// Operators read about each word in one place.
TEST(FailureTest, EveryWordIsExplained) {
  std::ifstream file("deploy/REASONS.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto expect_explained = [&](std::string_view word) {
    EXPECT_NE(text.find("`" + std::string(word) + "`"), text.npos) << word;
  };
  for (int i = 0; i < kFailures; ++i) expect_explained(FailureName(static_cast<Failure>(i)));
  for (int i = 0; i < kRetryDecisions; ++i) {
    const auto decision = static_cast<RetryDecision>(i);
    if (decision == RetryDecision::kAwaitProof) continue;  // Followed by another; never told.
    expect_explained(RetryDecisionName(decision));
  }
  for (const std::string_view word : auth::kTokenFaultWords.words()) expect_explained(word);
  for (int i = static_cast<int>(http::ClientPersistence::kKeep) + 1;
       i <= static_cast<int>(http::ClientPersistence::kMaxRequests); ++i) {
    expect_explained(http::PersistenceName(static_cast<http::ClientPersistence>(i)));
  }
}

TEST(FailureTest, NobodyAnswersAClientThatIsGone) {
  EXPECT_EQ(FailureStatus(Failure::kNone), 0);
  EXPECT_EQ(FailureStatus(Failure::kClientGone), 0);
  EXPECT_EQ(FailureStatus(Failure::kShutdown), 0);
}

struct Expected {
  Failure failure;
  int status;
  bool blames_upstream;
};

class FailureTableTest : public testing::TestWithParam<Expected> {};

TEST_P(FailureTableTest, StatusAndBlame) {
  EXPECT_EQ(FailureStatus(GetParam().failure), GetParam().status);
  EXPECT_EQ(BlamesUpstream(GetParam().failure), GetParam().blames_upstream);
}

INSTANTIATE_TEST_SUITE_P(
    All, FailureTableTest,
    testing::Values(
        Expected{Failure::kRefusedFraming, 400, false},
        Expected{Failure::kAmbiguousPath, 400, false}, Expected{Failure::kEncodedSlash, 400, false},
        Expected{Failure::kNoRoute, 404, false}, Expected{Failure::kMethodNotAllowed, 405, false},
        Expected{Failure::kUnsupportedMethod, 501, false},
        Expected{Failure::kUnknownExpectation, 417, false},
        Expected{Failure::kBodyTooLarge, 413, false}, Expected{Failure::kHeadTimeout, 408, false},
        Expected{Failure::kLoopDetected, 508, false}, Expected{Failure::kClientDenied, 403, false},
        Expected{Failure::kRateLimited, 429, false}, Expected{Failure::kUnauthorized, 401, false},
        Expected{Failure::kInFlightFull, 503, false},
        Expected{Failure::kInFlightTimeout, 503, false},
        Expected{Failure::kAuthOverloaded, 503, false}, Expected{Failure::kJwtMissing, 401, false},
        Expected{Failure::kJwtInvalid, 401, false}, Expected{Failure::kJwtExpired, 401, false},
        Expected{Failure::kJwtKeysUnavailable, 503, false},
        Expected{Failure::kClientCertificateRequired, 403, false},
        Expected{Failure::kClientCertificateTooLarge, 431, false},
        Expected{Failure::kUpstreamHeadTruncated, 502, true},
        Expected{Failure::kNoEndpoint, 503, true}, Expected{Failure::kQueueFull, 503, true},
        Expected{Failure::kQueueTimeout, 503, true}, Expected{Failure::kConnectRefused, 502, true},
        Expected{Failure::kConnectTimeout, 504, true}, Expected{Failure::kConnectFailed, 502, true},
        Expected{Failure::kTlsFailed, 502, true}, Expected{Failure::kTlsTimeout, 504, true},
        Expected{Failure::kConnectUnreachable, 502, true},
        Expected{Failure::kNoDescriptors, 503, true}, Expected{Failure::kNoLocalPort, 503, true},
        Expected{Failure::kNoMemory, 503, true}, Expected{Failure::kBreakerOpen, 503, true},
        Expected{Failure::kUpstreamClosed, 502, true}, Expected{Failure::kUpstreamReset, 502, true},
        Expected{Failure::kUpstreamBadResponse, 502, true},
        Expected{Failure::kUpstreamTruncated, 502, true},
        Expected{Failure::kFirstByteTimeout, 504, true},
        Expected{Failure::kStallTimeout, 504, true}, Expected{Failure::kTotalTimeout, 504, true},
        Expected{Failure::kClientBodyTimeout, 408, false},
        Expected{Failure::kClientBodyBroken, 400, false}),
    [](const auto& info) { return std::string(FailureName(info.param.failure)); });

TEST(FailureTest, APathThatIsRefusedHasItsFailure) {
  EXPECT_EQ(FailureOf(http::PathDoubt::kNone), Failure::kNone);
  EXPECT_EQ(FailureOf(http::PathDoubt::kNul), Failure::kAmbiguousPath);
  EXPECT_EQ(FailureOf(http::PathDoubt::kOtherRoute), Failure::kAmbiguousPath);
  EXPECT_EQ(FailureOf(http::PathDoubt::kRewrittenToHost), Failure::kAmbiguousPath);
  EXPECT_EQ(FailureOf(http::PathDoubt::kEncodedSlash), Failure::kEncodedSlash);
}

TEST(FailureTest, EveryCheckoutThatFailedHasItsFailure) {
  EXPECT_EQ(FailureOf(CheckoutResult::kQueueFull), Failure::kQueueFull);
  EXPECT_EQ(FailureOf(CheckoutResult::kQueueTimeout), Failure::kQueueTimeout);
  EXPECT_EQ(FailureOf(CheckoutResult::kConnectRefused), Failure::kConnectRefused);
  EXPECT_EQ(FailureOf(CheckoutResult::kConnectTimeout), Failure::kConnectTimeout);
  EXPECT_EQ(FailureOf(CheckoutResult::kConnectFailed), Failure::kConnectFailed);
  EXPECT_EQ(FailureOf(CheckoutResult::kConnectUnreachable), Failure::kConnectUnreachable);
  EXPECT_EQ(FailureOf(CheckoutResult::kTlsFailed), Failure::kTlsFailed);
  EXPECT_EQ(FailureOf(CheckoutResult::kTlsTimeout), Failure::kTlsTimeout);
  EXPECT_EQ(FailureOf(CheckoutResult::kNoDescriptors), Failure::kNoDescriptors);
  EXPECT_EQ(FailureOf(CheckoutResult::kNoLocalPort), Failure::kNoLocalPort);
  EXPECT_EQ(FailureOf(CheckoutResult::kNoMemory), Failure::kNoMemory);
  EXPECT_EQ(FailureOf(CheckoutResult::kNoEndpoint), Failure::kNoEndpoint);
}

TEST(FailureTest, EveryBreakerIsABreaker) {
  for (const CheckoutResult result :
       {CheckoutResult::kRequestsBreaker, CheckoutResult::kConnectionsBreaker,
        CheckoutResult::kPendingBreaker}) {
    EXPECT_EQ(FailureOf(result), Failure::kBreakerOpen);
  }
}

TEST(FailureTest, OnlyWhatTheEndpointDidSpeaksAboutIt) {
  using pool::Outcome;
  for (const Failure failure :
       {Failure::kUpstreamClosed, Failure::kUpstreamReset, Failure::kUpstreamBadResponse,
        Failure::kUpstreamHeadTruncated, Failure::kUpstreamTruncated, Failure::kFirstByteTimeout,
        Failure::kStallTimeout}) {
    const std::optional<Outcome> outcome = OutcomeOf(failure);
    ASSERT_TRUE(outcome.has_value()) << FailureName(failure);
    EXPECT_EQ(pool::OutcomeName(*outcome), FailureName(failure)) << "one word for one thing";
  }
  for (const Failure failure :
       {Failure::kNone, Failure::kQueueTimeout, Failure::kBreakerOpen, Failure::kNoDescriptors,
        Failure::kNoLocalPort, Failure::kNoMemory, Failure::kTotalTimeout, Failure::kClientGone,
        Failure::kClientBodyTimeout}) {
    EXPECT_EQ(OutcomeOf(failure), std::nullopt) << FailureName(failure);
  }
  for (int i = 0; i < pool::kCheckoutResults; ++i) {
    const auto result = static_cast<CheckoutResult>(i);
    const std::optional<Outcome> outcome = pool::OutcomeOf(result);
    if (!outcome.has_value()) continue;
    EXPECT_EQ(OutcomeOf(FailureOf(result)), std::nullopt) << "reported by the pool already";
    EXPECT_EQ(pool::OutcomeName(*outcome), FailureName(FailureOf(result)));
  }
}

TEST(FailureTest, AnErrorOfTheServiceItselfIsAnAnswer) {
  for (const int status : {200, 404, 429, 500, 501, 505}) {
    EXPECT_EQ(OutcomeOfAnswer({status, {}}), pool::Outcome::kAnswered) << status;
  }
  for (const int status : {502, 503, 504}) {
    EXPECT_EQ(pool::OutcomeName(OutcomeOfAnswer({status, {}})), std::to_string(status));
  }
}

TEST(FailureTest, UnavailableIsThe503OfGrpc) {
  EXPECT_EQ(OutcomeOfAnswer({200, grpc::Status::kUnavailable}), pool::Outcome::kStatus503);
  for (const grpc::Status status : {grpc::Status::kOk, grpc::Status::kNotFound,
                                    grpc::Status::kDeadlineExceeded, grpc::Status::kInternal}) {
    EXPECT_EQ(OutcomeOfAnswer({200, status}), pool::Outcome::kAnswered);
  }
}

TEST(FailureDeathTest, ACheckoutThatDidNotFailHasNone) {
  EXPECT_DEATH(FailureOf(CheckoutResult::kReused), "");
  EXPECT_DEATH(FailureOf(CheckoutResult::kFresh), "");
  EXPECT_DEATH(FailureOf(CheckoutResult::kCancelled), "");
}

}  // namespace
}  // namespace holdfast::proxy
