#include "gateway/server/status_server.h"

#include <algorithm>
#include <array>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "gateway/http/persistence.h"
#include "gateway/http/serializer.h"
#include "gateway/http1/head_scan.h"
#include "gateway/http1/server_stream.h"
#include "gateway/proxy/failure.h"
#include "gateway/proxy/local_reply.h"
#include "pool/net/plain_transport.h"

namespace holdfast::server {

using pool::FillStatus;
using pool::FlushStatus;

namespace {

// What the port answers, as an Allow field says it.
constexpr std::string_view kAllow = "GET, HEAD";

}  // namespace

class StatusServer::Session final : public pool::ListNode<Session>,
                                    private pool::ConnectionEvents,
                                    private http1::ServerTerms {
 public:
  Session(StatusServer* server, pool::FileDescriptor socket, std::string host)
      : server_(server),
        host_(std::move(host)),
        connection_(server->loop_, server->slabs_,
                    std::make_unique<pool::PlainTransport>(std::move(socket)), this,
                    pool::Connection::Stage::kEstablished),
        stream_(server->slabs_) {}

  // False when the kernel does not watch the socket.
  bool Open() {
    if (connection_.Open() != 0) return false;
    server_->loop_->timers().Arm(timer_, server_->loop_->now() + kTimeout);
    return true;
  }

  const std::string& host() const { return host_; }
  // What it has sent may still be in the socket.
  bool silent() {
    return connection_.bytes_read() == 0 && connection_.Inspect() != pool::Quiet::kData;
  }

  // It has had an answer already.
  bool served() const { return served_; }

  void Close() {
    connection_.Close();
    server_->loop_->timers().Cancel(timer_);
    server_->sessions_.Remove(*this);
    server_->loop_->DestroyLater(std::unique_ptr<Session>(this));
  }

 private:
  // Reads and answers per turn: who pipelines does not hold up signals, DNS and other probes.
  static constexpr int kMaxSteps = 8;

  void OnConnectionReady() override {
    for (int step = 0; step < kMaxSteps && connection_.open(); ++step) {
      const FlushStatus flushed = connection_.Flush();
      if (flushed == FlushStatus::kError || (flushed == FlushStatus::kDone && closing_)) {
        return Close();
      }
      if (flushed == FlushStatus::kBlocked || !ServeOne()) return;
    }
    if (connection_.open()) server_->loop_->Queue(more_task_);
  }

  void OnMore() {
    if (connection_.open()) OnConnectionReady();
  }

  // False when nothing more can be done now, or ever.
  bool ServeOne() {
    const http::HeadScanner::Result scan =
        http1::ScanHead(&scanner_, connection_.in(), http::HeadLimits{});
    switch (scan.status) {
      case http::HeadScanner::Status::kComplete: Answer(scan.head_bytes); return true;
      case http::HeadScanner::Status::kRefused: Refuse(scan.refusal); return true;
      case http::HeadScanner::Status::kIncomplete: break;
    }
    switch (connection_.Fill(http::HeadLimits{}.head_bytes + 1)) {
      case FillStatus::kRead: return true;
      case FillStatus::kWouldBlock: return false;
      case FillStatus::kFull:
      case FillStatus::kEndOfStream:
      case FillStatus::kError: Close(); return false;
    }
    return false;
  }

  void Answer(size_t head_bytes) {
    stream_.Start(&connection_, this);
    const http::Refusal refusal = stream_.TakeHead(head_bytes, http::HeadLimits{});
    if (refusal != http::Refusal::kNone) return SendRefusal(refusal);
    const http::Method method = stream_.request().method;
    const bool answered = method == http::Method::kGet || method == http::Method::kHead;
    Send(answered ? server_->handler_(stream_.request().path)
                  : StatusReply{.status = 405,
                                .reason = proxy::FailureName(proxy::Failure::kMethodNotAllowed),
                                .body = proxy::AllowedDetail(kAllow)},
         /*refused=*/false);
    scanner_.Reset();
    server_->loop_->timers().Arm(timer_, server_->loop_->now() + kTimeout);
  }

  void Refuse(http::Refusal refusal) {
    stream_.Start(&connection_, this);
    SendRefusal(refusal);
  }

  void SendRefusal(http::Refusal refusal) {
    stream_.TakeUnread();
    Send({.status = http::RefusalStatus(refusal),
          .reason = proxy::FailureName(proxy::Failure::kRefusedFraming),
          .body = proxy::RefusalDetail(refusal)},
         /*refused=*/true);
  }

  void Send(const StatusReply& reply, bool refused) {
    const std::string body = reply.reason.empty()
                                 ? reply.body
                                 : proxy::ErrorBody(reply.status, reply.reason, reply.body);
    http::ResponseHead head;
    head.status = static_cast<uint16_t>(reply.status);
    head.reason = proxy::ReasonPhrase(reply.status);
    head.body = http::BodyKind::kLength;
    head.content_length = body.size();
    head.headers.Add({.name = "Content-Type", .value = reply.content_type});
    head.headers.Add({.name = "Cache-Control", .value = "no-store"});
    // RFC 9110 section 15.5.6.
    if (reply.status == 405) head.headers.Add({.name = "Allow", .value = kAllow});
    stream_.SendHead(head, {.generated = true,
                            .unfinished = !stream_.request_finished(),  // No body is read.
                            .refused = refused});
    if (stream_.request().method != http::Method::kHead) stream_.SendBody(std::string_view(body));
    stream_.SendEnd(nullptr);
    closing_ = stream_.Finish() != http::ClientPersistence::kKeep;
    served_ = true;
  }

  Terms terms() const override { return {}; }
  std::string_view Date() override {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        server_->loop_->wall_now().time_since_epoch());
    http::FormatDate(seconds.count(), date_.data());
    return {date_.data(), date_.size()};
  }

  void OnTimer(pool::TimePoint) { Close(); }

  StatusServer* server_;
  const std::string host_;  // the peer's address, without its port
  pool::Connection connection_;
  http::HeadScanner scanner_;
  http1::ServerStream stream_;
  std::array<char, http::kDateBytes> date_;
  bool closing_ = false;  // once what is in out() is written
  bool served_ = false;
  pool::MemberTask<Session, &Session::OnMore> more_task_{this};
  pool::MemberTimer<Session, &Session::OnTimer> timer_{this};
};

StatusServer::StatusServer(pool::EventLoop* loop, pool::SlabPool* slabs,
                           pool::FileDescriptor socket, Handler handler, size_t max_connections)
    : loop_(loop),
      slabs_(slabs),
      handler_(std::move(handler)),
      max_connections_(max_connections),
      acceptor_(loop, std::move(socket), this) {}

StatusServer::~StatusServer() {
  while (!sessions_.empty()) sessions_.front()->Close();
}

size_t StatusServer::CountOf(std::string_view host) const {
  size_t count = 0;
  for (const Session* session = sessions_.front(); session != nullptr;
       session = decltype(sessions_)::Next(*session)) {
    count += session->host() == host ? 1 : 0;
  }
  return count;
}

bool StatusServer::MakeRoomFor(std::string_view host) {
  const size_t own = CountOf(host);
  const bool host_full = own >= max_connections_ - max_connections_ / 4;
  if (!host_full && sessions_.size() < max_connections_) return true;
  // In the order of their coming. An address that has its share makes room for itself.
  for (Session* session = sessions_.front(); session != nullptr;
       session = decltype(sessions_)::Next(*session)) {
    if ((host_full && session->host() != host) || !session->silent()) continue;
    session->Close();
    return true;
  }
  Session* spare = host_full ? nullptr : SpareFor(own);
  if (spare != nullptr) spare->Close();
  return spare != nullptr;
}

// A connection that has been served may be a scraper's, so one that has not goes first.
StatusServer::Session* StatusServer::SpareFor(size_t own) {
  struct Held {
    size_t count = 0;
    Session* first = nullptr;
    Session* first_unserved = nullptr;
  };
  absl::flat_hash_map<std::string_view, Held> by_host;
  const Held* most = nullptr;
  for (Session* session = sessions_.front(); session != nullptr;
       session = decltype(sessions_)::Next(*session)) {
    Held& held = by_host[session->host()];
    ++held.count;
    if (held.first == nullptr) held.first = session;
    if (held.first_unserved == nullptr && !session->served()) held.first_unserved = session;
  }
  for (const auto& [host, held] : by_host) {
    if (most == nullptr || held.count > most->count) most = &held;
  }
  if (most == nullptr || most->count <= own + 1) return nullptr;
  return most->first_unserved != nullptr ? most->first_unserved : most->first;
}

void StatusServer::OnAccept(pool::FileDescriptor socket, const pool::SocketAddress& peer) {
  std::string host = peer.Ip();
  if (!MakeRoomFor(host)) return;
  auto session = std::make_unique<Session>(this, std::move(socket), std::move(host));
  if (!session->Open()) return;
  sessions_.PushBack(*session.release());
}

}  // namespace holdfast::server
