#include "gateway/proxy/response_encoding.h"

#include <utility>

#include "gateway/compression/eligibility.h"
#include "gateway/compression/head_edits.h"

namespace holdfast::proxy {

using compression::Outcome;
using metrics::Metric;

namespace {

// One more than compression::Outcome has: it was to be encoded, and the worker had no room for it.
constexpr std::string_view kNoRoom = "no_room";

}  // namespace

void ResponseEncoding::Begin(const route::Route& route, const http::RequestHead& request) {
  route_ = &route;
  accepted_ = compression::Acceptance::Of(request.headers);
}

void ResponseEncoding::Decide(const http::RequestHead& request, http::ResponseHead* response) {
  const compression::Rules& rules = *route_->compression;
  compression::Decision decision = compression::Decide(rules, accepted_, request, *response);
  std::string_view outcome = compression::kOutcomeWords.WordOf(decision.outcome);
  if (decision.outcome == Outcome::kEncoded) {
    EncodingMeans& means = *context_->encoding;
    if (means.time.HasRoom(context_->loop->now())) {
      encoder_ = means.encoders.Take(decision.coding, rules.level);
    }
    if (encoder_ == nullptr) {
      decision.coding = compression::Coding::kIdentity;
      outcome = kNoRoom;
    }
  }
  context_->shard->CounterFor(Metric::kCompressionResponsesTotal, {route_->name, outcome}).Add();
  compression::EditHead(decision, response, &text_);
}

template <class Function>
bool ResponseEncoding::Run(stream::ServerStream* to, Function function) {
  const pool::TimePoint begun = context_->loop->clock().Now();
  pool::Buffer out(context_->slabs);
  const bool ok = function(&out);
  context_->encoding->time.Spend(context_->loop->clock().Now() - begun);
  if (out.size() > 0) {
    context_->shard
        ->CounterFor(Metric::kCompressionOutputBytesTotal,
                     {compression::kCodingWords.WordOf(encoder_->coding())})
        .Add(out.size());
    to->SendBody(out, out.size());
  }
  return ok;
}

bool ResponseEncoding::Send(pool::Buffer& from, size_t bytes, stream::ServerStream* to) {
  context_->shard
      ->CounterFor(Metric::kCompressionInputBytesTotal,
                   {compression::kCodingWords.WordOf(encoder_->coding())})
      .Add(bytes);
  return Run(to, [&](pool::Buffer* out) { return encoder_->Encode(from, bytes, out); });
}

bool ResponseEncoding::Flush(stream::ServerStream* to) {
  return Run(to, [&](pool::Buffer* out) { return encoder_->Flush(out); });
}

bool ResponseEncoding::Finish(http::HeaderList* trailers, stream::ServerStream* to) {
  compression::EditTrailers(trailers);
  return Run(to, [&](pool::Buffer* out) { return encoder_->Finish(out); });
}

void ResponseEncoding::Clear() {
  if (encoder_ != nullptr) context_->encoding->encoders.Give(std::move(encoder_));
  encoder_ = nullptr;
  route_ = nullptr;
  text_.clear();
}

}  // namespace holdfast::proxy
