#ifndef HOLDFAST_GATEWAY_PROXY_MIRROR_H_
#define HOLDFAST_GATEWAY_PROXY_MIRROR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <absl/container/node_hash_map.h>

#include "gateway/http/message.h"
#include "gateway/http/serializer.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/side_call.h"
#include "gateway/proxy/view.h"
#include "pool/net/buffer.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/proxy_header.h"
#include "pool/net/word_table.h"

namespace holdfast::proxy {

// What became of a request's copy. The names are metric label values.
enum class MirrorResult : uint8_t {
  kAnswered,           // whatever the answer was
  kFailed,             // no whole answer came in time, or the mirror was not reached
  kSkippedBusy,        // as many copies of the route were there as may be
  kSkippedBody,        // the body is longer than one of a copy may be
  kSkippedIncomplete,  // the request ended before its body did, or was too long about it
};
inline constexpr auto kMirrorResultWords = pool::Words<MirrorResult>({
    {"answered", MirrorResult::kAnswered},
    {"failed", MirrorResult::kFailed},
    {"skipped_busy", MirrorResult::kSkippedBusy},
    {"skipped_body", MirrorResult::kSkippedBody},
    {"skipped_incomplete", MirrorResult::kSkippedIncomplete},
});
constexpr const auto& WordsOf(MirrorResult) { return kMirrorResultWords; }

class Mirrors;

// One request's copy: head and body in memory of its own, first as they come, then on the way to
// the mirror. The exchange whose request it is holds it until the first Send or Abandon, which is
// the end of that; from then on it outlives its exchange. It pins the exchange's view.
//
// Loop thread. Nothing that happens to it reaches the exchange.
class MirrorCopy final : public pool::ListNode<MirrorCopy>, private SideCallEvents {
 public:
  // `facts` are of the request to the route's own upstream, as Outgoing has prepared it.
  MirrorCopy(Mirrors* owner, WorkerContext* context, const ExchangeSubject& subject,
             const http::ForwardedFacts& facts);

  // The first `bytes` of `from` are the next of the body; they stay there.
  void TakeBody(const pool::Buffer& from, size_t bytes);
  // All of the request is here: it is sent at the end of the turn.
  void Send();
  // The rest does not come.
  void Abandon();

  // Not to be sent: `result` says why. It is kept for the exchange that holds it.
  void Drop(MirrorResult result);
  const route::Route& route() const { return *route_; }
  pool::TimePoint begun() const { return begun_; }
  // Of memory, for its body.
  size_t body_room() const { return body_.capacity(); }

 private:
  enum class State : uint8_t {
    kCollecting,  // the exchange has it
    kDropped,     // the exchange has it still, and there is no more to it
    kQueued,      // for the end of the turn
    kCalling,
    kOver,
  };

  void MoveTo(State next);
  void Append(const pool::Buffer& from, size_t bytes);
  void KeepFields(const http::HeaderList& fields);
  void KeepText();
  void Call();
  void OnSideCallOver() override;

  Mirrors* owner_;
  WorkerContext* context_;
  ViewPin view_;
  const route::Route* route_;  // in the view's snapshot
  State state_ = State::kCollecting;
  pool::TimePoint begun_;
  http::RequestHead head_;
  http::ForwardedFacts facts_;
  std::string text_;  // what head_ and facts_ point to, beside the snapshot
  std::string body_;
  std::optional<uint64_t> hash_;
  std::optional<pool::ProxiedEnds> client_ends_;  // for a mirror that is told
  SideCall call_;
  pool::MemberTask<MirrorCopy, &MirrorCopy::Call> task_{this};
};

// The copies of one worker, bounded for each route by `max_in_flight` from a copy's beginning to
// its end: so many of them, each with its head and `max_body`, are the memory that they take.
// Routes are told apart by name, so that a reload does not begin anew.
//
// Loop thread. Owned by the worker's context; destroyed when no exchange is left, it ends those
// that are under way.
class Mirrors {
 public:
  explicit Mirrors(WorkerContext* context) : context_(context) {}
  ~Mirrors();
  Mirrors(const Mirrors&) = delete;
  Mirrors& operator=(const Mirrors&) = delete;

  // As BeginMirror, of a request that is to be copied.
  MirrorCopy* Begin(const ExchangeSubject& subject, const http::ForwardedFacts& facts);
  // How many there are.
  size_t size() const;

  // Of copies: it is whole; it will not be; it is over.
  void OnWhole(MirrorCopy& copy);
  void OnDropped(MirrorCopy& copy, MirrorResult result);
  void OnOver(MirrorCopy& copy, MirrorResult result);

 private:
  struct Places {
    uint32_t taken = 0;
    pool::IntrusiveList<MirrorCopy> collecting;  // of them; those that began first in front
  };

  bool IsFull(const route::Route& route);
  void GivePlace(const route::Route& route);
  void Count(const route::Route& route, MirrorResult result);

  WorkerContext* context_;
  absl::node_hash_map<std::string, Places> routes_;  // by name; those that have copies
  pool::IntrusiveList<MirrorCopy> sending_;
};

// How long a copy may take, and how long the request's body may that it waits for.
pool::Duration MirrorTimeout(const route::Route& route);

// Begins the copy of a request that goes to its upstream now, if the route's mirror (which it has)
// is to get one. Null: it gets none, or all of the request was there and the copy is on its way.
// Upgrades and tunnels are not copied.
MirrorCopy* BeginMirror(const ExchangeSubject& subject, const http::ForwardedFacts& facts,
                        WorkerContext* context);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_MIRROR_H_
