#ifndef HOLDFAST_TESTS_GATEWAY_PROXY_FAKE_STREAMS_H_
#define HOLDFAST_TESTS_GATEWAY_PROXY_FAKE_STREAMS_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/proxy/upstream_call.h"
#include "gateway/stream/stream.h"
#include "pool/net/buffer.h"

namespace holdfast::proxy {

// The bytes that one side of a fake stream is given to send. As with HTTP/2 nothing leaves in
// Flush: Deliver, the turn's end, moves as much as the peer's window has room for.
class FakeOutput {
 public:
  void Add(std::string_view bytes) { unsent_ += bytes; }
  // Returns what left.
  size_t Deliver() {
    const size_t bytes = std::min(unsent_.size(), window);
    delivered += unsent_.substr(0, bytes);
    unsent_.erase(0, bytes);
    if (window != kOpen) window -= bytes;
    return bytes;
  }
  bool empty() const { return unsent_.empty(); }
  size_t unsent() const { return unsent_.size(); }

  static constexpr size_t kOpen = SIZE_MAX;
  size_t window = kOpen;
  std::string delivered;

 private:
  std::string unsent_;
};

// The bytes that a fake stream has received, in the steps in which they came.
class FakeInput {
 public:
  explicit FakeInput(pool::SlabPool* slabs) : buffer_(slabs) {}
  void Add(std::string bytes) {
    steps_.push_back({stream::BodyStep::Kind::kData, std::move(bytes)});
  }
  void End() { steps_.push_back({stream::BodyStep::Kind::kEnd, {}}); }
  void Break() { steps_.push_back({stream::BodyStep::Kind::kBroken, {}}); }
  stream::BodyStep Next() {
    if (steps_.empty()) return {};
    auto& [kind, bytes] = steps_.front();
    // The end and a break stay.
    if (kind != stream::BodyStep::Kind::kData) return {.kind = kind};
    buffer_.Clear();
    buffer_.Append(bytes);
    const size_t size = bytes.size();
    steps_.pop_front();
    return {.kind = stream::BodyStep::Kind::kData, .buffer = &buffer_, .bytes = size};
  }
  bool ended() const {
    return !steps_.empty() && steps_.front().first == stream::BodyStep::Kind::kEnd;
  }

 private:
  pool::Buffer buffer_;
  std::deque<std::pair<stream::BodyStep::Kind, std::string>> steps_;
};

// A client's stream as HTTP/2 will have it: the head comes decoded, a body of unknown length has no
// coding of its own, and what is sent leaves later.
class FakeServerStream final : public stream::ServerStream {
 public:
  explicit FakeServerStream(pool::SlabPool* slabs) : input(slabs) {
    head.method_text = "GET";
    head.target = head.path = "/";
    head.host = head.authority = "a";
  }

  http::RequestHead& request() override { return head; }
  void LookForMore() override {}
  http::HeaderList* request_trailers() override { return &trailers; }
  bool peer_ended() const override { return gone_away; }
  stream::BodyStep NextBody() override {
    return head.body == http::BodyKind::kNone && !switched
               ? stream::BodyStep{.kind = stream::BodyStep::Kind::kEnd}
               : input.Next();
  }
  bool gone() const override { return gone_away; }
  void SendInformational(const http::ResponseHead& interim, std::string_view) override {
    interims.push_back(interim.status);
  }
  void SendHead(const http::ResponseHead& final_head,
                const stream::HeadFacts& head_facts) override {
    status = final_head.status;
    body_kind = final_head.body;
    facts = head_facts;
    for (const http::HeaderField& field : final_head.headers.fields()) {
      if (!field.dropped) fields += std::string(field.name) + "=" + std::string(field.value) + ";";
    }
  }
  void Switch(const http::ResponseHead& final_head, std::string_view) override {
    status = final_head.status;
    switched = true;
  }
  void SendBody(pool::Buffer& from, size_t bytes) override {
    output.Add(from.Linearize(bytes));
    from.Consume(bytes);
  }
  void SendBody(std::string_view bytes) override { output.Add(bytes); }
  void SendEnd(const http::HeaderList* sent) override {
    ended = true;
    if (sent != nullptr) sent_trailers = sent->size();
  }
  pool::FlushStatus Flush() override {
    return output.empty() ? pool::FlushStatus::kDone : pool::FlushStatus::kBlocked;
  }
  bool Congested() override { return output.unsent() >= stream::kHighWatermark; }
  bool persists() const override { return true; }
  uint64_t bytes_sent() const override { return output.delivered.size(); }
  uint64_t bytes_received() const override { return 0; }
  uint64_t given_head_bytes() const override { return 0; }

  http::RequestHead head;
  http::HeaderList trailers;
  FakeInput input;
  FakeOutput output;
  std::vector<int> interims;
  int status = 0;
  http::BodyKind body_kind = http::BodyKind::kNone;
  stream::HeadFacts facts;
  std::string fields;
  bool ended = false;
  bool switched = false;
  bool gone_away = false;
  size_t sent_trailers = 0;
};

// An upstream's stream, likewise.
class FakeUpstreamStream final : public stream::UpstreamStream {
 public:
  explicit FakeUpstreamStream(pool::SlabPool* slabs) : input(slabs) {}

  void Start(stream::StreamEvents* events) { events_ = events; }
  // Tells that something has changed, as the session that carries it would.
  void Tell() { events_->OnStreamReady(); }

  void SendHead(const http::RequestHead& head, const http::ForwardedFacts& facts) override {
    path = head.path;
    client_ip = facts.client_ip;
  }
  void SendBody(pool::Buffer& from, size_t bytes) override {
    output.Add(from.Linearize(bytes));
    from.Consume(bytes);
  }
  void SendEnd(const http::HeaderList* sent) override {
    ended = true;
    if (sent != nullptr) sent_trailers = sent->size();
  }
  pool::FlushStatus Flush() override {
    return output.empty() ? pool::FlushStatus::kDone : pool::FlushStatus::kBlocked;
  }
  bool Congested() override { return output.unsent() >= stream::kHighWatermark; }
  uint64_t bytes_sent() const override { return output.delivered.size(); }
  stream::HeadStep NextHead(http::ResponseHead* head) override {
    if (trouble != stream::UpstreamTrouble::kNone) {
      return {.kind = stream::HeadStep::Kind::kBroken, .trouble = trouble};
    }
    if (heads.empty()) return {};
    head->Clear();
    head->status = heads.front();
    head->body = heads.front() == 200 ? http::BodyKind::kChunked : http::BodyKind::kNone;
    head->connection_upgrade = heads.front() == 101;
    if (heads.front() == 200) head->headers.Add({.name = "x-a", .value = "1"});
    heads.pop_front();
    begun = true;
    return {.kind = stream::HeadStep::Kind::kHead, .bytes = 10};
  }
  stream::BodyStep NextBody() override { return input.Next(); }
  http::HeaderList* response_trailers() override { return &trailers; }
  void Switch() override { switched = true; }
  bool gone() const override { return gone_away; }
  bool response_begun() const override { return begun; }
  stream::Evidence evidence() const override { return known; }
  pool::ReuseFacts Finish() override {
    finished = true;
    events_ = nullptr;
    return {
        .asked = true, .request_finished = true, .response_finished = true, .peer_allows = true};
  }

  std::string path;
  std::string client_ip;
  FakeInput input;
  FakeOutput output;
  std::deque<uint16_t> heads;
  http::HeaderList trailers;
  stream::UpstreamTrouble trouble = stream::UpstreamTrouble::kNone;
  stream::Evidence known = stream::Evidence::kUnknown;
  size_t sent_trailers = 0;
  bool ended = false;
  bool begun = false;
  bool switched = false;
  bool gone_away = false;
  bool finished = false;

 private:
  stream::StreamEvents* events_ = nullptr;
};

// Hands out fake streams for leases. What goes over the leased connections themselves is nothing.
class FakeUpstreams final : public UpstreamStreams {
 public:
  explicit FakeUpstreams(pool::SlabPool* slabs) : slabs_(slabs) {}

  stream::UpstreamStream* Open(pool::Lease&, http::Method, stream::StreamEvents* events) override {
    FakeUpstreamStream& stream = opened.emplace_back(slabs_);
    stream.Start(events);
    return &stream;
  }
  FakeUpstreamStream& last() { return opened.back(); }

  std::deque<FakeUpstreamStream> opened;

 private:
  pool::SlabPool* slabs_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_TESTS_GATEWAY_PROXY_FAKE_STREAMS_H_
