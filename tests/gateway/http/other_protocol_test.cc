#include "gateway/http/other_protocol.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

std::string Bytes(std::string_view text) { return std::string(text); }

struct Case {
  std::string bytes;
  Refusal refusal;
};

const std::vector<Case>& Known() {
  static const std::vector<Case> cases = {
      {Bytes({"\x16\x03\x01\x02\0\x01", 6}), Refusal::kLooksLikeTls},  // a client's hello
      {Bytes({"\x15\x03\x03\0\x02\x02", 6}), Refusal::kLooksLikeTls},  // a server's alert
      {Bytes({"\0\r\nQUIT\n\x21\x11\0\x0c", 12}), Refusal::kLooksLikeProxyProtocol},
      {Bytes({"\0\0\x12\4\0\0\0\0\0\0\3", 11}), Refusal::kLooksLikeHttp2},
  };
  return cases;
}

TEST(NameBinaryProtocol, TellsWhatItKnows) {
  for (const Case& c : Known()) {
    EXPECT_EQ(RefusalName(NameBinaryProtocol(c.bytes)), RefusalName(c.refusal));
  }
}

// So that the answer does not depend on how the bytes came.
TEST(NameBinaryProtocol, WaitsWhileThatIsPossible) {
  for (const Case& c : Known()) {
    bool known = false;
    for (size_t n = 0; n <= c.bytes.size(); ++n) {
      const Refusal refusal = NameBinaryProtocol(c.bytes.substr(0, n));
      known |= refusal == c.refusal;
      EXPECT_EQ(RefusalName(refusal), known ? RefusalName(c.refusal) : "incomplete_head") << n;
    }
    EXPECT_TRUE(known);
  }
}

TEST(NameBinaryProtocol, KnowsNothingOfTheRest) {
  for (const std::string& bytes :
       {Bytes("\x16x"), Bytes("\x16\x03\x05"), Bytes("\x18\x03\x01"), Bytes("\x80\x2e\x01"),
        Bytes({"\0x", 2}), Bytes({"\0\0\x12\5", 4}), Bytes({"\0\r\nQUIX", 7}), Bytes(" GET")}) {
    EXPECT_EQ(RefusalName(NameBinaryProtocol(bytes)), "malformed_start_line");
  }
}

TEST(NameLineProtocol, TellsBannersFromRequests) {
  EXPECT_EQ(NameLineProtocol("SSH-2.0-OpenSSH_9.2p1 Debian-2\r"), Refusal::kLooksLikeSsh);
  EXPECT_EQ(NameLineProtocol("SSH-1.99-old"), Refusal::kLooksLikeSsh);
  EXPECT_EQ(NameLineProtocol("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r"),
            Refusal::kLooksLikeProxyProtocol);
  EXPECT_EQ(NameLineProtocol("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r"),
            Refusal::kLooksLikeProxyProtocol);
  EXPECT_EQ(NameLineProtocol("PROXY UNKNOWN\r"), Refusal::kLooksLikeProxyProtocol);
  for (const std::string_view line :
       {"SSH-2.0 / HTTP/1.1\r", "PROXY /x HTTP/1.1\r", "SSH-x\r", "SSH-\r", "GET / HTTP/1.1\r",
        "PROXY\r", "", "PROXY TCP5 x\r"}) {
    EXPECT_EQ(NameLineProtocol(line), Refusal::kNone) << line;
  }
}

}  // namespace
}  // namespace holdfast::http
