#include "pool/net/proxy_header.h"

#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using namespace std::string_literals;
using State = ProxyHeaderReader::State;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}
std::string Binary(int command, int family, std::string_view rest) {
  const auto length = static_cast<int>(rest.size());
  return kSignature + Bytes({command, family, length >> 8, length & 0xff}) + std::string(rest);
}
const std::string kInetPair = Bytes({192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x67, 0x01, 0xbb});
const std::string kInet6Pair =
    Bytes({0x20, 1,    0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    1,    0x20, 1,
           0xd,  0xb8, 0,   0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x12, 0x67, 0x01, 0xbb});
std::string Addition(int type, std::string_view value) {
  const auto length = static_cast<int>(value.size());
  return Bytes({type, length >> 8, length & 0xff}) + std::string(value);
}

// What a reader makes of bytes that come in pieces of this size, before `behind`.
struct Outcome {
  State state;
  std::string source;
  std::string destination;
  size_t taken;
};
Outcome Read(std::string_view header, size_t piece,
             std::string_view behind = "GET / HTTP/1.1\r\n") {
  const std::string stream = std::string(header) + std::string(behind);
  ProxyHeaderReader reader;
  size_t taken = 0;
  for (size_t end = piece; reader.state() == State::kMore && taken < stream.size(); end += piece) {
    const std::string_view there = std::string_view(stream).substr(0, end);
    taken += reader.Take(there.substr(std::min(taken, there.size())));
    if (end > stream.size()) break;
  }
  return {reader.state(), reader.ends().source.ToString(), reader.ends().destination.ToString(),
          taken};
}

struct Good {
  std::string name;
  std::string header;
  std::string source;  // empty: it names nobody
  std::string destination;
};
const std::vector<Good>& GoodHeaders() {
  static const auto& headers = *new std::vector<Good>{
      {"line4", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n", "192.0.2.1:4711",
       "198.51.100.2:443"},
      {"line6", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n", "[2001:db8::1]:4711",
       "[2001:db8::2]:443"},
      {"line_ports", "PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n", "192.0.2.1:0",
       "198.51.100.2:65535"},
      {"line_longest",
       "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       "", ""},
      {"line_unknown", "PROXY UNKNOWN\r\n", "", ""},
      {"line_unknown_with_more", "PROXY UNKNOWN who knows \r\r\n", "", ""},
      {"inet", Binary(0x21, 0x11, kInetPair), "192.0.2.1:4711", "198.51.100.2:443"},
      {"inet6", Binary(0x21, 0x21, kInet6Pair), "[2001:db8::1]:4711", "[2001:db8::2]:443"},
      {"inet_additions",
       Binary(0x21, 0x11,
              kInetPair + Addition(0x01, "h2") + Addition(0x02, "") +
                  Addition(0xe4, std::string(300, 'x'))),
       "192.0.2.1:4711", "198.51.100.2:443"},
      {"local", Binary(0x20, 0x00, ""), "", ""},
      {"local_with_addresses", Binary(0x20, 0x11, kInetPair), "", ""},
      {"local_with_any_bytes", Binary(0x20, 0xff, "abc"), "", ""},
      {"unspecified", Binary(0x21, 0x00, ""), "", ""},
      {"unspecified_with_any_bytes", Binary(0x21, 0x00, "abc"), "", ""},
      {"datagrams", Binary(0x21, 0x12, kInetPair), "", ""},
      {"unix", Binary(0x21, 0x31, std::string(216, 'u')), "", ""},
      {"largest", Binary(0x20, 0x00, std::string(ProxyHeaderReader::kMaxBytes - 16, 'x')), "", ""},
  };
  return headers;
}

TEST(ProxyHeaderTest, AHeaderIsTakenToItsLastByteHoweverItComes) {
  for (const Good& good : GoodHeaders()) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{16}, size_t{10'000}}) {
      SCOPED_TRACE(good.name + " in pieces of " + std::to_string(piece));
      const Outcome outcome = Read(good.header, piece);
      EXPECT_EQ(outcome.state, State::kComplete);
      EXPECT_EQ(outcome.taken, good.header.size());
      EXPECT_EQ(outcome.source, good.source);
      EXPECT_EQ(outcome.destination, good.destination);
    }
  }
}

TEST(ProxyHeaderTest, OnlyLocalIsTheProxysOwn) {
  for (const Good& good : GoodHeaders()) {
    ProxyHeaderReader reader;
    reader.Take(good.header);
    const bool local = good.header.starts_with(kSignature + Bytes({0x20}));
    EXPECT_EQ(reader.local(), local) << good.name;
    EXPECT_FALSE(reader.ends().unnamed);
  }
}

TEST(ProxyHeaderTest, APartOfAHeaderIsNeitherWholeNorBroken) {
  for (const Good& good : GoodHeaders()) {
    for (size_t length = 0; length < good.header.size(); ++length) {
      const Outcome outcome = Read(good.header.substr(0, length), 10'000, "");
      ASSERT_EQ(outcome.state, State::kMore) << good.name << ", " << length;
      ASSERT_EQ(outcome.taken, length) << good.name;
    }
  }
}

TEST(ProxyHeaderTest, WhatIsNoHeaderIsBroken) {
  const struct {
    std::string name;
    std::string header;
  } kBroken[] = {
      {"http", "GET / HTTP/1.1\r\n"},
      {"http_that_begins_alike", "PROPFIND / HTTP/1.1\r\n"},
      {"tls", Bytes({0x16, 0x03, 0x01, 0x02, 0x00})},
      {"an_empty_line", "\r\nGET / HTTP/1.1\r\n"},
      {"lower_case", "proxy TCP4 192.0.2.1 198.51.100.2 4711 443\r\n"},
      {"tab", "PROXY\tTCP4 192.0.2.1 198.51.100.2 4711 443\r\n"},
      {"no_protocol", "PROXY \r\n"},
      {"another_protocol", "PROXY UDP4 192.0.2.1 198.51.100.2 4711 443\r\n"},
      {"family_mismatch", "PROXY TCP4 2001:db8::1 2001:db8::2 4711 443\r\n"},
      {"family_mismatch_6", "PROXY TCP6 192.0.2.1 198.51.100.2 4711 443\r\n"},
      {"mixed_families", "PROXY TCP4 192.0.2.1 2001:db8::2 4711 443\r\n"},
      {"no_destination", "PROXY TCP4 192.0.2.1\r\n"},
      {"no_ports", "PROXY TCP4 192.0.2.1 198.51.100.2\r\n"},
      {"one_port", "PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n"},
      {"more_behind", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443 1\r\n"},
      {"space_behind", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443 \r\n"},
      {"two_spaces", "PROXY TCP4  192.0.2.1 198.51.100.2 4711 443\r\n"},
      {"large_port", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n"},
      {"signed_port", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n"},
      {"leading_zero", "PROXY TCP4 192.0.2.1 198.51.100.2 04711 443\r\n"},
      {"hexadecimal_port", "PROXY TCP4 192.0.2.1 198.51.100.2 0x10 443\r\n"},
      {"short_address", "PROXY TCP4 192.0.2 198.51.100.2 4711 443\r\n"},
      {"name", "PROXY TCP4 localhost 198.51.100.2 4711 443\r\n"},
      {"brackets", "PROXY TCP6 [2001:db8::1] 2001:db8::2 4711 443\r\n"},
      {"zone", "PROXY TCP6 fe80::1%lo 2001:db8::2 4711 443\r\n"},
      {"zero_byte", "PROXY TCP4 192.0.2.1"s + "\0"s + "9 198.51.100.2 4711 443\r\n"},
      {"bare_lf", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\n"},
      {"bare_lf_unknown", "PROXY UNKNOWN\n"},
      {"too_long", "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"},
      {"endless", "PROXY UNKNOWN " + std::string(10'000, 'x')},
      {"other_signature", "\r\n\r\n\0\r\nQUIT\r"s + Bytes({0x21, 0x11, 0, 12}) + kInetPair},
      {"version_1", Binary(0x11, 0x11, kInetPair)},
      {"version_3", Binary(0x31, 0x11, kInetPair)},
      {"other_command", Binary(0x22, 0x11, kInetPair)},
      {"other_family", Binary(0x21, 0x41, kInetPair)},
      {"other_transport", Binary(0x21, 0x13, kInetPair)},
      {"too_short_for_inet", Binary(0x21, 0x11, kInetPair.substr(1))},
      {"too_short_for_inet6", Binary(0x21, 0x21, kInet6Pair.substr(1))},
      {"too_short_for_unix", Binary(0x21, 0x31, std::string(215, 'u'))},
      {"cut_addition", Binary(0x21, 0x11, kInetPair + Bytes({0x01, 0x00}))},
      {"addition_beyond_the_end", Binary(0x21, 0x11, kInetPair + Bytes({0x01, 0x00, 0x02, 'h'}))},
      {"too_large", Binary(0x20, 0x00, std::string(ProxyHeaderReader::kMaxBytes - 15, 'x'))},
      {"largest_announced", Binary(0x20, 0x00, std::string(65535, 'x'))},
  };
  for (const auto& broken : kBroken) {
    for (const size_t piece : {size_t{1}, size_t{5}, size_t{100'000}}) {
      EXPECT_EQ(Read(broken.header, piece).state, State::kBroken)
          << broken.name << " in pieces of " << piece;
    }
  }
}

// What a peer announces is refused before it has to be kept.
TEST(ProxyHeaderTest, WhatIsTooLargeIsRefusedByItsLengthAlone) {
  ProxyHeaderReader reader;
  reader.Take(kSignature + Bytes({0x21, 0x11, 0xff, 0xff}));
  EXPECT_EQ(reader.state(), State::kBroken);
}

ProxiedEnds Ends(std::string_view source, std::string_view destination) {
  return {*SocketAddress::Parse(source), *SocketAddress::Parse(destination)};
}

TEST(ProxyHeaderTest, WhatIsWrittenIsReadAgain) {
  const struct {
    ProxiedEnds ends;
    std::string line;
    size_t binary_bytes;
  } kCases[] = {
      {Ends("192.0.2.1:4711", "198.51.100.2:443"), "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n",
       28},
      {Ends("[2001:db8::1]:4711", "[2001:db8::2]:443"),
       "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n", 52},
      // A client of a dual-stack listener.
      {Ends("[::ffff:192.0.2.1]:4711", "[::ffff:198.51.100.2]:443"),
       "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n", 28},
      {Ends("192.0.2.1:0", "[2001:db8::2]:443"),
       "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 0 443\r\n", 52},
  };
  for (const auto& test : kCases) {
    const std::string line = ProxyHeaderFor(ProxyVersion::kV1, test.ends);
    EXPECT_EQ(line, test.line);
    const std::string binary = ProxyHeaderFor(ProxyVersion::kV2, test.ends);
    EXPECT_EQ(binary.size(), test.binary_bytes);
    for (const std::string& header : {line, binary}) {
      const Outcome outcome = Read(header, 10'000);
      EXPECT_EQ(outcome.state, State::kComplete);
      const Outcome said = Read(test.line, 10'000);
      EXPECT_EQ(outcome.source, said.source);
      EXPECT_EQ(outcome.destination, said.destination);
    }
  }
}

TEST(ProxyHeaderTest, WithoutAddressesItSaysSo) {
  const sockaddr_un nameless{.sun_family = AF_UNIX, .sun_path = {}};
  const SocketAddress unix(reinterpret_cast<const sockaddr*>(&nameless), sizeof(sa_family_t));
  const ProxiedEnds half{unix, *SocketAddress::Parse("192.0.2.1:80")};
  for (const ProxiedEnds& ends : {ProxiedEnds{}, half}) {
    EXPECT_EQ(ProxyHeaderFor(ProxyVersion::kV1, ends), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(ProxyHeaderFor(ProxyVersion::kV2, ends), Binary(0x21, 0x00, ""));
  }
  EXPECT_EQ(LocalProxyHeader(ProxyVersion::kV1), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(LocalProxyHeader(ProxyVersion::kV2), Binary(0x20, 0x00, ""));
}

}  // namespace
}  // namespace holdfast::pool
