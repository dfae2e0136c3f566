#include "gateway/policy/request_id.h"

#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 9562 appendix A.6: 2022-02-22T19:22:22.000Z.
constexpr pool::WallTime kNow{milliseconds(0x017F22E279B0)};

std::string Made(RequestIdSource* source, pool::WallTime now = kNow) {
  const UuidText text = source->MakeUuid(now);
  return std::string(text.data(), text.size());
}

TEST(RequestIdTest, AUuidHasItsTimeVersionAndVariant) {
  RequestIdSource source(1, 2);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = Made(&source);
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id.substr(0, 15), "017f22e2-79b0-7") << id;
    EXPECT_EQ(id[18], '-');
    EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos) << id;
    EXPECT_EQ(id[23], '-');
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), id.npos) << id;
    EXPECT_TRUE(IsRequestId(id)) << id;
  }
}

// More of them than the counter has places: the rest run ahead of the clock.
TEST(RequestIdTest, WithinAMillisecondTheyAreInOrder) {
  RequestIdSource source(3, 4);
  std::string last;
  for (int i = 0; i < 20'000; ++i) {
    std::string id = Made(&source);
    ASSERT_LT(last, id) << i;
    last = std::move(id);
  }
  EXPECT_LT(last, "017f22e2-79c0") << "at least 2049 to a millisecond";
  EXPECT_GT(last, "017f22e2-79b1");
}

TEST(RequestIdTest, AClockThatIsSetBackALittleKeepsTheOrder) {
  RequestIdSource source(5, 6);
  std::string last = Made(&source);
  for (const auto back : {milliseconds(1), milliseconds(500), milliseconds(10'000)}) {
    std::string id = Made(&source, kNow - back);
    EXPECT_LT(last, id);
    last = std::move(id);
  }
  EXPECT_LT(last, Made(&source, kNow + milliseconds(1)));
}

// Ids of a time that is years ahead would be worse than some that are out of order.
TEST(RequestIdTest, AClockThatIsSetBackALotIsFollowed) {
  RequestIdSource source(7, 8);
  const std::string ahead = Made(&source, kNow + hours(24 * 365));
  const std::string now = Made(&source);
  EXPECT_EQ(now.substr(0, 13), "017f22e2-79b0");
  EXPECT_LT(now, ahead);
}

TEST(RequestIdTest, ATimeBefore1970IsItsBeginning) {
  RequestIdSource source(9, 10);
  EXPECT_EQ(Made(&source, pool::WallTime(seconds(-5))).substr(0, 15), "00000000-0000-7");
}

TEST(RequestIdTest, SourcesDiffer) {
  std::set<std::string> ids;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RequestIdSource source(seed, ~seed);
    for (int i = 0; i < 100; ++i) ids.insert(Made(&source));
  }
  EXPECT_EQ(ids.size(), 5000u);
  RequestIdSource one = RequestIdSource::Fresh();
  RequestIdSource other = RequestIdSource::Fresh();
  EXPECT_NE(Made(&one), Made(&other));
  EXPECT_NE(one.Bits(), other.Bits());
}

TEST(RequestIdTest, TheSameSeedsMakeTheSame) {
  RequestIdSource one(11, 12);
  RequestIdSource other(11, 12);
  EXPECT_EQ(Made(&one), Made(&other));
  EXPECT_NE(Made(&one), Made(&one));
}

TEST(RequestIdTest, AShareIsAboutThatShare) {
  RequestIdSource source(13, 14);
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) {
    EXPECT_FALSE(source.Chance(0));
    EXPECT_TRUE(source.Chance(1'000'000));
    taken += source.Chance(100'000) ? 1 : 0;
  }
  EXPECT_GT(taken, 9'000);
  EXPECT_LT(taken, 11'000);
}

TEST(RequestIdTest, OrdinaryIdsMayBeKept) {
  for (const std::string_view id :
       {"1", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "7b3f0c1d2e", "QUJD+/==", "a_b.c:d",
        "Root=1-67891233-abcdef012345678912345678"}) {
    EXPECT_TRUE(IsRequestId(id)) << id;
  }
  EXPECT_TRUE(IsRequestId(std::string(128, 'a')));
}

TEST(RequestIdTest, NothingElseMay) {
  for (const std::string_view id : {"",
                                    " ",
                                    "a b",
                                    "a,b",
                                    "a;b",
                                    "a\"b",
                                    "a\\b",
                                    "<a>",
                                    "a'b",
                                    "a\tb",
                                    "a\nb",
                                    "a\r\nb: c",
                                    "${jndi:ldap://a}",
                                    "%0a",
                                    "a&b",
                                    "a|b",
                                    "a`b",
                                    "(a)",
                                    "{a}",
                                    "a@b",
                                    "a#b",
                                    "a?b",
                                    "a*b",
                                    "\x7f",
                                    "\x80",
                                    "\xc3\xa9"}) {
    EXPECT_FALSE(IsRequestId(id)) << id;
  }
  EXPECT_FALSE(IsRequestId(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsRequestId(std::string(129, 'a')));
}

}  // namespace
}  // namespace holdfast::policy
