#ifndef HOLDFAST_GATEWAY_PROXY_REQUEST_BODY_H_
#define HOLDFAST_GATEWAY_PROXY_REQUEST_BODY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/proxy/exchange_account.h"
#include "gateway/proxy/upstream_call.h"
#include "gateway/stream/stream.h"
#include "pool/net/buffer.h"
#include "pool/net/word_table.h"

namespace holdfast::proxy {

class MirrorCopy;

// What came of holding a body. The words are metric label values.
enum class HoldOutcome : uint8_t {
  kWhole,    // all of it is here
  kTooLong,  // it is longer than what is held
  kNoRoom,   // the worker holds as much as it may
};
inline constexpr auto kHoldOutcomeWords = pool::Words<HoldOutcome>({
    {"whole", HoldOutcome::kWhole},
    {"too_long", HoldOutcome::kTooLong},
    {"no_room", HoldOutcome::kNoRoom},
});

// The body of one exchange's request on its way from the client to the call: how much has come,
// whether the client still keeps it back, and what becomes of the rest once nobody asks for it.
//
// It may be held before there is a call, up to a bound:
//
//   body.BeginHold(bound, budget);
//   while (body.Hold(client, limit).kind == RequestBody::Held::Kind::kBlocked) ...
//
// Then Fill gives what is held first. A body that is held as a whole stays here until LetGo or
// ForgetSent, so that Rewind begins it anew for another attempt.
//
// A member of its exchange, which says Begin for each request and LetGo at its end. Loop thread.
class RequestBody {
 public:
  // How much of a request that was answered unread is read and thrown away to keep the connection.
  static constexpr uint64_t kMaxDiscardBytes = 64 * 1024;

  // What Fill came to.
  struct Filled {
    // kData: the upstream is congested. kBroken: with `too_long` it is more than the route takes.
    stream::BodyStep::Kind kind = stream::BodyStep::Kind::kData;
    http::Refusal refusal = http::Refusal::kNone;  // as in the stream's step
    bool too_long = false;
    bool moved = false;  // something has come
  };

  // Of what is held is read in one turn.
  static constexpr size_t kMaxHeldPerTurn = 1024 * 1024;
  // What a held body counts for beside its bytes: the rest of a slab.
  static constexpr size_t kHeldOverhead = pool::SlabPool::kSlabBytes;

  // What Hold came to.
  struct Held {
    enum class Kind : uint8_t {
      kBlocked,  // the client has no more now
      kMore,     // it may have: the turn has had its share
      kOver,     // `outcome` says how
      kBroken,   // with `too_long` it is more than the route takes
    };
    Kind kind = Kind::kBlocked;
    HoldOutcome outcome = HoldOutcome::kWhole;
    http::Refusal refusal = http::Refusal::kNone;  // as in the stream's step
    bool too_long = false;
    bool moved = false;  // something has come
  };

  explicit RequestBody(WorkerContext* context);
  ~RequestBody() { LetGo(); }
  RequestBody(const RequestBody&) = delete;
  RequestBody& operator=(const RequestBody&) = delete;

  void Begin() {
    received_ = discarded_ = 0;
    continued_ = discarding_ = ended_ = holds_ = kept_ = false;
  }

  // Gives the call, which is open, what there is of the body: until its stream is congested, the
  // client has no more now, or the body ends, which is then to be told by End. `limit` is of the
  // whole body.
  Filled Fill(stream::ServerStream& client, const std::optional<uint64_t>& limit,
              UpstreamCall* call) {
    if (holds_) return FillHeld(client, limit, call);
    Filled filled;
    while (!call->stream().Congested()) {
      const stream::BodyStep step = client.NextBody();
      filled.kind = step.kind;
      filled.refusal = step.refusal;
      if (step.kind == stream::BodyStep::Kind::kEnd) {
        filled.moved = ended_ = true;
        return filled;
      }
      if (step.kind != stream::BodyStep::Kind::kData) return filled;
      filled.moved = true;
      if (!Take(step, limit)) {
        filled.kind = stream::BodyStep::Kind::kBroken;
        filled.too_long = true;
        return filled;
      }
      if (copy_ != nullptr) GiveCopy(*step.buffer, step.bytes);
      call->SendBody(*step.buffer, step.bytes);
    }
    filled.kind = stream::BodyStep::Kind::kData;
    return filled;
  }
  // The call is told the end, with these trailers.
  void End(const http::HeaderList* trailers, UpstreamCall* call) {
    call->SendEnd(trailers);
    if (copy_ != nullptr) EndCopy();
  }
  // Takes out of trailers what the upstream may not see.
  static void CleanTrailers(const ExchangeSubject& subject, http::HeaderList* trailers);
  // What is sent from here on goes to the request's copy as well, until the end of it or LetGo.
  // Null: there is none.
  void Copy(MirrorCopy* copy) {
    if (copy != nullptr) BeginCopy(copy);
  }

  // Holds what comes from here on: `bound` bytes of this body, and of all bodies of the worker
  // together `budget`.
  void BeginHold(uint64_t bound, uint64_t budget) {
    bound_ = bound;
    budget_ = budget;
    holds_ = true;
  }
  Held Hold(stream::ServerStream& client, const std::optional<uint64_t>& limit);
  // All of a body that is held as a whole; good until it is filled in or let go.
  std::string_view Whole() { return held_.Linearize(held_.size()); }
  size_t held_bytes() const { return held_.size(); }
  // All of it is here, whatever was sent of it.
  bool kept() const { return kept_; }
  // Another attempt begins.
  void Rewind() {
    if (kept_) RewindSent();
  }
  // No other attempt follows.
  void ForgetSent() {
    if (kept_) DropSent();
  }
  // Nobody needs what is held, and the copy gets no more.
  void LetGo() {
    if (counted_ > 0) DropHeld();
    if (copy_ != nullptr) AbandonCopy();
  }

  // The client has sent all of it, and that was read.
  bool ended() const { return ended_; }
  // The client was told to go on (100).
  void NoteContinue() { continued_ = true; }
  // A client that was not keeps its body back (RFC 9110 section 10.1.1).
  bool HeldBack(const http::RequestHead& request) const {
    return request.expect_continue && !continued_ && !ended_ && received_ == 0;
  }

  // The rest is read for the connection's sake only, if it is worth that: a chunked one is until it
  // proves long.
  static bool IsShort(const http::RequestHead& request) {
    return request.content_length <= kMaxDiscardBytes;
  }
  bool discarding() const { return discarding_; }
  void set_discarding(bool discarding) { discarding_ = discarding; }
  // Throws away what there is. True: more is to come. `*moved`: some has.
  bool Discard(stream::ServerStream& client, bool* moved);

 private:
  Filled FillHeld(stream::ServerStream& client, const std::optional<uint64_t>& limit,
                  UpstreamCall* call);
  void SendHeld(UpstreamCall* call);
  void RewindSent();
  void DropSent();
  void DropHeld();
  void BeginCopy(MirrorCopy* copy);
  void GiveCopy(const pool::Buffer& from, size_t bytes);
  void EndCopy();
  void AbandonCopy();
  // The worker's sum is told what is here now.
  void Count();
  // False: with this step the body is longer than the limit, and the step's bytes are gone.
  bool Take(const stream::BodyStep& step, const std::optional<uint64_t>& limit) {
    received_ += step.bytes;
    if (!limit.has_value() || received_ <= *limit) return true;
    step.buffer->Consume(step.bytes);  // Left there it would be read as framing.
    return false;
  }

  WorkerContext* context_;
  MirrorCopy* copy_ = nullptr;
  pool::Buffer held_;   // and not sent in this attempt
  pool::Buffer sent_;   // in this attempt, and kept
  size_t counted_ = 0;  // of both, in the worker's sum
  uint64_t bound_ = 0;
  uint64_t budget_ = 0;
  uint64_t received_ = 0;  // decoded
  uint64_t discarded_ = 0;
  bool continued_ = false;
  bool discarding_ = false;
  bool ended_ = false;
  bool holds_ = false;  // what is sent next may be in held_
  bool kept_ = false;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_REQUEST_BODY_H_
