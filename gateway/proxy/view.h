#ifndef HOLDFAST_GATEWAY_PROXY_VIEW_H_
#define HOLDFAST_GATEWAY_PROXY_VIEW_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "gateway/http/message.h"
#include "gateway/proxy/endpoint_cookie.h"
#include "gateway/route/snapshot.h"
#include "metrics/shard.h"
#include "pool/cluster.h"
#include "pool/net/event_loop.h"

namespace holdfast::proxy {

// Who made the answer that a client got, or would have got had it not left.
enum class AnswerSource : uint8_t { kGateway, kUpstream };

// The request metrics of one listener and route in one worker.
class RouteCells {
 public:
  RouteCells(metrics::Shard* shard, std::string listener, std::string route);

  // Adds one request. Only the first of a method, status and source looks anything up in the shard.
  void CountRequest(http::Method method, int status, AnswerSource source) {
    const uint32_t key = (static_cast<uint32_t>(source) << 24) |
                         (static_cast<uint32_t>(method) << 16) | static_cast<uint32_t>(status);
    if (last_ == nullptr || key != last_key_) Remember(key, method, status, source);
    last_->Add();
  }

  // Of requests that failed so; the word has static storage. Its labels are looked up the first
  // time only.
  metrics::Counter& FailedFor(std::string_view reason);

  metrics::Histogram& first_byte;
  metrics::Histogram& duration;

 private:
  // Makes it the last one.
  void Remember(uint32_t key, http::Method method, int status, AnswerSource source);

  metrics::Shard* shard_;
  std::string listener_;
  std::string route_;
  // What the last one was, which nearly always the next one is, too.
  uint32_t last_key_ = 0;
  metrics::Counter* last_ = nullptr;
  absl::flat_hash_map<uint32_t, metrics::Counter*> requests_;
  std::vector<std::pair<std::string_view, metrics::Counter*>> failures_;
};

// What one worker makes of a snapshot: its clusters and cells beside the shared, immutable config.
// Exchanges pin the view they began with, so a reload changes nothing under them.
//
// One thread. It counts its pins; when the last goes, it is destroyed at the end of the loop's
// turn.
class View {
 public:
  // `clusters` are in the order of the config's upstreams.
  View(pool::EventLoop* loop, metrics::Shard* shard,
       std::shared_ptr<const route::Snapshot> snapshot,
       std::vector<std::shared_ptr<pool::Cluster>> clusters);

  const route::Snapshot& snapshot() const { return *snapshot_; }
  pool::Cluster& cluster(uint32_t upstream) { return *clusters_[upstream]; }
  const std::vector<std::shared_ptr<pool::Cluster>>& clusters() const { return clusters_; }
  // `route` may be null: the cells of requests that no route matched.
  RouteCells& cells(uint32_t listener, const route::Route* route) {
    const size_t column = route == nullptr ? routes_ : route->index;
    const std::unique_ptr<RouteCells>& cells = cells_[listener * (routes_ + 1) + column];
    return cells != nullptr ? *cells : NewCells(listener, route);
  }
  // By what clients of the upstream return to their endpoint; null: by nothing.
  const EndpointCookie* cookie(uint32_t upstream) const {
    return cookies_.empty() ? nullptr : cookies_[upstream].get();
  }
  // The prepared answer of a route with `respond`.
  const http::ResponseHead& respond_head(const route::Route& route) const {
    return respond_heads_[route.index];
  }

 private:
  friend class ViewPin;

  RouteCells& NewCells(uint32_t listener, const route::Route* route);

  pool::EventLoop* loop_;
  metrics::Shard* shard_;
  std::shared_ptr<const route::Snapshot> snapshot_;
  std::vector<std::shared_ptr<pool::Cluster>> clusters_;
  std::vector<std::unique_ptr<EndpointCookie>> cookies_;  // none, or one place for each upstream
  std::vector<http::ResponseHead> respond_heads_;
  size_t routes_;                                   // of the config
  std::vector<std::unique_ptr<RouteCells>> cells_;  // by listener, then route; made when first used
  std::vector<metrics::Claim> claims_;              // for the series of each listener and route
  int pins_ = 0;
};

// Keeps a view. One thread, the view's.
class ViewPin {
 public:
  ViewPin() = default;
  explicit ViewPin(View* view) : view_(view) {
    if (view_ != nullptr) ++view_->pins_;
  }
  ViewPin(const ViewPin& other) : ViewPin(other.view_) {}
  ViewPin(ViewPin&& other) noexcept : view_(std::exchange(other.view_, nullptr)) {}
  ViewPin& operator=(ViewPin other) noexcept {
    std::swap(view_, other.view_);
    return *this;
  }
  ~ViewPin() {
    if (view_ != nullptr && --view_->pins_ == 0) {
      view_->loop_->DestroyLater(std::unique_ptr<View>(view_));
    }
  }

  View* get() const { return view_; }
  View* operator->() const { return view_; }
  explicit operator bool() const { return view_ != nullptr; }

 private:
  View* view_ = nullptr;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_VIEW_H_
