// Handshakes that come to nothing, by the hundred: nothing stays of them. The sanitizers keep
// memory of their own, so this runs without them.

#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/pool/tls/support/tls_peer.h"
#include "tests/support/gateway_process.h"
#include "tests/support/pattern.h"
#include "tests/support/wire_socket.h"

namespace holdfast::support {
namespace {

constexpr char kHandshakes[] = "holdfast_client_tls_handshakes_total";

// A client that leaves in the middle of its handshake.
struct Leaver {
  WireSocket socket;
  pool::TlsPeer peer;

  Leaver(const std::string& address, int version)
      : socket(Connect(address)), peer({.server_name = "a.test", .version = version}) {}
  std::string Hello() {
    peer.Handshake();
    return peer.Take();
  }
  // What the client says to the server's first flight.
  std::string Finish() {
    socket.Send(Hello());
    std::string answer;
    while (answer.empty() && peer.error().empty() && socket.AwaitInput() == StreamEnd::kOpen) {
      peer.Feed(socket.ReadSome(16 * 1024));
      peer.Handshake();
      answer = peer.Take();
    }
    return answer;
  }
};

// The same bytes of a handshake in records of one byte each.
std::string InRecordsOfOneByte(std::string_view record) {
  std::string records;
  for (const char byte : record.substr(5)) {
    records.append(record.substr(0, 3)).append({'\0', '\1', byte});
  }
  return records;
}

struct Step {
  const char* name;
  const char* result;  // the metric's word
  int version;         // 0: any
  std::function<void(Leaver&)> play;
};

std::vector<Step> Steps() {
  constexpr int k12 = 0x0303;
  constexpr int k13 = 0x0304;
  const auto half = [](const std::string& all) { return all.substr(0, all.size() / 2); };
  return {
      {"nothing is sent", "tls_closed_in_handshake", 0, [](Leaver&) {}},
      {"half a ClientHello", "tls_closed_in_handshake", 0,
       [half](Leaver& one) { one.socket.Send(half(one.Hello())); }},
      {"a whole ClientHello", "tls_closed_in_handshake", 0,
       [](Leaver& one) { one.socket.Send(one.Hello()); }},
      {"after the server's flight", "tls_closed_in_handshake", k13,
       [](Leaver& one) { one.Finish(); }},
      {"half of the Finished", "tls_closed_in_handshake", k13,
       [half](Leaver& one) { one.socket.Send(half(one.Finish())); }},
      {"half of the Finished, TLS 1.2", "tls_closed_in_handshake", k12,
       [half](Leaver& one) { one.socket.Send(half(one.Finish())); }},
      {"records of one byte", "tls_closed_in_handshake", 0,
       [half](Leaver& one) { one.socket.Send(half(InRecordsOfOneByte(one.Hello()))); }},
      {"garbage", "tls_protocol", 0, [](Leaver& one) { one.socket.Send("\x05" + Pattern(400)); }},
      {"garbage in a record", "tls_protocol", 0,
       [](Leaver& one) { one.socket.Send(std::string("\x16\x03\x01\x01\x00", 5) + Pattern(256)); }},
      {"plain HTTP", "plain_http_on_tls", 0,
       [](Leaver& one) { one.socket.Send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); }},
  };
}

class BrokenHandshakeTest : public testing::Test {
 protected:
  static constexpr int kBroken = 200;
  // What an allocator keeps. Were all that OpenSSL has for a handshake lost, it would be ten times
  // as much after one step; half a kilobyte each would be as much after all steps.
  static constexpr size_t kKept = 1024 * 1024;

  size_t Descriptors() const {
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(gateway_.pid()) +
                                                  "/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  // All at the same time; half of them leave by a reset.
  void Break(const Step& step) {
    const double before = gateway_.Scrape().Value(kHandshakes, {{"result", step.result}});
    std::vector<Leaver> leavers;
    leavers.reserve(kBroken);
    for (int i = 0; i < kBroken; ++i) {
      leavers.emplace_back(gateway_.address(), step.version);
      step.play(leavers.back());
    }
    for (int i = 0; i < kBroken; i += 2) leavers[static_cast<size_t>(i)].socket.Reset();
    leavers.clear();
    gateway_.AwaitMetric(kHandshakes, {{"result", step.result}}, before + kBroken);
    gateway_.AwaitMetric("holdfast_client_connections", {{"listener", "edge"}}, 0);
  }

  // One worker, which then has the same number at a time in every round.
  std::string Config() {
    std::string text =
        Listener("certificates: [{" + files_.Keyed("a", pool::SiteFor({"a.test"})) + "}]") + kHello;
    return text.replace(text.find("workers: 2"), 10, "workers: 1");
  }

  Files files_;
  GatewayProcess gateway_{Config()};
};

TEST_F(BrokenHandshakeTest, LeavesNothingBehindWhereverItBreaksOff) {
  const std::vector<Step> steps = Steps();
  // What is allocated once, and the most that is needed at a time.
  for (const Step& step : steps) Break(step);
  // It may hold one more for a moment, that of the latest scrape.
  const size_t descriptors = Descriptors();
  // What is left behind grows with each round. What the allocator keeps depends on how many came at
  // a time, and may do so once or twice.
  bool grows = true;
  for (int round = 0; grows && round < 4; ++round) {
    const size_t memory = gateway_.ResidentBytes();
    for (const Step& step : steps) {
      SCOPED_TRACE(step.name);
      Break(step);
      EXPECT_TRUE(Eventually([&] { return Descriptors() <= descriptors; }))
          << Descriptors() << " descriptors, before " << descriptors;
    }
    grows = gateway_.ResidentBytes() >= memory + kKept + GatewayProcess::SanitizerBytes();
  }
  EXPECT_FALSE(grows) << gateway_.ResidentBytes();
  // And others are served as before.
  const Finished done = Curl(gateway_, "a.test", {"--cacert", files_.Authority()});
  EXPECT_EQ(done.out, "hello") << done.err;
}

}  // namespace
}  // namespace holdfast::support
