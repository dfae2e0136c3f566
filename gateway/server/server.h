#ifndef HOLDFAST_GATEWAY_SERVER_SERVER_H_
#define HOLDFAST_GATEWAY_SERVER_SERVER_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/server/certificate_orders.h"
#include "gateway/server/configurator.h"
#include "gateway/server/key_keeper.h"
#include "gateway/server/process_life.h"
#include "gateway/server/shared_limits.h"
#include "gateway/server/signals.h"
#include "gateway/server/status_pages.h"

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

// The gateway as a whole: the parts of the main thread and how they are connected. The workers
// serve; the configurator takes configurations into use; the process's life ends by signals.
//
// Main thread. Start, then Run once. Destruction ends the workers.
class Server {
 public:
  // With an `inheritance` it takes the place of the process that left it.
  Server(const pool::Clock* clock, ServerOptions options, Inheritance inheritance = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds every listener and starts the workers; on an error nothing is left running.
  absl::Status Start(config::Config config);
  // Serves until a signal ends it. Returns an ExitCode.
  int Run();

 private:
  const ServerOptions options_;
  MainContext main_;
  UpstreamWatch upstreams_;
  ListenerSet listeners_;
  StatusPages pages_;
  CertificateOrders orders_;
  SharedLimits shared_limits_;
  KeyKeeper keys_;
  Configurator configurator_;
  ProcessLife life_;
  std::optional<Signals> signals_;
  WorkerSet workers_;  // last: its threads end before what their letters name
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_SERVER_H_
