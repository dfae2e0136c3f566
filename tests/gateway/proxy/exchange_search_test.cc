// Every mix of up to eight endpoints that are closed, unreachable, silent or live, over IPv4, IPv6
// and UNIX sockets: while one of them is up no request fails, and few are slow.

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/acceptor.h"
#include "pool/net/connection.h"
#include "pool/net/plain_transport.h"
#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/pool_harness.h"
#include "tests/support/own_network.h"

namespace holdfast::proxy {
namespace {

using pool::Duration;
using pool::FileDescriptor;
using pool::SocketAddress;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMost = 8;
constexpr size_t kFamilies = 3;
constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
constexpr std::string_view kOkAndClose =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

// To each mix. The full number takes minutes.
int Requests() {
  const char* text = std::getenv("HOLDFAST_SEARCH_REQUESTS");
  return text != nullptr ? std::atoi(text) : 1000;
}

// Each call another one: IPv4, IPv6 and UNIX by turns.
SocketAddress NewAddress(size_t i) {
  if (i % kFamilies == 0) return *SocketAddress::FromIp("127.0.0.1", 0);
  if (i % kFamilies == 1) return *SocketAddress::FromIp("::1", 0);
  static int names = 0;
  return *SocketAddress::Parse("unix:@holdfast-search-" + std::to_string(++names));
}

// A connection to an origin, which answers every request.
class Served final : private pool::ConnectionEvents {
 public:
  Served(ProxyHarness* harness, FileDescriptor socket)
      : connection_(&harness->loop, &harness->slabs,
                    std::make_unique<pool::PlainTransport>(std::move(socket)), this,
                    pool::Connection::Stage::kEstablished) {
    EXPECT_EQ(connection_.Open(), 0);
  }

 private:
  void OnConnectionReady() override {
    pool::FillStatus status;
    while ((status = connection_.Fill(4096)) == pool::FillStatus::kRead) {
    }
    if (status != pool::FillStatus::kWouldBlock) return connection_.Close();
    pool::Buffer& in = connection_.in();
    const std::string_view request = in.Linearize(in.size());
    if (!request.ends_with(kHeadEnd) && !request.ends_with("\r\n\r\nhi")) return;
    in.Consume(in.size());
    connection_.out().Append(++answers_ % 5 == 0 ? kOkAndClose : kOk);
    connection_.Flush();
  }

  pool::Connection connection_;
  int answers_ = 0;
};

// A server on the gateway's own loop.
class Origin final : private pool::AcceptorEvents {
 public:
  Origin(ProxyHarness* harness, const SocketAddress& at) : harness_(harness) {
    auto listener = pool::Listen(at, false);
    EXPECT_TRUE(listener.ok()) << listener.status();
    address_ = *pool::LocalAddress(listener->get());
    acceptor_ = std::make_unique<pool::Acceptor>(&harness->loop, std::move(*listener),
                                                 static_cast<pool::AcceptorEvents*>(this));
  }
  const SocketAddress& address() const { return address_; }

 private:
  void OnAccept(FileDescriptor socket, const SocketAddress&) override {
    connections_.emplace_back(harness_, std::move(socket));
  }
  void OnAcceptError(int) override {}
  bool MayAccept() override { return true; }

  ProxyHarness* harness_;
  SocketAddress address_;
  std::deque<Served> connections_;
  std::unique_ptr<pool::Acceptor> acceptor_;
};

// How many endpoints of each kind.
struct Mix {
  size_t closed = 0;
  size_t unreachable = 0;
  size_t silent = 0;
  size_t live = 0;

  std::string Text() const {
    return std::to_string(closed) + " closed, " + std::to_string(unreachable) + " unreachable, " +
           std::to_string(silent) + " silent, " + std::to_string(live) + " live";
  }
};

class EndpointMixesTest : public support::OwnNetworkTest {
 protected:
  void SetUp() override {
    OwnNetworkTest::SetUp();
    if (IsSkipped()) return;
    for (size_t i = 0; i < kMost; ++i) {
      silent_.emplace_back(NewAddress(i));
      closed_sockets_.push_back(Bound(NewAddress(i)));
      closed_.push_back(*pool::LocalAddress(closed_sockets_.back().get()));
      const std::string number = std::to_string(i + 1);
      unreachable_.push_back(i % 2 == 0 ? *SocketAddress::FromIp("2001:db8::" + number, 80)
                                        : *SocketAddress::FromIp("192.0.2." + number, 80));
    }
  }

  // A socket that refuses: nobody listens.
  static FileDescriptor Bound(const SocketAddress& address) {
    FileDescriptor fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), address.get(), address.length()), 0);
    return fd;
  }

  // Those that serve nobody. `turn` says where each list begins, so that families meet in every
  // way.
  std::vector<SocketAddress> Useless(const Mix& mix, size_t turn) const {
    std::vector<SocketAddress> all;
    const auto at = [turn](size_t i) { return (i + turn) % kMost; };
    for (size_t i = 0; i < mix.closed; ++i) all.push_back(closed_[at(i)]);
    for (size_t i = 0; i < mix.unreachable; ++i) all.push_back(unreachable_[at(i)]);
    for (size_t i = 0; i < mix.silent; ++i) all.push_back(silent_[at(i)].address());
    return all;
  }

  // How long a request took; nullopt: it failed.
  std::optional<Duration> Ask(ProxyHarness& harness, Wire& client, std::string_view request) {
    const pool::TimePoint began = harness.clock.Now();
    client.Send(request);
    for (int turn = 1; harness.clock.Now() - began < seconds(10); ++turn) {
      harness.Turn();
      client.Pull();
      if (!client.received().empty()) break;
      if (turn % 10 == 0) harness.Advance(milliseconds(10));
    }
    const std::string response = client.Take();
    if (!response.starts_with("HTTP/1.1 200 ")) return std::nullopt;
    return harness.clock.Now() - began;
  }

  void Try(const Mix& mix, size_t turn, int requests) {
    ProxyHarness harness;
    std::deque<Origin> live;
    std::vector<SocketAddress> endpoints = Useless(mix, turn);
    for (size_t i = 0; i < mix.live; ++i) {
      live.emplace_back(&harness, NewAddress(turn + i));
      endpoints.push_back(live.back().address());
    }
    harness.SetEndpoints(endpoints);
    Wire client = harness.Connect();
    int failed = 0;
    size_t slow = 0;
    for (int i = 0; i < requests; ++i) {
      // Doubts are looked into meanwhile, at no request's cost.
      if (i == requests / 2) harness.Advance(pool::Openings::kDoubtTime);
      const std::optional<Duration> took = Ask(harness, client, i % 2 == 0 ? kGet : kPost);
      if (!took.has_value()) {
        ++failed;
        client = harness.Connect();
        continue;
      }
      longest_ = std::max(longest_, *took);
      slow += *took > milliseconds(50) ? 1 : 0;
    }
    EXPECT_EQ(failed, 0) << mix.Text();
    EXPECT_LE(slow, mix.silent) << mix.Text();
  }

  template <class Visit>
  static void ForEachMix(Visit visit) {
    for (size_t closed = 0; closed < kMost; ++closed) {
      for (size_t unreachable = 0; closed + unreachable < kMost; ++unreachable) {
        for (size_t silent = 0; closed + unreachable + silent < kMost; ++silent) {
          for (size_t live = 1; closed + unreachable + silent + live <= kMost; ++live) {
            visit(Mix{closed, unreachable, silent, live});
          }
        }
      }
    }
  }

  std::deque<pool::SilentAddress> silent_;
  std::vector<FileDescriptor> closed_sockets_;
  std::vector<SocketAddress> closed_;
  std::vector<SocketAddress> unreachable_;
  Duration longest_{0};
};

TEST_F(EndpointMixesTest, NoRequestFailsWhileOneIsUp) {
  size_t mixes = 0;
  ForEachMix([&](const Mix& mix) { Try(mix, mixes++, Requests()); });
  EXPECT_EQ(mixes, 330u);
  EXPECT_LE(longest_, seconds(2)) << "the time of one connect, however many endpoints are silent";
}

}  // namespace
}  // namespace holdfast::proxy
