#include "gateway/proxy/mirror.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <absl/container/inlined_vector.h>

#include "gateway/proxy/client_ends.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/hash_key.h"
#include "gateway/proxy/outgoing.h"
#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

// A copy is worth no more than one attempt, but for a kept connection that turned out dead, and for
// endpoints that take none.
constexpr config::RetryPolicy kPolicy{.connect_failure = false, .reset = false};

// Where the route has no limit for its own upstream.
constexpr pool::Duration kUsualTimeout = std::chrono::seconds(30);

// Of one step of a body, as a rule; what was held before has more.
constexpr size_t kUsualPieces = 64;

// The body goes with the head, and its trailers not at all.
constexpr http::FieldIds kNotCopied = {http::FieldId::kExpect, http::FieldId::kTrailer};

bool ChangesProtocol(const http::RequestHead& request) {
  return request.connection_upgrade || request.method == http::Method::kConnect;
}

}  // namespace

pool::Duration MirrorTimeout(const route::Route& route) {
  return route.mirror->timeout.value_or(route.timeouts.first_byte.value_or(kUsualTimeout));
}

MirrorCopy* BeginMirror(const ExchangeSubject& subject, const http::ForwardedFacts& facts,
                        WorkerContext* context) {
  const config::Mirror& mirror = *subject.route->mirror;
  if (ChangesProtocol(subject.request)) return nullptr;
  if (context->random->Below(config::Mirror::kAll) >= mirror.share) return nullptr;
  if (context->mirrors == nullptr) context->mirrors = std::make_unique<Mirrors>(context);
  return context->mirrors->Begin(subject, facts);
}

MirrorCopy::MirrorCopy(Mirrors* owner, WorkerContext* context, const ExchangeSubject& subject,
                       const http::ForwardedFacts& facts)
    : owner_(owner),
      context_(context),
      view_(&subject.view),
      route_(subject.route),
      begun_(context->loop->now()),
      call_(context, this, SideCall::Answer::kDiscarded) {
  static_cast<http::RequestFacts&>(head_) = subject.request;
  head_.expect_continue = false;
  KeepFields(subject.request.headers);
  FillFacts(subject, route_->mirror_cluster, &facts_);
  facts_.te_trailers = facts.te_trailers;
  facts_.target = facts.target;
  facts_.identity = facts.identity;
  KeepText();
  const ExchangeClient& client = subject.client;
  if (const auto& key = route_->mirror_cluster.hash; key.has_value()) {
    hash_ = HashOf(*key, subject.request, client.origin);
  }
  if (view_->cluster(route_->mirror->upstream).introduces()) {
    client_ends_ = ClientEnds(client.connection != nullptr ? client.connection->fd() : -1,
                              client.announced, facts_.origin);
  }
}

void MirrorCopy::MoveTo(State next) {
  switch (next) {
    case State::kCollecting: HOLDFAST_CHECK(false); break;
    case State::kDropped:
    case State::kQueued: HOLDFAST_CHECK(state_ == State::kCollecting); break;
    case State::kCalling: HOLDFAST_CHECK(state_ == State::kQueued); break;
    case State::kOver:
      HOLDFAST_CHECK(state_ == State::kDropped || state_ == State::kCalling);
      break;
  }
  state_ = next;
}

void MirrorCopy::KeepFields(const http::HeaderList& fields) {
  for (const http::HeaderField& field : fields.fields()) {
    if (!field.dropped && !kNotCopied.Has(field.id)) head_.headers.Add(field);
  }
}

// What points to the client's connection, or to the exchange, points into text_ from here on.
void MirrorCopy::KeepText() {
  const std::array<std::string_view*, 10> parts = {
      &head_.method_text, &head_.target,     &head_.path,    &head_.query,   &head_.host,
      &head_.authority,   &facts_.client_ip, &facts_.origin, &facts_.target, &facts_.identity};
  size_t bytes = 0;
  for (const std::string_view* part : parts) bytes += part->size();
  for (const http::HeaderField& field : head_.headers.fields()) {
    bytes += field.name.size() + field.value.size();
  }
  text_.reserve(bytes);  // so that it stays where it is
  const auto keep = [this](std::string_view* part) {
    const size_t at = text_.size();
    text_ += *part;
    *part = std::string_view(text_).substr(at);
  };
  for (std::string_view* part : parts) keep(part);
  for (http::HeaderField& field : head_.headers.fields()) {
    keep(&field.name);
    keep(&field.value);
  }
}

void MirrorCopy::TakeBody(const pool::Buffer& from, size_t bytes) {
  if (state_ != State::kCollecting) return;
  const bool fits = body_.size() + bytes <= route_->mirror->max_body;
  if (!fits) return Drop(MirrorResult::kSkippedBody);
  Append(from, bytes);
}

void MirrorCopy::Append(const pool::Buffer& from, size_t bytes) {
  absl::InlinedVector<iovec, kUsualPieces> pieces(kUsualPieces);
  const auto fill = [&] { return from.FillIovec(pieces.data(), static_cast<int>(pieces.size())); };
  while (static_cast<size_t>(fill()) == pieces.size()) pieces.resize(2 * pieces.size());
  for (size_t i = 0; bytes > 0; ++i) {
    const size_t part = std::min(bytes, pieces[i].iov_len);
    body_.append(static_cast<const char*>(pieces[i].iov_base), part);
    bytes -= part;
  }
}

void MirrorCopy::Drop(MirrorResult result) {
  MoveTo(State::kDropped);
  // Its place is another's now, and its exchange may last.
  body_.clear();
  body_.shrink_to_fit();
  owner_->OnDropped(*this, result);
}

void MirrorCopy::Abandon() {
  if (state_ == State::kCollecting) Drop(MirrorResult::kSkippedIncomplete);
  MoveTo(State::kOver);
  context_->loop->DestroyLater(std::unique_ptr<MirrorCopy>(this));
}

void MirrorCopy::Send() {
  if (state_ == State::kDropped) return Abandon();
  MoveTo(State::kQueued);
  owner_->OnWhole(*this);
  context_->loop->Queue(task_);
}

void MirrorCopy::Call() {
  const route::RouteCluster& cluster = route_->mirror_cluster;
  UpstreamCall::Request call;
  call.cluster = &view_->cluster(route_->mirror->upstream);
  call.policy = &kPolicy;
  call.head = &head_;
  call.facts = facts_;
  call.endpoint_host = cluster.endpoint_host;
  call.response_limits = &cluster.response_limits;
  call.hash = hash_;
  if (client_ends_.has_value()) call.client_ends = &*client_ends_;
  MoveTo(State::kCalling);
  if (call_.Begin(call, MirrorTimeout(*route_), body_)) OnSideCallOver();
}

void MirrorCopy::OnSideCallOver() {
  MoveTo(State::kOver);
  owner_->OnOver(
      *this, call_.failure() == Failure::kNone ? MirrorResult::kAnswered : MirrorResult::kFailed);
  context_->loop->DestroyLater(std::unique_ptr<MirrorCopy>(this));
}

Mirrors::~Mirrors() {
  for (auto& [name, places] : routes_) {
    while (MirrorCopy* copy = places.collecting.front()) {
      places.collecting.Remove(*copy);
      delete copy;
    }
  }
  while (MirrorCopy* copy = sending_.front()) {
    sending_.Remove(*copy);
    Count(copy->route(), MirrorResult::kFailed);
    delete copy;
  }
}

MirrorCopy* Mirrors::Begin(const ExchangeSubject& subject, const http::ForwardedFacts& facts) {
  const route::Route& route = *subject.route;
  const http::RequestHead& request = subject.request;
  if (request.body == http::BodyKind::kLength && request.content_length > route.mirror->max_body) {
    Count(route, MirrorResult::kSkippedBody);
    return nullptr;
  }
  if (IsFull(route)) {
    Count(route, MirrorResult::kSkippedBusy);
    return nullptr;
  }
  Places& places = routes_[route.name];
  ++places.taken;
  auto* copy = new MirrorCopy(this, context_, subject, facts);
  places.collecting.PushBack(*copy);
  if (request.body != http::BodyKind::kNone) return copy;
  copy->Send();
  return nullptr;
}

// Whoever is long about a body, or streams one without an end, does not keep the place from others.
bool Mirrors::IsFull(const route::Route& route) {
  const auto places = routes_.find(route.name);
  if (places == routes_.end() || places->second.taken < route.mirror->max_in_flight) return false;
  MirrorCopy* oldest = places->second.collecting.front();
  if (oldest == nullptr || context_->loop->now() < oldest->begun() + MirrorTimeout(route)) {
    return true;
  }
  oldest->Drop(MirrorResult::kSkippedIncomplete);
  // After a reload there may be more than one too many.
  const auto now = routes_.find(route.name);
  return now != routes_.end() && now->second.taken >= route.mirror->max_in_flight;
}

size_t Mirrors::size() const {
  size_t copies = 0;
  for (const auto& [name, places] : routes_) copies += places.taken;
  return copies;
}

void Mirrors::OnWhole(MirrorCopy& copy) {
  routes_.find(copy.route().name)->second.collecting.Remove(copy);
  sending_.PushBack(copy);
}

void Mirrors::OnDropped(MirrorCopy& copy, MirrorResult result) {
  routes_.find(copy.route().name)->second.collecting.Remove(copy);
  GivePlace(copy.route());
  Count(copy.route(), result);
}

void Mirrors::OnOver(MirrorCopy& copy, MirrorResult result) {
  sending_.Remove(copy);
  GivePlace(copy.route());
  Count(copy.route(), result);
}

void Mirrors::GivePlace(const route::Route& route) {
  const auto places = routes_.find(route.name);
  HOLDFAST_CHECK(places != routes_.end() && places->second.taken > 0);
  if (--places->second.taken == 0) routes_.erase(places);
}

void Mirrors::Count(const route::Route& route, MirrorResult result) {
  context_->shard
      ->CounterFor(metrics::Metric::kMirrorRequestsTotal,
                   {route.name, kMirrorResultWords.WordOf(result)})
      .Add();
}

}  // namespace holdfast::proxy
