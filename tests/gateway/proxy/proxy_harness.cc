#include "tests/gateway/proxy/proxy_harness.h"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "gateway/proxy/intake.h"
#include "gateway/proxy/mirror.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

pool::SocketAddress LoopbackAnyPort() { return *pool::SocketAddress::FromIp("127.0.0.1", 0); }

std::string ConfigText(const HarnessConfig& config) {
  const auto more = [](const std::string& keys) { return keys.empty() ? "" : ", " + keys; };
  return "listeners:\n  - {name: edge, bind: 127.0.0.1:0, errors: {detail: full}" +
         more(config.listener) + "}\nupstreams:\n  web: {endpoints: [\"127.0.0.1:1\"]" +
         more(config.upstream) + "}\nroutes:\n  " + config.routes + "\n";
}

template <class Cell>
typename Cell::Value ValueOf(const metrics::Registry& registry, metrics::Metric metric,
                             const metrics::LabelValues& labels) {
  const metrics::Sums sums = registry.Collect();
  const auto& series = sums.Of<Cell>(metric);
  const auto found = series.find(labels);
  return found == series.end() ? 0 : found->second;
}

}  // namespace

void Wire::Send(std::string_view bytes) { pool::SendAll(socket_, bytes); }

size_t Wire::SendSome(std::string_view bytes) { return pool::SendSome(socket_, bytes); }

void Wire::End() { EXPECT_EQ(shutdown(socket_.get(), SHUT_WR), 0); }

void Wire::Reset() { pool::CloseWithReset(socket_); }

void Wire::Pull() {
  char chunk[64 * 1024];
  ssize_t n;
  while ((n = recv(socket_.get(), chunk, sizeof(chunk), 0)) > 0) {
    received_.append(chunk, static_cast<size_t>(n));
  }
  ended_ |= n == 0;
  if (n < 0 && errno != EAGAIN) ended_ = reset_ = true;
}

Backend::Backend() {
  auto listener = pool::Listen(LoopbackAnyPort(), false);
  EXPECT_TRUE(listener.ok()) << listener.status();
  listener_ = std::move(*listener);
  address_ = *pool::LocalAddress(listener_.get());
}

pool::FileDescriptor Backend::TryAccept() {
  return pool::FileDescriptor(
      accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

ProxyHarness::ProxyHarness(const HarnessConfig& config) : snapshot(Load(ConfigText(config))) {
  context.places = &places;
  places.Join(0, &context, /*peers=*/nullptr);
  const config::Upstream& upstream = snapshot->config().upstreams[0];
  const pool::PoolContext pool_context{
      .loop = &loop,
      .slabs = &slabs,
      .dialer = &dialer,
      .random = &random,
      .shelves = &shelves,
      .on_trouble = [this](const auto&, const auto& endpoint, const auto&) {
        ++troubles;
        troubled.push_back(endpoint);
      }};
  pool::ClusterOptions options = upstream.cluster;
  options.balancing.policy = pool::BalancePolicy::kRoundRobin;
  options.outlier->consecutive_errors = 1;
  cluster = std::make_shared<pool::Cluster>(pool_context, shard, upstream.name, options);
  SetEndpoints({backend.address()});
  Adopt(snapshot);
  auto socket = pool::Listen(LoopbackAnyPort(), false);
  EXPECT_TRUE(socket.ok()) << socket.status();
  listener_address = *pool::LocalAddress(socket->get());
  listener =
      std::make_unique<Listener>(&context, std::move(*socket), ListenerConfig(snapshot, 0), 0);
}

ProxyHarness::~ProxyHarness() {
  while (!context.sessions.empty()) context.sessions.front()->Cut();
  context.mirrors.reset();
  context.view = ViewPin();
  cluster.reset();
  listener.reset();
  loop.DestroyAside();
}

void ProxyHarness::Turns(int n) {
  for (int i = 0; i < n; ++i) Turn();
}

void ProxyHarness::Advance(pool::Duration step) {
  clock.Advance(step);
  Turn();
}

void ProxyHarness::TurnAndYield() {
  Turn();
  sched_yield();
}

Wire ProxyHarness::Connect() {
  pool::SocketPair pair = pool::TcpPair();
  return Connect(std::move(pair.ours), std::move(pair.theirs));
}

Wire ProxyHarness::Connect(pool::FileDescriptor ours, pool::FileDescriptor theirs,
                           std::string_view peer) {
  EXPECT_TRUE(listener->TakePlace());
  Intake::Accept(listener.get(), std::move(ours), *pool::SocketAddress::Parse(peer));
  Turn();
  return Wire(std::move(theirs));
}

Wire ProxyHarness::Accept(Backend& from) {
  pool::FileDescriptor socket;
  EXPECT_TRUE(TurnUntil([&] {
    socket = from.TryAccept();
    return socket.valid();
  }));
  return Wire(std::move(socket));
}

std::string ProxyHarness::Await(Wire& wire, std::string_view last) {
  EXPECT_TRUE(TurnUntil([&] {
    wire.Pull();
    return wire.received().ends_with(last);
  })) << "received: "
      << wire.received().substr(0, 2000);
  return wire.Take();
}

bool ProxyHarness::AwaitEnd(Wire& wire) {
  return TurnUntil([&] {
    wire.Pull();
    return wire.ended();
  });
}

void ProxyHarness::Serve(Wire& client, Wire& upstream) {
  client.Send(kGet);
  Await(upstream, kHeadEnd);
  upstream.Send(kOk);
  Await(client, "\r\n\r\nok");
}

bool ProxyHarness::AtRest() {
  return TurnUntil([this] { return slabs.in_use() == 0; });
}

void ProxyHarness::SetEndpoints(const std::vector<pool::SocketAddress>& addresses,
                                std::string note) {
  pool::EndpointSet set{.note = std::move(note)};
  for (const pool::SocketAddress& address : addresses) {
    set.endpoints.push_back({{.address = address}});
  }
  cluster->SetEndpoints(set);
}

void ProxyHarness::Adopt(std::shared_ptr<const route::Snapshot> next) {
  std::vector<std::shared_ptr<pool::Cluster>> clusters(next->config().upstreams.size(), cluster);
  snapshot = std::move(next);
  context.view = ViewPin(new View(&loop, shard, snapshot, std::move(clusters)));
}

std::shared_ptr<const route::Snapshot> ProxyHarness::Load(std::string_view text) {
  config::LoadResult result = config::LoadConfig(text, "test.yaml");
  EXPECT_TRUE(result.config.has_value()) << config::FormatDiagnostics(result.diagnostics) << text;
  return std::make_shared<const route::Snapshot>(*std::move(result.config));
}

std::shared_ptr<const config::Listener> ProxyHarness::ListenerConfig(
    const std::shared_ptr<const route::Snapshot>& from, size_t i) {
  return {from, &from->config().listeners[i]};
}

void ProxyHarness::LogExchanges(const config::AccessLog& target) {
  access_log = std::make_unique<AccessLog>(&loop, shard, &random,
                                           [this](uint32_t writer, std::string batch) {
                                             log_lines += batch;
                                             access_log->OnBatchWritten(writer, /*written=*/true);
                                           });
  access_log->Adopt({&target, 1});
  context.access_log = access_log.get();
}

uint64_t ProxyHarness::Count(metrics::Metric metric, const metrics::LabelValues& labels) {
  return ValueOf<metrics::Counter>(registry, metric, labels);
}

int64_t ProxyHarness::Level(metrics::Metric metric, const metrics::LabelValues& labels) {
  return ValueOf<metrics::Gauge>(registry, metric, labels);
}

}  // namespace holdfast::proxy
