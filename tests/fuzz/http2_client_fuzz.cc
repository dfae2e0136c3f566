// What an HTTP/2 upstream may send, split anywhere, to a session with requests of several kinds
// under way. The first byte says how it is split and how eagerly bodies are read. Whatever comes,
// each stream ends in a way that the exchange knows, no head or body is given twice, and nothing is
// left behind.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/http2/client_session.h"
#include "pool/net/clock.h"
#include "pool/net/plain_transport.h"
#include "pool/net/socket.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using BodyKind = stream::BodyStep::Kind;
using HeadKind = stream::HeadStep::Kind;

constexpr size_t kCallers = 4;
constexpr int kMaxTurns = 64;

class StillClock final : public pool::Clock {
 public:
  pool::TimePoint Now() const override { return pool::TimePoint(std::chrono::seconds(1000)); }
  pool::WallTime WallNow() const override {
    return pool::WallTime(std::chrono::seconds(1767225600));
  }
};

// An exchange's part: head, body, end, in this order.
struct Caller final : public stream::StreamEvents {
  void OnStreamReady() override {
    if (eager) Advance();
  }
  void Advance() {
    while (stream != nullptr && !has_head) {
      const stream::HeadStep step = stream->NextHead(&head);
      if (step.kind == HeadKind::kBlocked) return;
      if (step.kind == HeadKind::kBroken) {
        HOLDFAST_PROPERTY(step.trouble != stream::UpstreamTrouble::kNone);
        return Finish();
      }
      HOLDFAST_PROPERTY(head.status >= 100 && head.status <= 999 && head.status != 101);
      for (const http::HeaderField& field : head.headers.fields()) {
        HOLDFAST_PROPERTY(field.value.find_first_of(std::string_view("\r\n\0", 3)) ==
                          std::string_view::npos);
      }
      has_head = !head.informational();
    }
    while (stream != nullptr) {
      const stream::BodyStep step = stream->NextBody();
      if (step.kind == BodyKind::kBlocked) return;
      if (step.kind != BodyKind::kData) return Finish();
      HOLDFAST_PROPERTY(head.body != http::BodyKind::kNone);
      bytes += step.bytes;
      step.buffer->Consume(step.bytes);
      if (head.body == http::BodyKind::kLength) HOLDFAST_PROPERTY(bytes <= head.content_length);
    }
  }
  void Finish() {
    stream->evidence();
    stream->Finish();
    stream = nullptr;
  }

  http2::ClientStream* stream = nullptr;
  http::ResponseHead head;
  bool has_head = false;
  bool eager = true;
  uint64_t bytes = 0;
};

void Run(std::string_view bytes, uint8_t manner) {
  StillClock clock;
  pool::EventLoop loop(&clock);
  pool::SlabPool slabs;
  pool::FreeList<http2::ClientStream> resting;
  std::array<int, 2> fds;
  HOLDFAST_PROPERTY(
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  pool::FileDescriptor peer(fds[1]);
  {
    pool::Connection connection(
        &loop, &slabs, std::make_unique<pool::PlainTransport>(pool::FileDescriptor(fds[0])),
        nullptr, pool::Connection::Stage::kEstablished);
    HOLDFAST_PROPERTY(connection.Open() == 0);
    http2::ClientSession session(&loop, &slabs, &connection, http2::Limits(), &resting);
    connection.set_events(session.listener());
    std::array<Caller, kCallers> callers;
    constexpr std::array<http::Method, kCallers> kMethods = {
        http::Method::kGet, http::Method::kHead, http::Method::kPost, http::Method::kGet};
    for (size_t i = 0; i < kCallers; ++i) {
      callers[i].eager = (manner >> i & 1) == 0;
      callers[i].stream = session.Open(kMethods[i], &callers[i]);
      http::RequestHead head;
      head.method = kMethods[i];
      head.method_text = http::MethodName(kMethods[i]);
      head.target = head.path = "/";
      head.authority = head.host = "a.test";
      const bool post = kMethods[i] == http::Method::kPost;
      head.body = post ? http::BodyKind::kChunked : http::BodyKind::kNone;
      callers[i].stream->SendHead(head, {});
      if (!post) callers[i].stream->SendEnd(nullptr);
    }
    const size_t piece = std::max<size_t>(1, bytes.size() / (1 + manner % 16));
    std::array<char, 64 * 1024> thrown_away;
    for (int i = 0; i < kMaxTurns && !session.over(); ++i) {
      const std::string_view now = bytes.substr(0, piece);
      bytes.remove_prefix(now.size());
      if (!now.empty()) send(peer.get(), now.data(), now.size(), MSG_NOSIGNAL);
      loop.RunOnce(pool::Duration::zero());
      while (recv(peer.get(), thrown_away.data(), thrown_away.size(), 0) > 0) {
      }
      session.capacity();
      for (Caller& caller : callers) {
        if (i % 4 == 3) caller.Advance();
      }
    }
    peer.Reset();
    // What had come is read in pieces before its end is, which the kernel may bring a moment later.
    for (int i = 0; i < kMaxTurns && !session.over(); ++i) {
      loop.RunOnce(std::chrono::milliseconds(20));
    }
    HOLDFAST_PROPERTY(session.over());
    for (Caller& caller : callers) {
      caller.Advance();
      HOLDFAST_PROPERTY(caller.stream == nullptr);
    }
    HOLDFAST_PROPERTY(session.streams() == 0);
    HOLDFAST_PROPERTY(session.end() != pool::CloseReason::kNone);
  }
  HOLDFAST_PROPERTY(slabs.in_use() == 0);
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast::fuzz;
  if (size == 0 || size > 64 * 1024) return 0;
  Run(AsText(data + 1, size - 1), data[0]);
  return 0;
}
