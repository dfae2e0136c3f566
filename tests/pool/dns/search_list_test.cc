#include "pool/dns/search_list.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using Names = std::vector<std::string>;

const SearchList kPod{.ndots = 5, .domains = {"ns.svc", "svc", "corp.test"}};

// The candidates that a search asks for when each ends as `script` says, in order.
Names Walk(const std::string& name, const SearchList& list,
           const std::vector<std::pair<std::string, ResolveStatus>>& script,
           const std::string& known = "") {
  NameSearch search(name, list, known);
  Names asked;
  while (true) {
    asked.push_back(search.candidate());
    ResolveStatus status = ResolveStatus::kNotFound;
    for (const auto& [candidate, result] : script) {
      if (candidate == search.candidate()) status = result;
    }
    if (status == ResolveStatus::kOk || !search.GoOn(status, "why")) return asked;
  }
}

TEST(CandidatesTest, FollowNdotsAndTheTrailingDot) {
  EXPECT_EQ(Candidates("web", kPod), (Names{"web.ns.svc", "web.svc", "web.corp.test", "web"}));
  EXPECT_EQ(Candidates("web.", kPod), Names{"web."});
  EXPECT_EQ(Candidates("a.b", {.ndots = 1, .domains = {"x"}}), (Names{"a.b", "a.b.x"}));
  EXPECT_EQ(Candidates("a", {.ndots = 1, .domains = {"x"}}), (Names{"a.x", "a"}));
  EXPECT_EQ(Candidates("a", {}), Names{"a"});
}

TEST(NameSearchTest, GoesOnWhereANameDoesNotExist) {
  EXPECT_EQ(Walk("web", kPod, {}), (Names{"web.ns.svc", "web.svc", "web.corp.test", "web"}));
}

TEST(NameSearchTest, GoesOnWhereServersFail) {
  EXPECT_EQ(Walk("web", kPod,
                 {{"web.ns.svc", ResolveStatus::kServerError}, {"web.svc", ResolveStatus::kOk}}),
            (Names{"web.ns.svc", "web.svc"}));
}

TEST(NameSearchTest, AfterSilenceOnlyTheNameItselfIsTried) {
  EXPECT_EQ(Walk("web", kPod, {{"web.ns.svc", ResolveStatus::kTimeout}}),
            (Names{"web.ns.svc", "web"}));
  const SearchList few{.ndots = 1, .domains = {"x", "y"}};
  EXPECT_EQ(Walk("a.b", few, {{"a.b", ResolveStatus::kTimeout}}), (Names{"a.b", "a.b.x", "a.b.y"}));
  EXPECT_EQ(Walk("a.b", few, {{"a.b.x", ResolveStatus::kTimeout}}), (Names{"a.b", "a.b.x"}));
}

TEST(NameSearchTest, EndsAtAFailureOfTheCandidateThatHadTheName) {
  for (const ResolveStatus status : {ResolveStatus::kServerError, ResolveStatus::kTimeout}) {
    EXPECT_EQ(Walk("web", kPod, {{"web.svc", status}}, "web.svc"),
              (Names{"web.ns.svc", "web.svc"}));
  }
  EXPECT_EQ(Walk("web", kPod, {}, "web.svc").size(), 4u) << "it is gone from there";
}

TEST(NameSearchTest, TellsTheFirstFailure) {
  NameSearch search("web", kPod, "");
  EXPECT_TRUE(search.GoOn(ResolveStatus::kNotFound, "absent"));
  EXPECT_EQ(search.failure(), "");
  EXPECT_EQ(search.status(), ResolveStatus::kNotFound);
  EXPECT_TRUE(search.GoOn(ResolveStatus::kServerError, "broken"));
  EXPECT_TRUE(search.GoOn(ResolveStatus::kTimeout, "silent"));
  EXPECT_TRUE(search.last());
  EXPECT_FALSE(search.GoOn(ResolveStatus::kNotFound, "absent"));
  EXPECT_EQ(search.failure(), "web.svc: broken");
  EXPECT_EQ(search.status(), ResolveStatus::kServerError);
}

TEST(NameSearchTest, ANameWithoutChoiceIsNotNamedAgain) {
  NameSearch search("web.", kPod, "");
  EXPECT_FALSE(search.has_choice());
  EXPECT_FALSE(search.GoOn(ResolveStatus::kTimeout, "silent"));
  EXPECT_EQ(search.failure(), "silent");
  EXPECT_EQ(search.status(), ResolveStatus::kTimeout);
}

}  // namespace
}  // namespace holdfast::pool
