#ifndef HOLDFAST_GATEWAY_SERVER_SERVER_H_
#define HOLDFAST_GATEWAY_SERVER_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/config/config.h"
#include "gateway/proxy/client_places.h"
#include "gateway/route/snapshot.h"
#include "gateway/server/descriptor_budget.h"
#include "gateway/server/heartbeats.h"
#include "gateway/server/inheritance.h"
#include "gateway/server/listener_sockets.h"
#include "gateway/server/log_writer.h"
#include "gateway/server/signals.h"
#include "gateway/server/status_server.h"
#include "gateway/server/upgrade.h"
#include "gateway/server/upstream_watch.h"
#include "gateway/server/worker.h"
#include "metrics/registry.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/shelf.h"

namespace holdfast::server {

struct ServerOptions {
  std::string config_path;  // what SIGHUP reads again; empty: the configuration is fixed
  std::string version;
  std::string commit = "unknown";
  // Makes what is printed once everything listens, from the addresses by listener name and
  // "status".
  std::function<std::string(const std::map<std::string, std::string>&)> greeting;
  // How long the metrics of what a reload removed can still be scraped.
  pool::Duration series_grace = std::chrono::minutes(5);
  // What SIGUSR2 starts: a program's path and its arguments; empty: nothing.
  std::vector<std::string> command;
};

// The process's exit codes.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitDrainDeadline = 3,
};

// The gateway as a whole: binds, starts the workers, looks after names, health, reloads, signals
// and the drain on its own loop, and mails the workers what concerns them.
//
// Main thread. Start, then Run once. Destruction ends the workers.
class Server {
 public:
  // With an `inheritance` it takes the place of the process that left it.
  Server(const pool::Clock* clock, ServerOptions options, Inheritance inheritance = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds every listener and starts the workers; on an error nothing is left running.
  absl::Status Start(config::Config config);
  // Serves until a signal ends it. Returns an ExitCode.
  int Run();

 private:
  enum class Phase {
    kServing,
    kDrainDelay,  // not ready, but accepting
    kHandedOver,  // another process accepts in our place
    kDraining,
    kCutting,  // the drain's deadline has come
    kStopped,
  };
  // How long a process that takes another's place leaves the clients to that one while names are
  // looked up.
  static constexpr pool::Duration kNamesPatience = std::chrono::seconds(5);
  // At least, for the requests of connections that were accepted just before the hand-over.
  static constexpr pool::Duration kHandOverGrace = std::chrono::seconds(1);
  // For the workers to say, at the drain's deadline, whether anything was left to be cut off.
  static constexpr pool::Duration kCutPatience = std::chrono::seconds(1);

  absl::Status PlanShares(const config::Config& config, WorkerShares* shares);
  // Invalid when there is to be none.
  absl::StatusOr<pool::FileDescriptor> BindStatus(const config::Config& config);
  void ServeStatus(pool::FileDescriptor socket);
  absl::Status OpenAccessLog(const config::Config& config);
  // Binds, or inherits, what `config` has and the present one has not.
  absl::StatusOr<std::map<std::string, BoundListener>> BindNew(const config::Config& config);
  // Sockets of ours listen on this port of another address, or have just done so.
  bool IsOurPort(const pool::SocketAddress& address) const;
  void NotePort(const pool::SocketAddress& address);
  void DropInheritance();
  // Until every upstream has an endpoint, or patience ends.
  void AwaitNames(const config::Config& config);
  absl::StatusOr<std::vector<pool::FileDescriptor>> SocketsHeld(const config::Listener& listener);
  void Announce(const std::string& name, const pool::SocketAddress& address);
  void CreateWorkers(size_t count);
  // Door 2: the snapshot goes to every worker, with the sockets and endpoints it needs.
  void Publish(std::shared_ptr<const route::Snapshot> snapshot, const WorkerShares& shares,
               std::map<std::string, BoundListener> bound);

  // A worker has let go of what the snapshot with this number no longer has.
  void OnAdopted(uint64_t publication);

  void OnSignal(int signal);
  void ReopenLogs();
  void BeginUpgrade();
  absl::Status StartUpgrade();
  void HandOver();
  void Reload();
  absl::Status TryReload();
  // A configuration was adopted, or refused.
  void CountLoad(bool ok);
  void OnEndSignal(int signal);
  void BeginDrain(int signal);
  void OnDrainTimer(pool::TimePoint now);
  void StopAccepting();
  void CutAll();
  void OnWorkerEmpty(size_t exchanges_cut);
  void Finish(int exit_code);
  void OnBeat(pool::TimePoint now);
  StatusReply AnswerStatus(std::string_view path);

  template <class Function>
  void MailAll(Function function);

  const pool::Clock* clock_;
  const ServerOptions options_;
  Inheritance inheritance_;
  pool::EventLoop loop_;
  pool::SlabPool slabs_;
  pool::Mailbox mailbox_;
  metrics::Registry registry_;
  metrics::Shard* shard_;
  std::shared_ptr<const route::Snapshot> snapshot_;
  size_t worker_count_ = 1;
  size_t descriptor_limit_ = 0;
  size_t status_clients_ = 0;  // that the budget allows
  std::unique_ptr<LogWriter> log_writer_;
  std::optional<pool::Shelves> shelves_;
  std::optional<proxy::ClientPlaces> places_;
  pool::Peers peers_;
  std::optional<uint32_t> started_with_;  // the configured number of workers
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<UpstreamWatch> upstreams_;
  std::unique_ptr<StatusServer> status_;
  // Of every listener, by ListenerKey, for the process that takes our place.
  std::map<std::string, std::vector<pool::FileDescriptor>> copies_;
  // Listeners that a reload has removed, until every worker has closed its sockets: who comes back
  // to the address in the meantime takes these.
  struct LeavingListener {
    std::vector<pool::FileDescriptor> copies;
    uint64_t publication;
    size_t workers;  // that have not closed theirs
  };
  std::vector<LeavingListener> leaving_;
  uint64_t publications_ = 0;
  std::map<std::string, std::string> addresses_;  // as announced
  std::set<uint16_t> ports_;                      // that we listen on, or did
  std::unique_ptr<Upgrade> upgrade_;              // under way
  std::optional<Heartbeats> heartbeats_;
  std::optional<Signals> signals_;
  Phase phase_ = Phase::kServing;
  size_t empty_workers_ = 0;
  size_t exchanges_cut_ = 0;
  int exit_code_ = kExitOk;
  pool::MemberTimer<Server, &Server::OnDrainTimer> drain_timer_{this};
  pool::MemberTimer<Server, &Server::OnBeat> beat_timer_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_SERVER_H_
