#include "gateway/server/publisher.h"

#include <utility>

#include "pool/net/check.h"

namespace holdfast::server {

Publisher::Publisher(MainContext* main, WorkerSet* workers, EndpointsOf endpoints_of,
                     OnAdopted on_adopted)
    : main_(main),
      workers_(workers),
      endpoints_of_(std::move(endpoints_of)),
      on_adopted_(std::move(on_adopted)) {}

void Publisher::Publish(std::shared_ptr<const route::Snapshot> snapshot, const WorkerShares& shares,
                        const tls::TicketKeySets& ticket_keys, BoundListeners bound) {
  HOLDFAST_CHECK(workers_->size() > 0);
  const uint64_t publication = ++publications_;
  WorkerUpdate common{.snapshot = snapshot, .shares = shares};
  for (const config::Upstream& upstream : snapshot->config().upstreams) {
    common.endpoints[upstream.name] = endpoints_of_(upstream.name);
  }
  // The main thread's alone: the letters only carry it back.
  auto workers_left = std::make_shared<size_t>(workers_->size());
  contexts_.resize(workers_->size());
  for (size_t i = 0; i < workers_->size(); ++i) {
    contexts_[i] =
        tls::MakeContexts(snapshot->config(), snapshot->tls(), ticket_keys, contexts_[i]);
    WorkerUpdate update{.snapshot = common.snapshot,
                        .endpoints = common.endpoints,
                        .shares = common.shares,
                        .tls = contexts_[i]};
    for (auto& [key, listener] : bound) {
      for (size_t j = i; j < listener.sockets.size(); j += workers_->size()) {
        update.sockets[key].push_back(std::move(listener.sockets[j]));
      }
    }
    workers_->Mail(
        i, [this, publication, workers_left, update = std::move(update)](Worker& worker) mutable {
          worker.Adopt(std::move(update));
          // Sockets are closed at the end of this turn; what is posted now runs in the next.
          worker.mailbox().Post([this, publication, workers_left] {
            main_->mailbox.Post([this, publication, workers_left] {
              if (--*workers_left == 0) on_adopted_(publication);
            });
          });
        });
  }
  snapshot_ = std::move(snapshot);
}

void Publisher::PublishTicketKeys(const tls::TicketKeySets& keys) {
  workers_->MailAll([keys](Worker& worker) { worker.SetTicketKeys(keys); });
}

void Publisher::PublishChallenges(std::shared_ptr<const acme::Challenges> challenges,
                                  std::function<void()> known) {
  // The main thread's alone: the letters only carry it back.
  auto workers_left = std::make_shared<size_t>(workers_->size());
  workers_->MailAll([this, challenges = std::move(challenges), workers_left,
                     known = std::move(known)](Worker& worker) {
    worker.SetChallenges(challenges);
    if (known == nullptr) return;
    main_->mailbox.Post([workers_left, known] {
      if (--*workers_left == 0) known();
    });
  });
}

void Publisher::PublishEndpoints(const std::string& upstream, const pool::EndpointSet& endpoints) {
  workers_->MailAll(
      [upstream, endpoints](Worker& worker) { worker.SetEndpoints(upstream, endpoints); });
}

}  // namespace holdfast::server
