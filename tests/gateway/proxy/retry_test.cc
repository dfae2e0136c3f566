#include "gateway/proxy/retry.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using stream::Evidence;

using config::RetryPolicy;

const RetryPolicy kDefault;
const RetryPolicy kOff{.attempts = 0};
const RetryPolicy kNothing{.connect_failure = false};
const RetryPolicy kRefused{.connect_failure = false, .unprocessed = true};
const RetryPolicy kGatewayError{.gateway_error = true};
const RetryPolicy kEverything{
    .unprocessed = true, .gateway_error = true, .first_byte_timeout = true, .statuses = {429}};

// A GET that met a dead kept connection: the case for which repetition was made.
RetryFacts Stale() {
  return {.end = AttemptEnd::kClosed,
          .policy = &kDefault,
          .reused_connection = true,
          .idempotent = true,
          .replayable = true};
}

// A POST that the peer closed under, having read none of it.
RetryFacts ProvenPost() {
  RetryFacts facts = Stale();
  facts.evidence = Evidence::kUnprocessed;
  facts.idempotent = false;
  return facts;
}

// A GET on a new connection.
RetryFacts Fresh(AttemptEnd end, const RetryPolicy& policy) {
  return {.end = end, .policy = &policy, .idempotent = true, .replayable = true};
}

template <class Change>
RetryFacts With(RetryFacts facts, Change change) {
  change(facts);
  return facts;
}
constexpr auto kPost = [](RetryFacts& f) { f.idempotent = false; };
constexpr auto kElsewhere = [](RetryFacts& f) { f.elsewhere = true; };
constexpr auto kPostElsewhere = [](RetryFacts& f) {
  f.elsewhere = true;
  f.idempotent = false;
};
constexpr auto kProven = [](RetryFacts& f) {
  f.idempotent = false;
  f.evidence = Evidence::kUnprocessed;
};
constexpr auto kStatus503 = [](RetryFacts& f) {
  f.status.http = 503;
  f.evidence = Evidence::kProcessed;
};
constexpr auto kStatus429 = [](RetryFacts& f) { f.status.http = 429; };

struct Row {
  const char* name;
  RetryFacts facts;
  RetryDecision decision;
};

class RetryTableTest : public testing::TestWithParam<Row> {};

TEST_P(RetryTableTest, Decides) {
  EXPECT_EQ(RetryDecisionName(DecideRetry(GetParam().facts)),
            RetryDecisionName(GetParam().decision));
}

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    DeadKeptConnection, RetryTableTest,
    testing::Values(Row{"OfAGet", Stale(), RetryDecision::kRetryIdempotent},
                    Row{"OfAGetByReset",
                        With(Stale(), [](RetryFacts& f) { f.end = AttemptEnd::kReset; }),
                        RetryDecision::kRetryIdempotent},
                    Row{"BeforeAnythingWasWritten",
                        With(Stale(),
                             [](RetryFacts& f) {
                               f.nothing_written = true;
                               f.idempotent = false;
                             }),
                        RetryDecision::kRetryUnwritten},
                    Row{"Unread", ProvenPost(), RetryDecision::kRetryProven},
                    Row{"UnreadGet", With(ProvenPost(), [](RetryFacts& f) { f.idempotent = true; }),
                        RetryDecision::kRetryProven},
                    Row{"PerhapsUnread",
                        With(ProvenPost(), [](RetryFacts& f) { f.evidence = Evidence::kPending; }),
                        RetryDecision::kAwaitProof},
                    Row{"PerhapsUnreadForLong",
                        With(ProvenPost(),
                             [](RetryFacts& f) {
                               f.evidence = Evidence::kPending;
                               f.patience_over = true;
                             }),
                        RetryDecision::kNotProven},
                    Row{"AGetDoesNotAwaitProof",
                        With(ProvenPost(),
                             [](RetryFacts& f) {
                               f.evidence = Evidence::kPending;
                               f.idempotent = true;
                             }),
                        RetryDecision::kRetryIdempotent},
                    Row{"Acknowledged",
                        With(ProvenPost(), [](RetryFacts& f) { f.evidence = Evidence::kUnknown; }),
                        RetryDecision::kNotProven},
                    Row{"ResetWithoutAnEnd",
                        With(ProvenPost(),
                             [](RetryFacts& f) {
                               f.end = AttemptEnd::kReset;
                               f.evidence = Evidence::kUnknown;
                             }),
                        RetryDecision::kNotProven},
                    Row{"ResetByWhoSaysThatItDidNothing",
                        With(ProvenPost(), [](RetryFacts& f) { f.end = AttemptEnd::kReset; }),
                        RetryDecision::kRetryProven},
                    Row{"BeyondThePolicysAttempts",
                        With(Stale(), [](RetryFacts& f) { f.attempts_made = 1; }),
                        RetryDecision::kRetryIdempotent},
                    Row{"OnceOnly", With(Stale(), [](RetryFacts& f) { f.stale_retry_made = true; }),
                        RetryDecision::kNotInPolicy}),
    RowName);

INSTANTIATE_TEST_SUITE_P(
    AnyAttempt, RetryTableTest,
    testing::Values(Row{"SwitchedOff", With(Stale(), [](RetryFacts& f) { f.policy = &kOff; }),
                        RetryDecision::kSwitchedOff},
                    Row{"SwitchedOffThoughProven",
                        With(ProvenPost(), [](RetryFacts& f) { f.policy = &kOff; }),
                        RetryDecision::kSwitchedOff},
                    Row{"ResponseBegun",
                        With(Stale(), [](RetryFacts& f) { f.evidence = Evidence::kProcessed; }),
                        RetryDecision::kResponseBegun},
                    Row{"NotReplayable", With(Stale(), [](RetryFacts& f) { f.replayable = false; }),
                        RetryDecision::kNotReplayable},
                    Row{"NotReplayableThoughNothingWritten",
                        With(Stale(),
                             [](RetryFacts& f) {
                               f.replayable = false;
                               f.nothing_written = true;
                             }),
                        RetryDecision::kNotReplayable},
                    Row{"AttemptsUsed",
                        With(Fresh(AttemptEnd::kNoConnection, kDefault),
                             [](RetryFacts& f) { f.attempts_made = 1; }),
                        RetryDecision::kAttemptsUsed},
                    Row{"AttemptsUsedWinsOverALostBody",
                        With(Fresh(AttemptEnd::kNoConnection, kDefault),
                             [](RetryFacts& f) {
                               f.attempts_made = 1;
                               f.replayable = false;
                             }),
                        RetryDecision::kAttemptsUsed},
                    Row{"ALostBodyAwaitsNoProof",
                        With(ProvenPost(),
                             [](RetryFacts& f) {
                               f.evidence = Evidence::kPending;
                               f.replayable = false;
                             }),
                        RetryDecision::kNotReplayable},
                    Row{"AttemptsUsedWithoutWaitingForProof",
                        With(Fresh(AttemptEnd::kClosed, kRefused),
                             [](RetryFacts& f) {
                               f.evidence = Evidence::kPending;
                               f.attempts_made = 1;
                             }),
                        RetryDecision::kAttemptsUsed}),
    RowName);

constexpr auto kUntried = [](RetryFacts& f) { f.untried = true; };
constexpr auto kUntriedPost = [](RetryFacts& f) {
  f.untried = true;
  f.idempotent = false;
};
constexpr auto kUntriedUnwritten = [](RetryFacts& f) {
  f.untried = true;
  f.nothing_written = true;
};

// Nothing has left: whatever the policy says, the next endpoint is asked.
INSTANTIATE_TEST_SUITE_P(
    Search, RetryTableTest,
    testing::Values(
        Row{"NoConnectionWithAnotherEndpoint",
            With(Fresh(AttemptEnd::kNoConnection, kDefault), kUntriedPost),
            RetryDecision::kRetryNextEndpoint},
        Row{"RefusedWithAnotherEndpoint", With(Fresh(AttemptEnd::kRefused, kOff), kUntriedPost),
            RetryDecision::kRetryNextEndpoint},
        Row{"WithoutAttempts", With(Fresh(AttemptEnd::kNoConnection, kOff), kUntriedPost),
            RetryDecision::kRetryNextEndpoint},
        Row{"WithAPolicyForOtherFailures",
            With(Fresh(AttemptEnd::kNoConnection, kNothing), kUntriedPost),
            RetryDecision::kRetryNextEndpoint},
        Row{"AfterAttemptsAreUsed",
            With(Fresh(AttemptEnd::kNoConnection, kDefault),
                 [](RetryFacts& f) {
                   f.untried = true;
                   f.attempts_made = 1;
                 }),
            RetryDecision::kRetryNextEndpoint},
        Row{"AFreshConnectionThatDiedUnwritten",
            With(Fresh(AttemptEnd::kReset, kOff), kUntriedUnwritten),
            RetryDecision::kRetryNextEndpoint},
        Row{"AKeptOneThatDiedUnwrittenIsReplacedFirst", With(Stale(), kUntriedUnwritten),
            RetryDecision::kRetryUnwritten},
        Row{"WhatWasWrittenMayHaveBeenRead", With(Fresh(AttemptEnd::kReset, kOff), kUntried),
            RetryDecision::kSwitchedOff},
        Row{"AStatusIsNoSearch",
            With(Fresh(AttemptEnd::kStatus, kDefault),
                 [](RetryFacts& f) {
                   f.untried = true;
                   f.status.http = 503;
                 }),
            RetryDecision::kNotInPolicy},
        Row{"ABodyThatIsLost",
            With(Fresh(AttemptEnd::kNoConnection, kDefault),
                 [](RetryFacts& f) {
                   f.untried = true;
                   f.replayable = false;
                 }),
            RetryDecision::kNotReplayable}),
    RowName);

INSTANTIATE_TEST_SUITE_P(
    ByPolicy, RetryTableTest,
    testing::Values(
        Row{"NoConnection", With(Fresh(AttemptEnd::kNoConnection, kDefault), kPost),
            RetryDecision::kRetryConnectFailure},
        Row{"NoConnectionNotWanted", Fresh(AttemptEnd::kNoConnection, kNothing),
            RetryDecision::kNotInPolicy},
        Row{"WhoRefusedWouldRefuseAgain", Fresh(AttemptEnd::kRefused, kEverything),
            RetryDecision::kNotInPolicy},
        Row{"NothingWrittenOnAFreshConnection",
            With(Fresh(AttemptEnd::kReset, kDefault),
                 [](RetryFacts& f) { f.nothing_written = true; }),
            RetryDecision::kRetryUnwritten},
        Row{"FreshConnectionClosed", Fresh(AttemptEnd::kClosed, kDefault),
            RetryDecision::kNotInPolicy},
        Row{"FreshConnectionBrokeAndAnotherEndpointIsThere",
            With(Fresh(AttemptEnd::kReset, kDefault), kElsewhere), RetryDecision::kRetryReset},
        Row{"TheSameUnderAPost", With(Fresh(AttemptEnd::kReset, kDefault), kPostElsewhere),
            RetryDecision::kNotInPolicy},
        Row{"Refused", With(Fresh(AttemptEnd::kClosed, kRefused), kProven),
            RetryDecision::kRetryRefused},
        Row{"PerhapsRefused",
            With(Fresh(AttemptEnd::kClosed, kRefused),
                 [](RetryFacts& f) { f.evidence = Evidence::kPending; }),
            RetryDecision::kAwaitProof},
        Row{"ClosedAfterItWasRead", Fresh(AttemptEnd::kClosed, kRefused),
            RetryDecision::kNotProven},
        Row{"ResetIsNoRefusal", With(Fresh(AttemptEnd::kReset, kRefused), kPost),
            RetryDecision::kNotProven},
        Row{"Broken", Fresh(AttemptEnd::kReset, kGatewayError), RetryDecision::kRetryGatewayError},
        Row{"BrokenUnderAPost", With(Fresh(AttemptEnd::kReset, kGatewayError), kPost),
            RetryDecision::kNotIdempotent},
        Row{"BrokenUnderAPostThatWasRefused",
            With(Fresh(AttemptEnd::kClosed, kEverything), kProven), RetryDecision::kRetryRefused},
        Row{"GatewayErrorStatus", With(Fresh(AttemptEnd::kStatus, kGatewayError), kStatus503),
            RetryDecision::kRetryGatewayError},
        Row{"GatewayErrorStatusToAPost",
            With(With(Fresh(AttemptEnd::kStatus, kGatewayError), kStatus503), kPost),
            RetryDecision::kNotIdempotent},
        Row{"ChosenStatus", With(Fresh(AttemptEnd::kStatus, kEverything), kStatus429),
            RetryDecision::kRetryStatus},
        Row{"OtherStatus", With(Fresh(AttemptEnd::kStatus, kGatewayError), kStatus429),
            RetryDecision::kNotInPolicy},
        Row{"Silence", Fresh(AttemptEnd::kFirstByteTimeout, kEverything),
            RetryDecision::kRetryFirstByteTimeout},
        Row{"SilenceAfterAPost", With(Fresh(AttemptEnd::kFirstByteTimeout, kEverything), kPost),
            RetryDecision::kNotIdempotent},
        Row{"SilenceNotWanted", Fresh(AttemptEnd::kFirstByteTimeout, kGatewayError),
            RetryDecision::kNotInPolicy}),
    RowName);

TEST(RetryDecisionTest, AForgottenFactNeverRepeats) {
  EXPECT_FALSE(IsRetry(DecideRetry(RetryFacts{})));
  EXPECT_FALSE(IsRetry(DecideRetry(RetryFacts{.policy = &kEverything})));
}

// Whatever else is known: what may have been processed is sent again for an idempotent method only.
TEST(RetryDecisionTest, APostIsOnlyRepeatedWhenItWasNotProcessed) {
  const std::vector<const RetryPolicy*> policies{&kDefault, &kRefused, &kGatewayError,
                                                 &kEverything};
  for (int bits = 0; bits < 1 << 5; ++bits) {
    for (const RetryPolicy* policy : policies) {
      for (const AttemptEnd end : {AttemptEnd::kClosed, AttemptEnd::kReset,
                                   AttemptEnd::kFirstByteTimeout, AttemptEnd::kStatus}) {
        const RetryFacts facts{.end = end,
                               .policy = policy,
                               .status = {.http = 503},
                               .stale_retry_made = (bits & 1) != 0,
                               .reused_connection = (bits & 2) != 0,
                               .evidence = static_cast<Evidence>(bits >> 2 & 3),
                               .patience_over = (bits & 16) != 0,
                               .replayable = true};
        const bool proven = facts.evidence == Evidence::kUnprocessed;
        EXPECT_TRUE(!IsRetry(DecideRetry(facts)) || proven) << bits;
      }
    }
  }
}

// A call of gRPC, which is a POST, whose answer is a head that says so.
RetryFacts Unavailable(const RetryPolicy& policy) {
  RetryFacts facts = Fresh(AttemptEnd::kStatus, policy);
  facts.idempotent = false;
  facts.status = {200, grpc::Status::kUnavailable};
  facts.evidence = Evidence::kProcessed;
  return facts;
}

TEST(RetryDecisionTest, AStatusOfGrpcIsRepeatedWhereItIsNamed) {
  const RetryPolicy named{.grpc_statuses = {grpc::Status::kAborted, grpc::Status::kUnavailable}};
  EXPECT_EQ(DecideRetry(Unavailable(named)), RetryDecision::kRetryGrpcStatus);
  EXPECT_EQ(DecideRetry(Unavailable(kEverything)), RetryDecision::kNotInPolicy);
  EXPECT_TRUE(PolicyCovers(named, {200, grpc::Status::kUnavailable}));
  EXPECT_FALSE(PolicyCovers(named, {200, grpc::Status::kInternal}));
  EXPECT_FALSE(PolicyCovers(named, {200, std::nullopt})) << "it has more than a head";
  RetryFacts lost = Unavailable(named);
  lost.replayable = false;
  EXPECT_EQ(DecideRetry(lost), RetryDecision::kNotReplayable);
  RetryFacts often = Unavailable(named);
  often.attempts_made = named.attempts;
  EXPECT_EQ(DecideRetry(often), RetryDecision::kAttemptsUsed);
  EXPECT_FALSE(FreeOfBudget(RetryDecision::kRetryGrpcStatus));
}

// A POST that an HTTP/2 upstream has given back.
RetryFacts Returned() {
  RetryFacts facts = Fresh(AttemptEnd::kReset, kDefault);
  facts.idempotent = false;
  facts.returned = true;
  facts.evidence = Evidence::kUnprocessed;
  return facts;
}

TEST(RetryDecisionTest, WhatIsGivenBackIsSentAgainWhateverItIs) {
  for (const RetryPolicy* policy : {&kDefault, &kNothing}) {
    EXPECT_EQ(DecideRetry(With(Returned(), [&](RetryFacts& f) { f.policy = policy; })),
              RetryDecision::kRetryReturned);
  }
  EXPECT_EQ(DecideRetry(With(Returned(), [](RetryFacts& f) { f.attempts_made = 1; })),
            RetryDecision::kRetryReturned);
  EXPECT_EQ(DecideRetry(With(Returned(), [](RetryFacts& f) { f.reused_connection = true; })),
            RetryDecision::kRetryReturned);
}

TEST(RetryDecisionTest, WhatIsGivenBackIsNotSentAgainForEver) {
  EXPECT_EQ(DecideRetry(With(Returned(), [](RetryFacts& f) { f.policy = &kOff; })),
            RetryDecision::kSwitchedOff);
  EXPECT_EQ(DecideRetry(With(Returned(), [](RetryFacts& f) { f.replayable = false; })),
            RetryDecision::kNotReplayable);
  const auto often = [](RetryFacts& f) {
    f.returns_made = kMaxReturns;
    f.reused_connection = true;
  };
  EXPECT_EQ(DecideRetry(With(Returned(), often)), RetryDecision::kNotInPolicy);
  const auto by_policy = [&](RetryFacts& f) {
    often(f);
    f.policy = &kRefused;
  };
  EXPECT_EQ(DecideRetry(With(Returned(), by_policy)), RetryDecision::kRetryRefused);
}

TEST(RetryDecisionTest, OnlyWhatAddsLoadAsksTheBudget) {
  EXPECT_TRUE(FreeOfBudget(RetryDecision::kRetryReturned));
  EXPECT_TRUE(FreeOfBudget(RetryDecision::kRetryIdempotent));
  EXPECT_TRUE(FreeOfBudget(RetryDecision::kRetryConnectFailure));
  for (const RetryDecision decision :
       {RetryDecision::kRetryRefused, RetryDecision::kRetryGatewayError,
        RetryDecision::kRetryStatus, RetryDecision::kRetryFirstByteTimeout}) {
    EXPECT_FALSE(FreeOfBudget(decision)) << RetryDecisionName(decision);
  }
}

TEST(RetryDecisionTest, NamesAreDistinctAndSayWhichAreRetries) {
  std::set<std::string_view> names;
  for (int i = 0; i < kRetryDecisions; ++i) {
    const auto decision = static_cast<RetryDecision>(i);
    const std::string_view name = RetryDecisionName(decision);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.starts_with("retry_"), IsRetry(decision)) << name;
  }
}

}  // namespace
}  // namespace holdfast::proxy
