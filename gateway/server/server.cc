#include "gateway/server/server.h"

#include <cstdio>
#include <utility>

#include "gateway/server/op_log.h"
#include "metrics/build_info.h"
#include "metrics/process_stats.h"
#include "pool/pool_cells.h"
#include "pool/reuse_ratio.h"

namespace holdfast::server {

Server::Server(const pool::Clock* clock, ServerOptions options, Inheritance inheritance)
    : options_(std::move(options)),
      main_{.clock = clock},
      upstreams_(
          &main_.loop, &main_.slabs,
          [this](const std::string& upstream) { return workers_.RequestsOf(upstream); },
          main_.shard,
          [this](const std::string& upstream, const pool::EndpointSet& endpoints) {
            configurator_.PublishEndpoints(upstream, endpoints);
          },
          [this](const std::string& upstream, const pool::SocketAddress& endpoint) {
            return workers_.LabelOf(upstream, endpoint);
          }),
      listeners_(std::move(inheritance)),
      pages_(&main_.registry, {.trouble = [this] { return workers_.Trouble(); },
                               .serving = [this] { return life_.serving(); }}),
      orders_(&main_, {.publish =
                           [this](std::shared_ptr<const acme::Challenges> challenges,
                                  std::function<void()> known) {
                             configurator_.PublishChallenges(std::move(challenges),
                                                             std::move(known));
                           },
                       .refresh = [this] { configurator_.RefreshTls(); }}),
      shared_limits_(&main_),
      keys_(&main_.loop, main_.shard,
            {.connect = ConnectFrom(&main_), .changed = [this] { configurator_.RefreshKeys(); }}),
      configurator_({.main = &main_,
                     .workers = &workers_,
                     .upstreams = &upstreams_,
                     .listeners = &listeners_,
                     .orders = &orders_,
                     .keys = &keys_,
                     .shared_limits = &shared_limits_},
                    [this](std::string_view path) { return pages_.Answer(path); }),
      life_({.main = &main_,
             .workers = &workers_,
             .listeners = &listeners_,
             .configurator = &configurator_},
            {.config_path = options_.config_path, .command = options_.command}),
      workers_(&main_, {.on_empty = [this](size_t cut) { life_.OnEmpty(cut); },
                        .on_trouble =
                            [this](const std::string& upstream, const pool::SocketAddress& endpoint,
                                   const std::string& cause) {
                              upstreams_.OnTrouble(upstream, endpoint, cause);
                            },
                        .want_keys = [this](const std::string& url) { keys_.Want(url); },
                        .series_grace = options_.series_grace}) {
  main_.registry.AddCollector(metrics::ProcessCollector());
  main_.registry.AddCollector([this](metrics::Sums& sums) {
    sums.Add<metrics::Counter>(metrics::Metric::kSeriesDroppedTotal, {}, main_.registry.dropped());
  });
  main_.registry.AddCollector(pool::AddReuseRatios);
  main_.registry.AddCollector(pool::AddUnusedWords);
  // Before the endpoints' states: it decides which of them have series.
  main_.registry.AddCollector([this](metrics::Sums& sums) { workers_.AddTo(sums); });
  main_.registry.AddCollector([this](metrics::Sums& sums) { pages_.AddTo(sums); });
  main_.registry.AddCollector(metrics::BuildInfoCollector(options_.version, options_.commit));
  main_.registry.AddCollector([this](metrics::Sums& sums) { upstreams_.AddTo(sums); });
  main_.registry.AddCollector([this](metrics::Sums& sums) { configurator_.AddTo(sums); });
  main_.registry.AddCollector([this](metrics::Sums& sums) { orders_.AddTo(sums); });
  main_.registry.AddCollector([this](metrics::Sums& sums) { shared_limits_.AddTo(sums); });
}

absl::Status Server::Start(config::Config config) {
  BlockSignals();
  return configurator_.Start(std::move(config));
}

int Server::Run() {
  signals_.emplace(&main_.loop, [this](int signal) { life_.OnSignal(signal); });
  LogInfo("ready");
  if (options_.greeting) fputs(options_.greeting(listeners_.addresses()).c_str(), stdout);
  fflush(stdout);
  listeners_.TellReady();
  main_.loop.Run();
  return life_.exit_code();
}

}  // namespace holdfast::server
