#include "pool/tls/tls_transport.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "pool/net/check.h"
#include "pool/net/event_loop.h"
#include "pool/tls/peer_identity.h"

namespace holdfast::pool {
namespace {

constexpr int kMaxPieces = 4;
// The rest of a piece of the caller's that is this long is a record of its own; what is shorter is
// copied together with what follows.
constexpr size_t kWorthARecord = 8 * 1024;

IoResult Ok(bool more = false, size_t bytes = 0) {
  return {.status = IoStatus::kOk, .more = more, .bytes = bytes};
}
IoResult Blocked(Wants wants) { return {.wants = wants}; }

size_t TotalBytes(const iovec* pieces, int count) {
  size_t total = 0;
  for (int i = 0; i < count; ++i) total += pieces[i].iov_len;
  return total;
}

// Takes the caller's pieces one record after the other.
class Gatherer {
 public:
  Gatherer(const iovec* pieces, int count) : piece_(pieces), end_(pieces + count) {}

  // The next record: `size` bytes or fewer, not none.
  std::string_view Next(size_t size) {
    if (offset_ == piece_->iov_len) Advance();
    const size_t here = piece_->iov_len - offset_;
    const char* at = static_cast<const char*>(piece_->iov_base) + offset_;
    if (here >= size || here >= kWorthARecord) {
      offset_ += std::min(size, here);
      return {at, std::min(size, here)};
    }
    size_t copied = 0;
    while (copied < size) {
      if (offset_ == piece_->iov_len) Advance();
      const size_t take = std::min(size - copied, piece_->iov_len - offset_);
      std::memcpy(copy_.data() + copied, static_cast<const char*>(piece_->iov_base) + offset_,
                  take);
      copied += take;
      offset_ += take;
    }
    return {copy_.data(), size};
  }

 private:
  void Advance() {
    while (offset_ == piece_->iov_len) {
      ++piece_;
      offset_ = 0;
      HOLDFAST_CHECK(piece_ != end_);
    }
  }

  const iovec* piece_;
  const iovec* end_;
  size_t offset_ = 0;
  std::array<char, TlsTransport::kFullRecordBytes> copy_;
};

}  // namespace

// How the library reads and writes: from in_ and into out_.
struct TransportBio {
  static int Read(BIO* bio, char* room, int size) {
    auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    // One that overdoes it is not listened to any further.
    if (self.in_.empty() || self.overdone_) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::string_view front = self.in_.Front();
    const size_t bytes = std::min(front.size(), static_cast<size_t>(size));
    std::memcpy(room, front.data(), bytes);
    self.in_.Consume(bytes);
    return static_cast<int>(bytes);
  }

  static int Write(BIO* bio, const char* bytes, int size) {
    auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (self.out_.size() > TlsTransport::kMaxUnsentBytes) {
      self.overdone_ = true;
      return -1;
    }
    self.out_.Append({bytes, static_cast<size_t>(size)});
    return size;
  }

  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static void OnMessage(int sent, int /*version*/, int content, const void* bytes, size_t size,
                        SSL* /*ssl*/, void* transport) {
    auto& self = *static_cast<TlsTransport*>(transport);
    const auto* data = static_cast<const uint8_t*>(bytes);
    if (sent == 0 && content == SSL3_RT_HANDSHAKE && size > 0) {
      if (self.established_) self.NoteMessage(data[0]);
    } else if (sent == 1 && content == SSL3_RT_ALERT && size == 2) {
      // How the library declines.
      self.renegotiates_ |= data[1] == SSL_AD_NO_RENEGOTIATION;
    }
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast");
      HOLDFAST_CHECK(made != nullptr);
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }
};

TlsTransport::TlsTransport(FileDescriptor socket, std::shared_ptr<TlsServerContext> context)
    : TlsTransport(std::move(socket)) {
  HOLDFAST_CHECK(context != nullptr);
  server_ = std::move(context);
  connected_ = true;
  SetUp(server_->NewConnection());
}

TlsTransport::TlsTransport(FileDescriptor socket, std::shared_ptr<TlsClientContext> context,
                           const SocketAddress& endpoint)
    : TlsTransport(std::move(socket)) {
  HOLDFAST_CHECK(context != nullptr);
  sink_ = std::make_unique<TlsSessionSink>(
      TlsSessionSink{.sessions = context->sessions(), .endpoint = endpoint});
  SetUp(context->NewConnection(sink_.get()));
}

void TlsTransport::SetUp(SSL* ssl) {
  BIO* bio = ssl != nullptr ? BIO_new(TransportBio::Method()) : nullptr;
  ssl_ = ssl;
  if (bio == nullptr) return Fail(TlsFailure::kInternal);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_msg_callback(ssl_, TransportBio::OnMessage);
  SSL_set_msg_callback_arg(ssl_, this);
}

TlsTransport::~TlsTransport() {
  // Otherwise the library takes the session of a connection without a goodbye for a bad one, which
  // another worker may just be about to resume.
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

void TlsTransport::Arrive(EventLoop* loop, SlabPool* slabs) {
  HOLDFAST_CHECK(loop != nullptr && slabs != nullptr && slabs_ == nullptr);
  loop_ = loop;
  slabs_ = slabs;
  in_ = Buffer(slabs);
  out_ = Buffer(slabs);
}

void TlsTransport::Leave() {
  HOLDFAST_CHECK(Detachable() && slabs_ != nullptr);
  if (sink_ != nullptr) TlsClientContext::ForgetSink(ssl_);
  sink_.reset();
  in_ = Buffer(nullptr);
  out_ = Buffer(nullptr);
  loop_ = nullptr;
  slabs_ = nullptr;
}

bool TlsTransport::HasInput() const {
  // Part of a record, which SSL_has_pending counts as well, needs the socket.
  return !in_.empty() || SSL_pending(ssl_) > 0;
}

bool TlsTransport::PeerHasClosed() const {
  return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
}

bool TlsTransport::MayAskFor(std::string_view host) const {
  return !server() || server_->ClientPolicyOf(host) == client_policy();
}

bool TlsTransport::Detachable() const {
  return established_ && !failure_.has_value() && in_.empty() && out_.empty() &&
         batch_.plain == 0 && SSL_has_pending(ssl_) == 0;
}

void TlsTransport::NoteMessage(uint8_t type) {
  if (type != SSL3_MT_KEY_UPDATE && type != SSL3_MT_NEWSESSION_TICKET) return;
  if (loop_->now() - messages_since_ >= std::chrono::seconds(1)) {
    messages_since_ = loop_->now();
    messages_ = 0;
  }
  if (messages_ >= kMaxMessagesPerSecond) {
    overdone_ = true;
  } else {
    ++messages_;
  }
}

void TlsTransport::Fail(TlsFailure failure) {
  if (!failure_.has_value()) failure_ = failure;
}

IoResult TlsTransport::Failed() const {
  HOLDFAST_CHECK(failure_.has_value());
  return FailedTls(*failure_, failed_system_);
}

// Of the call that returned `result`, and only then: the library's queue is read.
TlsTransport::Step TlsTransport::StepOf(int result) {
  if (overdone_) {
    Fail(TlsFailure::kKeyUpdates);
    return Step::kFailed;
  }
  if (renegotiates_) {
    Fail(TlsFailure::kRenegotiation);
    return Step::kFailed;
  }
  if (result > 0) return Step::kDone;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Step::kReadMore;
    case SSL_ERROR_ZERO_RETURN: return Step::kClosed;
    default: break;
  }
  Fail(FailureOf(ERR_peek_error(), SSL_get_verify_result(ssl_)));
  ERR_clear_error();
  return Step::kFailed;
}

IoResult TlsTransport::Receive(size_t wanted) {
  iovec pieces[kMaxPieces];
  const size_t bytes = std::clamp(wanted, SlabPool::kSlabCapacity, kMaxBatchBytes);
  const int count = in_.PrepareWritev(bytes, pieces, kMaxPieces);
  const size_t room = TotalBytes(pieces, count);
  ssize_t got;
  do {
    got =
        count == 1 ? recv(fd(), pieces->iov_base, pieces->iov_len, 0) : readv(fd(), pieces, count);
  } while (got < 0 && errno == EINTR);
  const int error = errno;
  in_.CommitWrite(got > 0 ? static_cast<size_t>(got) : 0);
  if (got > 0) return Ok(/*more=*/static_cast<size_t>(got) == room, static_cast<size_t>(got));
  if (got < 0 && (error == EAGAIN || error == EWOULDBLOCK)) return Blocked(Wants::kRead);
  if (got < 0) socket_error_ = error;
  if (socket_error_ == 0) return {.status = IoStatus::kTruncated};
  return {.status = IoStatus::kFailed, .error = {.system = socket_error_}};
}

IoResult TlsTransport::SendRest() {
  held_ = false;
  while (!out_.empty()) {
    iovec pieces[kMaxPieces];
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = static_cast<size_t>(out_.FillIovec(pieces, kMaxPieces));
    const ssize_t put = sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Blocked(Wants::kWrite);
    if (put < 0) {
      // EPIPE is no news of the peer (Connection::error).
      if (errno != EPIPE) socket_error_ = errno;
      return {.status = IoStatus::kFailed, .error = {.system = errno}};
    }
    const size_t asked = TotalBytes(pieces, static_cast<int>(message.msg_iovlen));
    written_ += static_cast<uint64_t>(put);
    out_.Consume(static_cast<size_t>(put));
    // It is full: epoll(7), Q9.
    if (static_cast<size_t>(put) < asked) return Blocked(Wants::kWrite);
  }
  return Ok();
}

void TlsTransport::Answer() {
  if (out_.empty() || held_ || batch_.plain > 0) return;
  // A failure is found again by whoever reads or writes next.
  SendRest();
}

IoResult TlsTransport::FailHandshake(TlsFailure failure, int system) {
  Fail(failure);
  failed_system_ = system;
  if (sink_ != nullptr) sink_->sessions->Drop(sink_->endpoint);
  SendRest();  // the alert, as far as it leaves
  return Failed();
}

IoResult TlsTransport::BeginConnected() {
  const int error = TakeSocketError(fd());
  if (error != 0) return {.status = IoStatus::kFailed, .error = {.system = error}};
  const std::optional<uint64_t> acknowledged = AcknowledgedBytes(fd());
  knows_start_ = acknowledged.has_value();
  acknowledged_at_start_ = static_cast<uint32_t>(acknowledged.value_or(0));
  connected_ = true;
  return Ok();
}

IoResult TlsTransport::Shake() {
  ERR_clear_error();
  const Step step = StepOf(SSL_do_handshake(ssl_));
  if (step == Step::kDone) return Ok();
  if (step == Step::kFailed) return FailHandshake(*failure_);
  // After its close_notify the library takes nothing more: what came would only pile up.
  if (step == Step::kClosed) return FailHandshake(TlsFailure::kClosedInHandshake);
  const IoResult sent = SendRest();
  if (sent.status == IoStatus::kFailed) {
    return FailHandshake(TlsFailure::kClosedInHandshake, sent.error.system);
  }
  return sent.status == IoStatus::kBlocked ? sent : Blocked(Wants::kRead);
}

IoResult TlsTransport::Hear() {
  const IoResult got = Receive(0);
  if (got.status == IoStatus::kBlocked) return got;
  if (got.status != IoStatus::kOk) {
    return FailHandshake(TlsFailure::kClosedInHandshake, got.error.system);
  }
  if (heard_) return got;
  heard_ = true;
  const std::optional<TlsFailure> plain = PlainSpeaker(in_.Front(), server());
  return plain.has_value() ? FailHandshake(*plain) : got;
}

IoResult TlsTransport::Establish() {
  HOLDFAST_CHECK(slabs_ != nullptr && !established_);
  if (failure_.has_value()) return Failed();
  if (!connected_) {
    if (const IoResult begun = BeginConnected(); begun.status != IoStatus::kOk) return begun;
  }
  if (!out_.empty()) {
    const IoResult sent = SendRest();
    if (sent.status == IoStatus::kBlocked) return sent;
    if (sent.status == IoStatus::kFailed) {
      return FailHandshake(TlsFailure::kClosedInHandshake, sent.error.system);
    }
  }
  // Who has heard the peer, or is to hear it first, has nothing to do before more has come.
  IoResult result = server() || heard_ ? Blocked(Wants::kRead) : Shake();
  bool dry = false;
  while (result.status == IoStatus::kBlocked && result.wants == Wants::kRead && !dry) {
    result = Hear();
    if (result.status != IoStatus::kOk) return result;
    dry = !result.more;
    result = Shake();
  }
  return result.status == IoStatus::kOk ? FinishHandshake(dry) : result;
}

IoResult TlsTransport::FinishHandshake(bool dry) {
  established_ = true;
  // A ticket need not leave before the response to what is there already. (A client of TLS 1.2
  // waits for our last message.)
  held_ = server() && !in_.empty() && SSL_version(ssl_) == TLS1_3_VERSION;
  if (!held_) {
    const IoResult sent = SendRest();
    if (sent.status == IoStatus::kFailed) {
      return FailHandshake(TlsFailure::kClosedInHandshake, sent.error.system);
    }
  }
  return Ok(/*more=*/!dry || HasInput());
}

bool TlsTransport::Open(char* room, size_t size, size_t* opened, IoResult* result) {
  *opened = 0;
  if (!HasInput()) return false;
  ERR_clear_error();
  const int got = SSL_read(ssl_, room, static_cast<int>(std::min(size, kMaxBatchBytes * 2)));
  if (got > 0) *opened = static_cast<size_t>(got);
  switch (StepOf(got)) {
    case Step::kDone:
    case Step::kReadMore: return false;
    case Step::kClosed: *result = {.status = IoStatus::kEnd}; return true;
    case Step::kFailed: *result = Failed(); return true;
  }
  HOLDFAST_CHECK(false);
}

IoResult TlsTransport::Read(const iovec* pieces, int count) {
  const size_t total = TotalBytes(pieces, count);
  HOLDFAST_CHECK(total > 0 && established_);
  if (failure_.has_value()) return Failed();
  if (PeerHasClosed()) return {.status = IoStatus::kEnd};
  IoResult verdict = Blocked(Wants::kRead);
  bool over = false, received = false, dry = false;
  size_t done = 0;
  for (int i = 0; i < count && !over; ++i) {
    size_t filled = 0;
    while (filled < pieces[i].iov_len && !over) {
      size_t opened = 0;
      over = Open(static_cast<char*>(pieces[i].iov_base) + filled, pieces[i].iov_len - filled,
                  &opened, &verdict);
      filled += opened;
      done += opened;
      if (opened > 0 || over || HasInput()) continue;
      // One turn at the socket is enough once there is something to give. Before that the socket
      // has to say itself that it is empty, or at its end, of which no readiness may tell any more.
      over = done > 0 && (dry || received);
      if (over) continue;
      verdict = Receive(total - done);
      over = verdict.status != IoStatus::kOk;
      dry = verdict.status == IoStatus::kBlocked || (!over && !verdict.more);
      received = true;
      if (!over) verdict = Blocked(Wants::kRead);
    }
  }
  Answer();
  if (done > 0) return Ok(/*more=*/!dry || HasInput() || PeerHasClosed(), done);
  return verdict;
}

size_t TlsTransport::NextRecordSize() {
  if (loop_->now() - spell_at_ >= kSpellEndsAfter) spell_bytes_ = 0;
  spell_at_ = loop_->now();
  return spell_bytes_ < kSmallRecordsFirst ? kSmallRecordBytes : kFullRecordBytes;
}

// kOk: all that is to be sealed now is.
IoResult TlsTransport::Seal(const iovec* pieces, int count, size_t total) {
  const size_t end = std::min(total, kMaxBatchBytes);
  Gatherer gatherer(pieces, count);
  size_t sealed = 0;
  std::string_view record;
  while (sealed < end) {
    if (record.empty()) {
      const size_t size = std::min(NextRecordSize(), end - sealed);
      // What would be a short record at the end of this batch is in a full one of the next.
      if (sealed > 0 && size < kWorthARecord && size == end - sealed && total > end) break;
      record = gatherer.Next(size);
    }
    ERR_clear_error();
    const int put = SSL_write(ssl_, record.data(), static_cast<int>(record.size()));
    const Step step = StepOf(put);
    if (step == Step::kDone) {
      // Less than the whole for a client whose records are to be shorter (RFC 6066 section 4).
      const auto bytes = static_cast<size_t>(put);
      HOLDFAST_CHECK(bytes > 0 && bytes <= record.size());
      sealed += bytes;
      spell_bytes_ =
          std::min<uint32_t>(spell_bytes_ + static_cast<uint32_t>(bytes), kSmallRecordsFirst);
      record.remove_prefix(bytes);
      continue;
    }
    if (step == Step::kFailed) return Failed();
    if (step == Step::kClosed) return FailedTls(TlsFailure::kProtocol);
    // Half a message of the peer's has to be taken first.
    if (sealed > 0) break;
    const IoResult got = Receive(0);
    if (got.status == IoStatus::kOk) continue;
    if (got.status == IoStatus::kTruncated) return FailedTls(TlsFailure::kProtocol, EPIPE);
    return got;
  }
  if (end_expected_ && sealed == total) SealEnd();
  batch_ = {.plain = static_cast<uint32_t>(sealed), .wire = static_cast<uint32_t>(out_.size())};
  return Ok();
}

// What has left of the batch, in bytes of the caller's. The last of them is reported with the last
// byte of the last record.
IoResult TlsTransport::ReportSent() {
  HOLDFAST_CHECK(batch_.plain > 0 && batch_.wire > 0);
  const uint64_t left = std::min<uint64_t>(out_.size(), batch_.wire);
  const uint64_t unsent = (batch_.plain * left + batch_.wire - 1) / batch_.wire;
  const auto due = static_cast<uint32_t>(batch_.plain - unsent);
  if (due <= batch_.reported) return Blocked(Wants::kWrite);
  const uint32_t bytes = due - batch_.reported;
  batch_.reported = due;
  if (left == 0) batch_ = {};
  return Ok(/*more=*/left == 0, bytes);
}

IoResult TlsTransport::Write(const iovec* pieces, int count) {
  const size_t total = TotalBytes(pieces, count);
  HOLDFAST_CHECK(total > 0 && established_);
  HOLDFAST_CHECK(total >= batch_.plain - batch_.reported);
  if (failure_.has_value()) return Failed();
  if (said_end_ && batch_.plain == 0) {
    return {.status = IoStatus::kFailed, .error = {.system = EPIPE}};
  }
  if (batch_.plain == 0) {
    if (!held_) {
      if (const IoResult sent = SendRest(); sent.status != IoStatus::kOk) return sent;
    }
    if (const IoResult sealed = Seal(pieces, count, total); sealed.status != IoStatus::kOk) {
      return sealed;
    }
  }
  if (const IoResult sent = SendRest(); sent.status == IoStatus::kFailed) return sent;
  return ReportSent();
}

void TlsTransport::SealEnd() {
  if (said_end_) return;
  said_end_ = true;
  if (!established_ || failure_.has_value()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

void TlsTransport::SayEnd() {
  SealEnd();
  SendRest();
}

IoResult TlsTransport::Shutdown() {
  SealEnd();
  const IoResult sent = SendRest();
  if (sent.status == IoStatus::kBlocked) return sent;
  shutdown(fd(), SHUT_WR);
  return Ok();
}

Quiet TlsTransport::Inspect() {
  if (failure_.has_value() || !established_) return Quiet::kError;
  // Bounded: a peer has to fill the batch with what is nobody's data each time, and may not.
  while (!PeerHasClosed()) {
    if (HasInput()) {
      char byte;
      ERR_clear_error();
      const Step step = StepOf(SSL_peek(ssl_, &byte, 1));
      Answer();
      if (step == Step::kDone) return Quiet::kData;
      if (step == Step::kFailed) return Quiet::kError;
      if (step == Step::kClosed) break;
    }
    switch (Receive(0).status) {
      case IoStatus::kOk: continue;
      case IoStatus::kBlocked: return Quiet::kQuiet;
      default: return Quiet::kError;
    }
  }
  return Quiet::kEnd;
}

std::optional<uint64_t> TlsTransport::wire_bytes_acknowledged() const {
  if (!knows_start_) return std::nullopt;
  const std::optional<uint64_t> acknowledged = AcknowledgedBytes(fd());
  if (!acknowledged.has_value()) return std::nullopt;
  return *acknowledged - acknowledged_at_start_;
}

std::string_view TlsTransport::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  if (ssl_ != nullptr) SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsTransport::version() const { return SSL_get_version(ssl_); }
std::string_view TlsTransport::cipher() const { return SSL_get_cipher_name(ssl_); }
bool TlsTransport::resumed() const { return SSL_session_reused(ssl_) == 1; }

std::string_view TlsTransport::server_name() const {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? std::string_view(name) : std::string_view();
}

std::string TlsTransport::PeerCertificate() const {
  X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return {};
  const int size = i2d_X509(certificate, nullptr);
  HOLDFAST_CHECK(size > 0);
  std::string der(static_cast<size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificate, &at);
  return der;
}

std::optional<SecureFacts> TlsTransport::secure() const {
  if (!established_) return std::nullopt;
  return SecureFacts{.version = version(),
                     .cipher = cipher(),
                     .server_name = server_name(),
                     .resumed = resumed(),
                     .verified = server() && IsVerified(ssl_)};
}

const PeerIdentity* TlsTransport::identity(bool whole) {
  if (identity_ == nullptr && established_ && server() && IsVerified(ssl_)) {
    identity_ = std::make_unique<PeerIdentity>(IdentityOf(ssl_));
  }
  if (whole && identity_ != nullptr && identity_->certificate.empty()) {
    AddCertificate(ssl_, identity_.get());
  }
  return identity_.get();
}

size_t TlsTransport::client_policy() const {
  HOLDFAST_CHECK(server());
  return TlsServerContext::ClientPolicyOf(ssl_);
}

}  // namespace holdfast::pool
