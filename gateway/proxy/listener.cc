#include "gateway/proxy/listener.h"

#include <cstring>
#include <utility>
#include <vector>

#include "gateway/proxy/client_session.h"
#include "gateway/proxy/context.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using metrics::Metric;

Listener::Cells::Cells(metrics::Shard* shard, std::string_view listener)
    : claim(shard->ClaimSeries("listener", listener)),
      idle(shard->GaugeFor(Metric::kClientConnections, {listener, "idle"})),
      active(shard->GaugeFor(Metric::kClientConnections, {listener, "active"})),
      accepted(shard->CounterFor(Metric::kClientConnectionsAcceptedTotal, {listener})),
      request_bytes(shard->CounterFor(Metric::kRequestBytesTotal, {listener})),
      response_bytes(shard->CounterFor(Metric::kResponseBytesTotal, {listener})) {}

Listener::Listener(WorkerContext* context, pool::FileDescriptor socket,
                   std::shared_ptr<const config::Listener> config, uint32_t index,
                   size_t max_sessions)
    : context_(context),
      config_(std::move(config)),
      index_(index),
      max_sessions_(max_sessions),
      cells_(context->shard, config_->name) {
  AcceptAlsoOn(std::move(socket));
}

void Listener::AcceptAlsoOn(pool::FileDescriptor socket) {
  acceptors_.push_back(std::make_unique<pool::Acceptor>(context_->loop, std::move(socket),
                                                        static_cast<pool::AcceptorEvents*>(this)));
}

Listener::~Listener() { std::erase(context_->at_cap, this); }

void Listener::Configure(std::shared_ptr<const config::Listener> config, uint32_t index,
                         size_t max_sessions) {
  config_ = std::move(config);
  index_ = index;
  max_sessions_ = max_sessions;
  ++generation_;
  ResumeIfBelowCap();
}

const ViewPin& Listener::view() const { return draining() ? last_view_ : context_->view; }

void Listener::Retire(ViewPin view) {
  if (draining()) return;
  last_view_ = std::move(view);
  for (auto& acceptor : std::exchange(acceptors_, {})) {
    acceptor->Pause();
    context_->loop->DestroyLater(std::move(acceptor));
  }
}

void Listener::Leave() {
  HOLDFAST_CHECK(draining());
  if (!leaving()) leaving_since_ = context_->loop->now();
}

void Listener::OnSessionClosed() {
  --sessions_;
  ResumeIfBelowCap();
  // The one that ended may have been another listener's last bit of the worker's share.
  for (Listener* listener : std::exchange(context_->at_cap, {})) listener->ResumeIfBelowCap();
}

void Listener::ResumeIfBelowCap() {
  if (sessions_ >= max_sessions_) return;
  for (auto& acceptor : acceptors_) {
    if (acceptor->paused()) acceptor->Resume();
  }
}

void Listener::OnAccept(pool::FileDescriptor socket, const pool::SocketAddress& peer) {
  ClientSession::Start(context_, this, std::move(socket), peer);
}

void Listener::OnAcceptError(int error) {
  const char* name = strerrorname_np(error);
  context_->shard
      ->CounterFor(Metric::kAcceptErrorsTotal, {config_->name, name != nullptr ? name : "unknown"})
      .Add();
}

// The kernel keeps who comes now in the backlog; the next session that ends makes room.
bool Listener::MayAccept() {
  const bool worker_full = context_->sessions.size() >= context_->max_sessions;
  if (sessions_ < max_sessions_ && !worker_full) return true;
  if (worker_full) context_->at_cap.push_back(this);
  context_->shard
      ->CounterFor(Metric::kClientConnectionsRefusedTotal, {config_->name, "connection_cap"})
      .Add();
  return false;
}

}  // namespace holdfast::proxy
