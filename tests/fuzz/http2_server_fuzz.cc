// What a client sends after the preface of HTTP/2, in reads of any size: nothing of it crashes a
// session or is left of it, every stream ends, and no head that is accepted could mean something
// else when it is written as HTTP/1.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/http2/server_session.h"
#include "pool/net/connection.h"
#include "pool/net/plain_transport.h"
#include "tests/fuzz/property.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

namespace holdfast::fuzz {
namespace {

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

bool HasAnyOf(std::string_view text, std::string_view bytes) {
  return text.find_first_of(bytes) != std::string_view::npos;
}

void CheckFields(const http::HeaderList& fields) {
  constexpr std::string_view kLineEnds("\r\n\0", 3);
  constexpr std::string_view kNoName("\r\n\0 :", 5);
  for (const http::HeaderField& field : fields.fields()) {
    HOLDFAST_PROPERTY(!field.name.empty() && !HasAnyOf(field.name, kNoName));
    HOLDFAST_PROPERTY(!HasAnyOf(field.value, kLineEnds));
  }
}

void CheckHead(const http::RequestHead& head) {
  constexpr std::string_view kNoTarget("\r\n\0 \t", 5);
  HOLDFAST_PROPERTY(head.version == http::Version::kHttp2);
  HOLDFAST_PROPERTY(!head.method_text.empty() && !HasAnyOf(head.method_text, kNoTarget));
  HOLDFAST_PROPERTY(!head.target.empty() && !HasAnyOf(head.target, kNoTarget));
  HOLDFAST_PROPERTY(!HasAnyOf(head.path, kNoTarget) && !HasAnyOf(head.query, kNoTarget));
  HOLDFAST_PROPERTY(!HasAnyOf(head.authority, kNoTarget) && !HasAnyOf(head.host, kNoTarget));
  // No client's, and ours only where the body has an end of its own.
  HOLDFAST_PROPERTY(!head.headers.Has(http::FieldId::kTransferEncoding) ||
                    head.body == http::BodyKind::kChunked);
  CheckFields(head.headers);
}

// Answers each request: at once, after its body or not to its end, as its path says.
class Owner final : public http2::ServerMeans,
                    public http2::SessionOwner,
                    public pool::ConnectionEvents {
 public:
  explicit Owner(pool::SocketPair pair)
      : peer_(std::move(pair.theirs)),
        connection_(&loop_, &slabs_, std::make_unique<pool::PlainTransport>(std::move(pair.ours)),
                    this, pool::Connection::Stage::kEstablished),
        session_(std::make_unique<http2::ServerSession>(&loop_, &slabs_, &connection_, this,
                                                        kLimits, this)) {
    HOLDFAST_PROPERTY(connection_.Open() == 0);
  }

  void Feed(std::string_view bytes) {
    pool::SendSome(peer_, bytes);
    Turn();
  }
  // The peer is gone: all streams end.
  void End() {
    Turn();
    peer_.Reset();
    Turn();
    session_->Lose();
    Look();
    HOLDFAST_PROPERTY(session_->over() && session_->streams() == 0);
    session_.reset();
    connection_.in().Clear();
    connection_.out().Clear();
    HOLDFAST_PROPERTY(slabs_.in_use() == 0);
  }

  std::string_view Date() override { return "today"; }
  void OnConnectionReady() override {
    session_->Receive();
    if (!connection_.out().empty()) session_->SendSoon();
    Look();
  }
  void OnSessionNews() override { Look(); }

 private:
  static constexpr http2::Limits kLimits{.max_concurrent_streams = 8,
                                         .stream_window = 4096,
                                         .connection_window = 65'535,
                                         .max_head_bytes = 2048,
                                         .max_fields = 16,
                                         .max_cookie_crumbs = 8,
                                         .max_uri_bytes = 512,
                                         .max_resets = 40,
                                         .max_glitches = 80};

  void Turn() {
    clock_.Advance(std::chrono::milliseconds(10));
    loop_.RunOnce(pool::Duration::zero());
    pool::ReceiveSome(peer_);
  }
  void Look() {
    while (http2::ServerStream* const stream = session_->NextServerStream()) Serve(*stream);
  }
  void Serve(http2::ServerStream& stream) {
    if (stream.gone()) return stream.Finish(/*complete=*/false);
    if (stream.TakeBegin()) {
      if (stream.refusal() != http::Refusal::kNone) return Answer(stream, 400);
      CheckHead(stream.request());
      if (stream.request().path == "/now") return Answer(stream, 200);
    }
    while (true) {
      const stream::BodyStep step = stream.NextBody();
      switch (step.kind) {
        case stream::BodyStep::Kind::kData: step.buffer->Consume(step.bytes); break;
        case stream::BodyStep::Kind::kBlocked: return;
        case stream::BodyStep::Kind::kBroken: return Answer(stream, 400);
        case stream::BodyStep::Kind::kEnd:
          CheckFields(*stream.request_trailers());
          if (stream.request().path == "/cut") return stream.Finish(/*complete=*/false);
          return Answer(stream, 200);
      }
    }
  }
  void Answer(http2::ServerStream& stream, uint16_t status) {
    http::ResponseHead head;
    head.status = status;
    head.body = http::BodyKind::kLength;
    head.content_length = 2;
    stream.SendHead(head, {.via_name = "fuzz"});
    stream.SendBody("ok");
    stream.SendEnd(nullptr);
    stream.Flush();
    stream.Finish(/*complete=*/true);
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  pool::FileDescriptor peer_;
  pool::Connection connection_;
  std::unique_ptr<http2::ServerSession> session_;
};

}  // namespace
}  // namespace holdfast::fuzz

// The first byte seeds the sizes of the reads.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  std::string_view bytes = fuzz::AsText(data, size);
  uint32_t random = bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
  if (!bytes.empty()) bytes.remove_prefix(1);
  fuzz::Owner owner(pool::UnixPair());
  owner.Feed(fuzz::kPreface);
  while (!bytes.empty()) {
    random = random * 1'664'525 + 1'013'904'223;
    const size_t piece = std::min<size_t>(bytes.size(), 1 + (random >> 16) % 509);
    owner.Feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
  owner.End();
  return 0;
}
