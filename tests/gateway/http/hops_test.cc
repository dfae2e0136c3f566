#include "gateway/http/hops.h"

#include <string>

#include <gtest/gtest.h>

#include "gateway/http/parser.h"

namespace holdfast::http {
namespace {

class HopsTest : public testing::Test {
 protected:
  const RequestHead& Parse(std::string_view method, std::string_view fields) {
    bytes_ = std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
    EXPECT_EQ(ParseRequestHead(bytes_, {}, &head_), Refusal::kNone);
    return head_;
  }
  int Rounds(std::string_view fields, std::string_view name = "holdfast") {
    return RoundsThrough(Parse("GET", fields).headers, name);
  }
  std::optional<uint32_t> Forwards(std::string_view fields, std::string_view method = "OPTIONS") {
    return MaxForwards(Parse(method, fields));
  }

 private:
  std::string bytes_;
  RequestHead head_;
};

TEST_F(HopsTest, EveryEntryOfViaWithOurNameIsARound) {
  EXPECT_EQ(Rounds(""), 0);
  EXPECT_EQ(Rounds("Via: 1.1 holdfast\r\n"), 1);
  EXPECT_EQ(Rounds("Via: 1.1 holdfast, 1.0 fred,1.1  HOLDFAST (a comment)\r\n"
                   "via: HTTP/1.1\tHoldfast\r\nVia: 1.1 holdfast\r\n"),
            4);
}

TEST_F(HopsTest, OtherNamesAreOtherGateways) {
  EXPECT_EQ(Rounds("Via: 1.1 holdfast-2, 1.1 hold, holdfast, 1.1 a (holdfast), ,1.1\r\n"), 0);
  EXPECT_EQ(Rounds("Via: 1.1 holdfast, 1.1 edge-1\r\n", "edge-1"), 1);
  EXPECT_EQ(Rounds("X-Via: 1.1 holdfast\r\n"), 0);
}

TEST_F(HopsTest, MaxForwardsIsForOptionsAndTraceAlone) {
  EXPECT_EQ(Forwards("Max-Forwards: 0\r\n"), 0u);
  EXPECT_EQ(Forwards("Max-Forwards: 12\r\n", "TRACE"), 12u);
  EXPECT_EQ(Forwards("Max-Forwards: 0\r\n", "GET"), std::nullopt);
  EXPECT_EQ(Forwards(""), std::nullopt);
}

TEST_F(HopsTest, TheLeastMaxForwardsCountsAndNoneThatIsNoNumber) {
  EXPECT_EQ(Forwards("Max-Forwards: 5\r\nMax-Forwards: x\r\nMax-Forwards: 2\r\n"), 2u);
  EXPECT_EQ(Forwards("Max-Forwards:\r\n"), std::nullopt);
  EXPECT_EQ(Forwards("Max-Forwards: -1\r\n"), std::nullopt);
  EXPECT_EQ(Forwards("Max-Forwards: 99999999999999999999999\r\n"), 4294967295u);
}

}  // namespace
}  // namespace holdfast::http
