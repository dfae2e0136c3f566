// What the pool costs a request apart from the sockets: the choice of an endpoint, and the lease
// and return of a kept connection.
//
//   bazel run --config=opt //tests/bench:pool_benchmark -- [--check] [SUBSTRING]
//
// Prints, for each case whose name contains SUBSTRING, CPU time and allocations per operation:
// medians of repetitions, on one core. With --check it fails when a local hit exceeds its figure.

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/registry.h"
#include "pool/cluster.h"
#include "pool/key_hash.h"
#include "pool/net/check.h"
#include "pool/net/socket.h"
#include "tests/support/allocation_counter.h"

namespace {

bool peek_for_nothing = false;

}  // namespace

// In place of the C library's, so that a hit can be measured without the kernel's part of the look
// at the socket: nothing is there, says the stand-in.
extern "C" ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  if (peek_for_nothing) {
    errno = EAGAIN;
    return -1;
  }
  return syscall(SYS_recvfrom, fd, buffer, size, flags, nullptr, nullptr);
}

namespace holdfast::pool {
namespace {

// The figure for a lease and its return, the look at the socket not counted.
constexpr double kLocalHitNanoseconds = 60;

constexpr int kRepetitions = 21;
constexpr double kRepetitionNanoseconds = 5e6;
constexpr ReuseFacts kGoodEnd{
    .asked = true, .request_finished = true, .response_finished = true, .peer_allows = true};

struct Cost {
  double nanoseconds;
  double allocations;
};

double CpuNanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// The median of repetitions of some milliseconds each.
Cost Measure(const std::function<void(uint64_t)>& run) {
  uint64_t count = 1;
  for (double spent = 0; spent < kRepetitionNanoseconds; count *= 2) {
    const double begin = CpuNanoseconds();
    run(count);
    spent = CpuNanoseconds() - begin;
  }
  std::array<double, kRepetitions> costs;
  const uint64_t allocated = support::AllocationCount();
  for (double& cost : costs) {
    const double begin = CpuNanoseconds();
    run(count);
    cost = (CpuNanoseconds() - begin) / static_cast<double>(count);
  }
  std::ranges::sort(costs);
  return {costs[kRepetitions / 2], static_cast<double>(support::AllocationCount() - allocated) /
                                       static_cast<double>(count) / kRepetitions};
}

// Runs what was asked for and prints it.
class Report {
 public:
  explicit Report(std::string_view wanted) : wanted_(wanted) {
    std::printf("%-44s %10s %10s\n", "case", "ns/op", "allocs/op");
  }

  bool Wants(const std::string& name) const { return name.find(wanted_) != std::string::npos; }
  Cost Run(const std::string& name, const std::function<void(uint64_t)>& run) const {
    const Cost cost = Measure(run);
    std::printf("%-44s %10.1f %10.2f\n", name.c_str(), cost.nanoseconds, cost.allocations);
    return cost;
  }

 private:
  std::string wanted_;
};

constexpr std::pair<BalancePolicy, const char*> kPolicies[] = {
    {BalancePolicy::kRoundRobin, "round_robin"},
    {BalancePolicy::kLeastRequest, "least_request"},
    {BalancePolicy::kRandom, "random"},
    {BalancePolicy::kRingHash, "ring_hash"},
    {BalancePolicy::kMaglev, "maglev"}};

std::vector<BalancerEndpoint> Endpoints(size_t count, bool weighted) {
  std::vector<BalancerEndpoint> endpoints(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string ip = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    endpoints[i].address = *SocketAddress::FromIp(ip, 80);
    endpoints[i].weight = weighted ? static_cast<uint32_t>(1 + i % 3) : 1;
  }
  return endpoints;
}

void MeasurePicks(const Report& report) {
  for (const auto& [policy, policy_name] : kPolicies) {
    for (const size_t count : {2u, 8u, 64u, 1024u}) {
      for (const bool weighted : {false, true}) {
        const std::string name = std::string("pick/") + policy_name + "/" + std::to_string(count) +
                                 (weighted ? "/weighted" : "");
        if (!report.Wants(name)) continue;
        Random random(1);
        Balancer balancer({.policy = policy}, &random);
        balancer.SetEndpoints(Endpoints(count, weighted));
        uint64_t hash = 0;
        size_t sum = 0;
        report.Run(name, [&](uint64_t times) {
          for (uint64_t i = 0; i < times; ++i) {
            hash = NextHash(hash);
            sum += 1 + balancer.Pick({.hash = hash}, [&](size_t endpoint) { return endpoint & 3; });
          }
        });
        HOLDFAST_CHECK(sum > 0);
      }
    }
  }
}

// What a change of the endpoints costs the balancer: with ring_hash and maglev the making of the
// table of keys, which the main thread does for all workers.
void MeasureSetEndpoints(const Report& report) {
  for (const auto& [policy, policy_name] : kPolicies) {
    const std::string name = std::string("set_endpoints/") + policy_name + "/1024";
    if (!report.Wants(name)) continue;
    Random random(1);
    Balancer balancer({.policy = policy}, &random);
    const std::vector<BalancerEndpoint> endpoints = Endpoints(1024, /*weighted=*/true);
    report.Run(name, [&](uint64_t times) {
      for (uint64_t i = 0; i < times; ++i) {
        balancer.SetEndpoints({});
        balancer.SetEndpoints(endpoints);
      }
    });
  }
}

class Holder final : public Waiter {
 public:
  Lease lease;

 private:
  void OnLease(Lease given) override { lease = std::move(given); }
  void OnCheckoutFailed(CheckoutFailure, const SocketAddress&) override { HOLDFAST_CHECK(false); }
};

// One of four workers, and listeners on the loopback whose accept queues are their only clients.
class Worker {
 public:
  static constexpr size_t kWorkers = 4;

  explicit Worker(size_t endpoints) {
    peers_.mailboxes.assign(kWorkers, &mailbox_);
    for (size_t i = 0; i < endpoints; ++i) {
      auto listener = Listen(*SocketAddress::FromIp("127.0.0.1", 0), /*reuse_port=*/false);
      HOLDFAST_CHECK(listener.ok());
      set_.endpoints.emplace_back();
      set_.endpoints.back().address = *LocalAddress(listener->get());
      listeners_.push_back(std::move(*listener));
    }
  }

  PoolContext context() {
    return {.loop = &loop_,
            .slabs = &slabs_,
            .dialer = &dialer_,
            .random = &random_,
            .shelves = &shelves_,
            .peers = &peers_};
  }
  metrics::Shard* shard() { return shard_; }
  const EndpointSet& set() const { return set_; }
  void Await(const Holder& holder) {
    while (holder.waiting()) loop_.RunOnce();
  }

 private:
  SystemClock clock_;
  SlabPool slabs_;
  EventLoop loop_{&clock_};
  SocketDialer dialer_{&loop_, &slabs_};
  Mailbox mailbox_{&loop_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  Random random_{1};
  Shelves shelves_{kWorkers};
  Peers peers_;
  std::vector<FileDescriptor> listeners_;
  EndpointSet set_;
};

// Returns the cost without the look at the socket.
double MeasureLocalHit(const Report& report) {
  Worker worker(1);
  PoolCells cells(worker.shard(), "web");
  const SocketAddress address = worker.set().endpoints.front().address;
  ConnectionPool pool(worker.context(), EndpointKey{"web", address}, {.idle_timeout = {}}, &cells);
  Holder holder;
  HOLDFAST_CHECK(pool.Acquire(&holder, false).status == Checkout::Status::kWaiting);
  worker.Await(holder);
  const int fd = holder.lease.connection().fd();
  holder.lease.End(kGoodEnd);
  const auto hit = [&](uint64_t times) {
    for (uint64_t i = 0; i < times; ++i) {
      Checkout checkout = pool.Acquire(&holder, false);
      HOLDFAST_CHECK(checkout.status == Checkout::Status::kLeased);
      checkout.lease.End(kGoodEnd);
    }
  };
  report.Run("local_hit/with_peek", hit);
  report.Run("local_hit/peek_alone", [&](uint64_t times) {
    for (uint64_t i = 0; i < times; ++i) HOLDFAST_CHECK(PeekSocket(fd) == PeekResult::kNothing);
  });
  peek_for_nothing = true;
  const Cost cost = report.Run("local_hit/without_peek", hit);
  peek_for_nothing = false;
  return cost.nanoseconds;
}

// The whole way of a request through the pool: choice, lease, report, return.
void MeasureCluster(const Report& report) {
  for (const auto& [policy, policy_name] : kPolicies) {
    for (const size_t count : {1u, 2u, 8u}) {
      const std::string name =
          std::string("cluster_hit/") + policy_name + "/" + std::to_string(count);
      if (!report.Wants(name)) continue;
      Worker worker(count);
      ClusterOptions options;
      options.balancing.policy = policy;
      options.pool.idle_learned = false;
      options.pool.idle_timeout.reset();
      Cluster cluster(worker.context(), worker.shard(), "web", options);
      cluster.SetEndpoints(worker.set());
      Holder holder;
      SocketAddress picked;
      uint64_t hash = 0;
      const auto hit = [&](uint64_t times) {
        for (uint64_t i = 0; i < times; ++i) {
          hash = NextHash(hash);
          Checkout checkout = cluster.Acquire(&holder, Request{.hash = hash}, &picked);
          if (checkout.status == Checkout::Status::kLeased) {
            holder.lease = std::move(checkout.lease);
          } else {
            worker.Await(holder);
          }
          cluster.Report(picked, Outcome::kAnswered);
          holder.lease.End(kGoodEnd);
        }
      };
      hit(1000);  // connects to all
      peek_for_nothing = true;
      report.Run(name + "/without_peek", hit);
      peek_for_nothing = false;
    }
  }
}

std::shared_ptr<const KeyTable> TableFor(BalancePolicy policy, const EndpointSet& set) {
  std::vector<BalancerEndpoint> choices;
  for (const EndpointState& endpoint : set.endpoints) {
    choices.push_back(BalancerEndpointOf(endpoint));
  }
  return MakeKeyTable(policy, choices, nullptr);
}

// What a change of the endpoints costs a worker, once the main thread has made the table of keys:
// half of a thousand are replaced, and then come back.
void MeasureClusterEndpoints(const Report& report) {
  constexpr size_t kEndpoints = 1024;
  for (const auto& [policy, policy_name] : kPolicies) {
    const std::string name =
        std::string("cluster_set_endpoints/") + policy_name + "/" + std::to_string(kEndpoints);
    if (!report.Wants(name)) continue;
    Worker worker(0);
    ClusterOptions options;
    options.balancing.policy = policy;
    Cluster cluster(worker.context(), worker.shard(), "web", options);
    EndpointSet sets[2];
    size_t place = 0;
    for (const BalancerEndpoint& endpoint : Endpoints(kEndpoints * 3 / 2, /*weighted=*/true)) {
      EndpointState state;
      state.address = endpoint.address;
      state.weight = endpoint.weight;
      if (place < kEndpoints) sets[0].endpoints.push_back(state);
      if (place >= kEndpoints / 2) sets[1].endpoints.push_back(state);
      ++place;
    }
    for (EndpointSet& set : sets) set.keys = TableFor(policy, set);
    report.Run(name, [&](uint64_t times) {
      for (uint64_t i = 0; i < times; ++i) cluster.SetEndpoints(sets[i & 1]);
    });
  }
}

int Main(int argc, char** argv) {
  bool check = false;
  std::string wanted;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--check") {
      check = true;
    } else {
      wanted = argv[i];
    }
  }
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(0, &core);
  if (sched_setaffinity(0, sizeof(core), &core) != 0) std::perror("sched_setaffinity");

  const Report report(wanted);
  MeasurePicks(report);
  MeasureSetEndpoints(report);
  MeasureCluster(report);
  MeasureClusterEndpoints(report);
  if (!check && !report.Wants("local_hit")) return 0;
  const double hit = MeasureLocalHit(report);
  if (!check) return 0;
  const bool passed = hit <= kLocalHitNanoseconds;
  std::printf("%s local hit %.1f ns, at most %.0f\n", passed ? "PASS" : "FAIL", hit,
              kLocalHitNanoseconds);
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::pool

int main(int argc, char** argv) { return holdfast::pool::Main(argc, argv); }
