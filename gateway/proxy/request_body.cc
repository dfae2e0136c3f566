#include "gateway/proxy/request_body.h"

#include <algorithm>
#include <utility>

#include "gateway/proxy/admission.h"
#include "gateway/proxy/mirror.h"
#include "gateway/proxy/outgoing.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using stream::BodyStep;

namespace {

// Of what is kept, copied at a time.
constexpr size_t kPieceBytes = pool::SlabPool::kSlabCapacity;

}  // namespace

RequestBody::RequestBody(WorkerContext* context)
    : context_(context), held_(context->slabs), sent_(context->slabs) {}

RequestBody::Held RequestBody::Hold(stream::ServerStream& client,
                                    const std::optional<uint64_t>& limit) {
  HOLDFAST_CHECK(holds_ && !ended_ && sent_.empty());
  Held held;
  for (size_t taken = 0; taken < kMaxHeldPerTurn;) {
    const BodyStep step = client.NextBody();
    held.refusal = step.refusal;
    if (step.kind == BodyStep::Kind::kBlocked) return held;
    held.kind = step.kind == BodyStep::Kind::kBroken ? Held::Kind::kBroken : Held::Kind::kOver;
    if (step.kind == BodyStep::Kind::kBroken) return held;
    held.moved = true;
    if (step.kind == BodyStep::Kind::kEnd) {
      ended_ = kept_ = true;
      held.outcome = HoldOutcome::kWhole;
      return held;
    }
    if (!Take(step, limit)) {
      held.kind = Held::Kind::kBroken;
      held.too_long = true;
      return held;
    }
    taken += step.bytes;
    // Where it ends the hold it is kept all the same: it has left the client's stream.
    held_.MoveFrom(*step.buffer, step.bytes);
    Count();
    held.outcome = held_.size() > bound_ ? HoldOutcome::kTooLong : HoldOutcome::kNoRoom;
    if (held_.size() > bound_ || context_->buffered_bytes > budget_) return held;
    held.kind = Held::Kind::kBlocked;
  }
  held.kind = Held::Kind::kMore;
  return held;
}

RequestBody::Filled RequestBody::FillHeld(stream::ServerStream& client,
                                          const std::optional<uint64_t>& limit,
                                          UpstreamCall* call) {
  Filled filled;
  while (!held_.empty()) {
    if (call->stream().Congested()) return filled;
    SendHeld(call);
    filled.moved = true;
  }
  if (ended_) {
    filled.kind = BodyStep::Kind::kEnd;
    filled.moved = true;
    return filled;
  }
  holds_ = false;
  Filled rest = Fill(client, limit, call);
  rest.moved |= filled.moved;
  return rest;
}

void RequestBody::SendHeld(UpstreamCall* call) {
  if (kept_) {
    pool::Buffer piece(context_->slabs);
    piece.Append(held_.Front().substr(0, kPieceBytes));
    const size_t bytes = piece.size();
    call->SendBody(piece, bytes);
    sent_.MoveFrom(held_, bytes);
  } else {
    const size_t bytes = std::min(held_.size(), kPieceBytes);
    if (copy_ != nullptr) GiveCopy(held_, bytes);
    call->SendBody(held_, bytes);
    Count();
  }
}

void RequestBody::RewindSent() {
  sent_.MoveFrom(held_, held_.size());
  std::swap(held_, sent_);
}

void RequestBody::DropSent() {
  kept_ = false;
  sent_.Clear();
  Count();
}

void RequestBody::DropHeld() {
  held_.Clear();
  sent_.Clear();
  holds_ = kept_ = false;
  Count();
}

// What is kept may be sent several times: its copy is made at once.
void RequestBody::BeginCopy(MirrorCopy* copy) {
  copy_ = copy;
  if (!kept_) return;
  GiveCopy(held_, held_.size());
  EndCopy();
}

void RequestBody::GiveCopy(const pool::Buffer& from, size_t bytes) { copy_->TakeBody(from, bytes); }

void RequestBody::EndCopy() { std::exchange(copy_, nullptr)->Send(); }

void RequestBody::AbandonCopy() { std::exchange(copy_, nullptr)->Abandon(); }

void RequestBody::Count() {
  size_t bytes = held_.size() + sent_.size();
  if (bytes > 0) bytes += kHeldOverhead;
  HOLDFAST_CHECK(context_->buffered_bytes >= counted_);
  context_->buffered_bytes += bytes - counted_;
  counted_ = bytes;
}

void RequestBody::CleanTrailers(const ExchangeSubject& subject, http::HeaderList* trailers) {
  CleanFields(subject.client.trusted, subject.listener, subject.view.snapshot(), trailers);
  if (subject.route->guarded) DropClaims(*subject.route, trailers);
}

bool RequestBody::Discard(stream::ServerStream& client, bool* moved) {
  while (discarded_ <= kMaxDiscardBytes) {
    const BodyStep step = client.NextBody();
    if (step.kind == BodyStep::Kind::kBlocked) return true;
    if (step.kind != BodyStep::Kind::kData) return false;
    *moved = true;
    discarded_ += step.bytes;
    step.buffer->Consume(step.bytes);
  }
  return false;
}

}  // namespace holdfast::proxy
