#include "gateway/proxy/split_choice.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/header_list.h"
#include "gateway/route/branches.h"
#include "pool/key_hash.h"

namespace holdfast::proxy {
namespace {

using By = config::SplitKey::By;
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kClient = "192.0.2.7";

http::RequestHead Head(const Fields& fields) {
  http::RequestHead head;
  for (const auto& [name, value] : fields) {
    head.headers.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
  return head;
}

// A route that is split between "a" and "b".
class Split {
 public:
  Split(uint32_t a, uint32_t b, config::SplitKey key = {}) : table_(Config(a, b, key)) {}

  const route::Route& route() const { return table_.routes()[0]; }
  std::string Choose(pool::Random* random, const Fields& fields = {},
                     std::string_view client = kClient) const {
    return ChooseBranch(&route(), Head(fields), client, random)->cluster.name;
  }
  // The request has a key: chance has no part in it.
  std::string ChooseByKey(const Fields& fields, std::string_view client = kClient) const {
    pool::Random random(1);
    pool::Random untouched(1);
    std::string chosen = Choose(&random, fields, client);
    EXPECT_EQ(random.Next(), untouched.Next());
    return chosen;
  }
  // It has none.
  void ExpectChance(const Fields& fields, std::string_view client = kClient) const {
    pool::Random random(1);
    pool::Random same(1);
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(Choose(&random, fields, client), route().branches->At(same.Next()).cluster.name);
    }
  }

 private:
  static config::Config Config(uint32_t a, uint32_t b, const config::SplitKey& key) {
    config::Config config;
    config.upstreams.emplace_back().name = "a";
    config.upstreams.emplace_back().name = "b";
    config::Route& route = config.routes.emplace_back();
    route.split = {{.upstream = 0, .weight = a}, {.upstream = 1, .weight = b}};
    route.split_by = key;
    return config;
  }

  route::RouteTable table_;
};

TEST(SplitChoiceTest, WithoutASplitItIsTheRoute) {
  pool::Random random(1);
  const route::Route route;
  EXPECT_EQ(ChooseBranch(&route, Head({}), kClient, &random), &route);
  EXPECT_EQ(ChooseBranch(nullptr, Head({}), kClient, &random), nullptr);
  EXPECT_EQ(random.Next(), pool::Random(1).Next());
}

TEST(SplitChoiceTest, ChanceDecidesForEachRequest) {
  const Split split(3, 1);
  split.ExpectChance({{"x-user", "7"}});
  pool::Random random(1);
  std::map<std::string, int> chosen;
  for (int i = 0; i < 100; ++i) ++chosen[split.Choose(&random)];
  EXPECT_EQ(chosen.size(), 2u);
}

TEST(SplitChoiceTest, NoRequestGoesWhereTheWeightIsNothing) {
  const Split by_chance(0, 1);
  const Split by_key(0, 1, {.by = By::kHeader, .name = "x-user"});
  pool::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(by_chance.Choose(&random), "b");
    EXPECT_EQ(by_key.ChooseByKey({{"x-user", std::to_string(i)}}), "b");
  }
}

// So that replicas, other versions among them, agree.
TEST(SplitChoiceTest, KeysAreWhereTheyHaveAlwaysBeen) {
  const Split split(1, 1, {.by = By::kHeader, .name = "x-user"});
  std::string chosen;
  for (int i = 0; i < 16; ++i) chosen += split.ChooseByKey({{"x-user", std::to_string(i)}});
  EXPECT_EQ(chosen, "aabaaaabaaaabaaa");
}

TEST(SplitChoiceTest, AFieldIsAKeyInEveryCaseOfItsName) {
  const Split split(1, 1, {.by = By::kHeader, .name = "X-User"});
  std::set<std::string> chosen;
  for (int i = 0; i < 64; ++i) {
    const std::string user = std::to_string(i);
    const std::string first = split.ChooseByKey({{"x-user", user}});
    EXPECT_EQ(split.ChooseByKey({{"a", "b"}, {"X-USER", user}}, "192.0.2.8"), first);
    EXPECT_EQ(split.ChooseByKey({{"X-User", user}, {"X-User", "another"}}), first);
    chosen.insert(first);
  }
  EXPECT_EQ(chosen.size(), 2u);
}

TEST(SplitChoiceTest, ACookieIsAKey) {
  const Split split(1, 1, {.by = By::kCookie, .name = "sid"});
  std::set<std::string> chosen;
  for (int i = 0; i < 64; ++i) {
    const std::string value = std::to_string(i);
    const std::string alone = "sid=" + value;
    const std::string among = "a=1; sid=" + value + "; b=2";
    EXPECT_EQ(split.ChooseByKey({{"Cookie", alone}}), split.ChooseByKey({{"Cookie", among}}));
    chosen.insert(split.ChooseByKey({{"Cookie", alone}}));
  }
  EXPECT_EQ(chosen.size(), 2u);
}

TEST(SplitChoiceTest, AClientIsItsAddress) {
  const Split split(1, 1, {.by = By::kClient});
  std::set<std::string> chosen;
  for (int i = 0; i < 64; ++i) {
    const std::string v4 = "192.0.2." + std::to_string(i);
    EXPECT_EQ(split.ChooseByKey({}, v4), split.ChooseByKey({{"x", "y"}}, "::ffff:" + v4));
    const std::string net = "2001:db8:0:" + std::to_string(i) + ":";
    EXPECT_EQ(split.ChooseByKey({}, net + ":1"), split.ChooseByKey({}, net + "1:2:3:4"));
    chosen.insert(split.ChooseByKey({}, v4));
  }
  EXPECT_EQ(chosen.size(), 2u);
}

TEST(SplitChoiceTest, WithoutTheKeyChanceDecides) {
  const Split by_field(1, 1, {.by = By::kHeader, .name = "x-user"});
  for (const Fields& fields : {Fields{}, Fields{{"x-user", ""}}, Fields{{"x_user", "1"}},
                               Fields{{"x-users", "1"}}, Fields{{"cookie", "x-user=1"}}}) {
    by_field.ExpectChance(fields);
  }
  const Split by_cookie(1, 1, {.by = By::kCookie, .name = "sid"});
  for (const Fields& fields : {Fields{}, Fields{{"cookie", "sid="}}, Fields{{"cookie", "SID=1"}},
                               Fields{{"cookie", "sid"}}, Fields{{"sid", "1"}}}) {
    by_cookie.ExpectChance(fields);
  }
  Split(1, 1, {.by = By::kClient}).ExpectChance({}, "unix");
}

// An upstream that is balanced by the same key would use a part of its endpoints otherwise.
TEST(SplitChoiceTest, TheKeysOfOneBranchAreSpreadOverTheBalancersHashes) {
  const Split split(1, 1, {.by = By::kHeader, .name = "x-user"});
  int low = 0;
  int of_a = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string user = std::to_string(i);
    if (split.ChooseByKey({{"x-user", user}}) != "a") continue;
    ++of_a;
    low += pool::HashBytes(user) >> 63 == 0 ? 1 : 0;
  }
  EXPECT_GT(low, of_a / 4);
  EXPECT_LT(low, of_a * 3 / 4);
}

}  // namespace
}  // namespace holdfast::proxy
