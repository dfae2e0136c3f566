#include "gateway/http1/client_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gateway/http/connection_auth.h"
#include "gateway/http/persistence.h"
#include "gateway/http/serializer.h"
#include "gateway/http1/head_scan.h"
#include "pool/net/check.h"

namespace holdfast::http1 {

using http::BodyKind;
using http::Refusal;
using pool::ConnectionEnd;
using pool::FillStatus;
using pool::FlushStatus;
using stream::BodyStep;
using stream::Evidence;
using stream::HeadStep;
using stream::UpstreamTrouble;

void ClientStream::Start(pool::Connection* connection, http::Method method,
                         stream::StreamEvents* events, const http::HeadLimits& limits) {
  HOLDFAST_CHECK(connection_ == nullptr && connection->open());
  HOLDFAST_CHECK(connection->in().empty() && connection->out().empty());
  connection_ = connection;
  events_ = events;
  connection_->set_events(this);
  scanner_.Reset();
  run_ = Run{.method = method,
             .limits = limits,
             .read_before = connection->bytes_read(),
             .written_before = connection->bytes_written(),
             .wire_written_before = connection->transport().wire_bytes_written()};
}

pool::ReuseFacts ClientStream::Finish() {
  HOLDFAST_CHECK(active());
  DropHead();
  const pool::ReuseFacts facts{
      .asked = true,
      .broken = run_.broken,
      .upgraded = run_.writer.switched(),
      .request_finished = run_.request_finished,
      .response_finished = run_.response_started && body_.finished(),
      .forbidden_content = run_.stray_forbidden,
      .peer_allows = run_.response_allows_reuse,
      .authenticated = run_.authenticated,
      .rest = run_.stray_possible,
      .keep_alive_timeout = run_.keep_alive.timeout,
      .keep_alive_max = run_.keep_alive.max,
  };
  body_.Release();
  connection_ = nullptr;
  return facts;
}

void ClientStream::SendRequest(std::string_view bytes) {
  connection_->out().Append(bytes);
  run_.request_finished = true;
}

void ClientStream::SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) {
  run_.writer.Start(/*chunked=*/head.body == BodyKind::kChunked);
  run_.authenticated |= http::AuthenticatesConnection(head.headers);
  http::SerializeRequestHead(head, facts, &connection_->out());
}

void ClientStream::SendBody(pool::Buffer& from, size_t bytes) {
  run_.writer.Write(*connection_, from, bytes);
}

void ClientStream::SendEnd(const http::HeaderList* trailers) {
  run_.request_finished = true;
  run_.writer.Finish(*connection_, trailers);
}

FlushStatus ClientStream::Flush() { return run_.writer.Flush(*connection_); }

bool ClientStream::Congested() { return run_.writer.Congested(*connection_); }

HeadStep ClientStream::NextHead(http::ResponseHead* head) {
  HOLDFAST_CHECK(!run_.response_started);
  DropHead();
  // A head beyond its limit is refused by the scanner before the buffer reaches this one.
  const size_t most = std::max<size_t>(stream::kHighWatermark, run_.limits.head_bytes + 1);
  while (true) {
    if (!connection_->in().empty()) {
      const http::HeadScanner::Result scan = ScanHead(&scanner_, connection_->in(), run_.limits);
      if (scan.status == http::HeadScanner::Status::kComplete) {
        return ParseHead(scan.head_bytes, head);
      }
      if (scan.status == http::HeadScanner::Status::kRefused) {
        return Broken(UpstreamTrouble::kBadResponse, scan.refusal);
      }
    }
    if (!connection_->readable()) return HeadStep{};
    switch (connection_->Fill(most)) {
      case FillStatus::kRead: break;
      case FillStatus::kWouldBlock: return HeadStep{};
      case FillStatus::kEndOfStream:
        // A write may have met a reset, or our own giving up, that reading then shows as an end.
        return Broken(connection_->end() >= ConnectionEnd::kReset ? UpstreamTrouble::kReset
                                                                  : UpstreamTrouble::kClosed);
      case FillStatus::kFull: return Broken(UpstreamTrouble::kBadResponse, Refusal::kHeadTooLarge);
      case FillStatus::kError: return Broken(UpstreamTrouble::kReset);
    }
  }
}

HeadStep ClientStream::ParseHead(size_t bytes, http::ResponseHead* head) {
  head->Clear();
  const Refusal refusal =
      http::ParseResponseHead(connection_->in().Linearize(bytes), run_.limits, run_.method, head);
  if (refusal != Refusal::kNone) return Broken(UpstreamTrouble::kBadResponse, refusal);
  run_.authenticated |= http::AuthenticatesConnection(head->headers);
  const http::StrayContent stray = http::FindStrayContent(*head);
  run_.stray_forbidden |= stray == http::StrayContent::kForbidden;
  run_.stray_possible |= stray == http::StrayContent::kPossible;
  run_.pending_head = bytes;
  scanner_.Reset();
  const HeadStep step{.kind = HeadStep::Kind::kHead, .bytes = bytes};
  if (head->informational() && head->status != 101) return step;
  run_.response_started = true;
  run_.response_allows_reuse = http::ResponseAllowsReuse(*head);
  if (run_.response_allows_reuse) run_.keep_alive = http::FindKeepAlive(head->headers);
  run_.until_close = head->body == BodyKind::kUntilClose;
  body_.Start(head->body, head->content_length);
  return step;
}

BodyStep ClientStream::NextBody() {
  HOLDFAST_CHECK(run_.response_started);
  DropHead();
  BodyStep step = body_.Next(*connection_);
  if (step.kind == BodyStep::Kind::kEnd && run_.until_close &&
      connection_->end() != ConnectionEnd::kEndedInOrder) {
    step = BodyStep{.kind = BodyStep::Kind::kBroken};
  }
  if (step.kind == BodyStep::Kind::kBroken) run_.broken = true;
  return step;
}

void ClientStream::Switch() {
  DropHead();
  run_.response_started = true;
  run_.writer.Switch();
  body_.Start(BodyKind::kUntilClose, 0);
}

void ClientStream::DropHead() {
  if (run_.pending_head == 0) return;
  connection_->in().Consume(std::exchange(run_.pending_head, 0));
}

HeadStep ClientStream::Broken(UpstreamTrouble trouble, Refusal refusal) {
  // An end in good order is the pool's to see.
  run_.broken = trouble != UpstreamTrouble::kClosed;
  run_.trouble = trouble;
  return HeadStep{.kind = HeadStep::Kind::kBroken, .trouble = trouble, .refusal = refusal};
}

bool ClientStream::response_begun() const { return connection_->bytes_read() != run_.read_before; }

// Acknowledgements are cumulative, so what was acknowledged in all tells whether any byte of this
// request was.
Evidence ClientStream::evidence() const {
  if (response_begun()) return Evidence::kProcessed;
  if (run_.trouble != UpstreamTrouble::kClosed || !connection_->open()) return Evidence::kUnknown;
  const std::optional<uint64_t> taken = connection_->transport().wire_bytes_acknowledged();
  if (!taken.has_value() || *taken > run_.wire_written_before) return Evidence::kUnknown;
  return connection_->gone() ? Evidence::kUnprocessed : Evidence::kPending;
}

uint64_t ClientStream::bytes_sent() const {
  return connection_->bytes_written() - run_.written_before;
}

}  // namespace holdfast::http1
