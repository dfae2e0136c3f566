#ifndef HOLDFAST_GATEWAY_PROXY_CONTEXT_H_
#define HOLDFAST_GATEWAY_PROXY_CONTEXT_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/node_hash_map.h>

#include "gateway/http/serializer.h"
#include "gateway/proxy/access_log.h"
#include "gateway/proxy/client_places.h"
#include "gateway/proxy/handshakes.h"
#include "gateway/proxy/view.h"
#include "metrics/shard.h"
#include "pool/net/block_list.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/free_list.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/proxy_header.h"
#include "pool/net/random.h"

namespace holdfast::auth {
class BasicAuth;
class BearerAuth;
}  // namespace holdfast::auth

namespace holdfast::acme {
struct Challenges;
}

namespace holdfast::policy {
class RequestIdSource;
}

namespace holdfast::proxy {

class ClientTransports;
struct EncodingMeans;
class Http1Serving;
class Http2Means;
class InFlightQueues;
class Listener;
class Mirrors;
class Session;
class SpanQueue;
class UpstreamStreams;

// The current Date field (RFC 9110 section 6.6.1), formatted once a second. One thread.
class DateCache {
 public:
  std::string_view At(pool::WallTime now);

 private:
  int64_t second_ = -1;
  std::array<char, http::kDateBytes> text_{};
};

// What sessions and exchanges of one worker share. Owned by the worker, outlives them. One thread.
struct WorkerContext {
  WorkerContext(pool::EventLoop* worker_loop, pool::SlabPool* worker_slabs,
                metrics::Shard* worker_shard, pool::Random* worker_random);
  ~WorkerContext();

  // There may be places again: listeners that have found none look once more.
  void AcceptAgain();
  // What was announced of a session that ends; gives memory back when many have.
  void ForgetAnnounced(const Session* session);

  pool::EventLoop* loop;
  pool::SlabPool* slabs;
  metrics::Shard* shard;
  pool::Random* random;
  ViewPin view;                     // of the current snapshot
  AccessLog* access_log = nullptr;  // null: off
  SpanQueue* spans = nullptr;       // null: nobody sends any
  bool draining = false;            // the process is on its way out
  DateCache date;
  std::unique_ptr<InFlightQueues> in_flight;  // who has places of routes, and who waits for them
  pool::BlockList http1_sessions;             // their memory
  pool::FreeList<Http1Serving> http1_servings;
  std::unique_ptr<Http2Means> http2;        // what its sessions share
  std::unique_ptr<EncodingMeans> encoding;  // what bodies that are made smaller share
  // Where they are made.
  std::unique_ptr<policy::RequestIdSource> request_ids;
  std::unique_ptr<auth::BearerAuth> tokens;  // who checks them; null: none has come yet
  std::unique_ptr<Mirrors> mirrors;          // copies of requests; null: none was made yet
  // Tells that keys at a URL are wanted (auth/bearer_auth.h); null: nobody hears it.
  std::function<void(const std::string& url)> want_keys;
  pool::IntrusiveList<Session> sessions;
  // What PROXY headers said of the connections of these sessions; most have none. What is in it
  // stays where it is.
  absl::node_hash_map<const Session*, pool::ProxiedEnds> announced;
  size_t worker = 0;          // which one this is
  size_t buffered_bytes = 0;  // of requests' bodies that are read before they are asked for
  ClientPlaces* places = nullptr;
  std::vector<Listener*> listeners;  // those that accept
  std::vector<Listener*> at_cap;     // of them those that have found no place for a client
  // What makes clients' transports; null: they are all plain.
  ClientTransports* client_transports = nullptr;
  // What makes streams of leases; null: each connection speaks HTTP/1.1.
  UpstreamStreams* upstream_streams = nullptr;
  // Who knows users' passwords; null: nobody, and none is right.
  auth::BasicAuth* auth = nullptr;
  Handshakes handshakes;
  // What an authority may ask for in clear; null: it does not.
  std::shared_ptr<const acme::Challenges> challenges;
  // Queued when the last session closes; null: nobody asks.
  pool::Task* when_empty = nullptr;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_CONTEXT_H_
