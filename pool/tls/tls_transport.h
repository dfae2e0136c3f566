#ifndef HOLDFAST_POOL_TLS_TLS_TRANSPORT_H_
#define HOLDFAST_POOL_TLS_TLS_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pool/net/buffer.h"
#include "pool/net/clock.h"
#include "pool/net/socket.h"
#include "pool/net/transport.h"
#include "pool/tls/tls_client_context.h"
#include "pool/tls/tls_failure.h"
#include "pool/tls/tls_server_context.h"

struct bio_st;

namespace holdfast::pool {

// TLS over a non-blocking stream socket that is connected or connects, as the server of a client or
// the client of an upstream. Loop thread; owns the socket; destruction closes it, without a word to
// the peer.
//
// Bytes that are inside lie in slabs of the worker: records that came and are not opened yet,
// records that are sealed and have not left. The library's own buffers (34 KiB) are there while it
// opens or seals one (net/library_memory.h makes that cheap). At rest it holds neither.
//
// A failure is sticky and has a word of TlsFailure. With kPlainHttp nothing has been sent, and what
// came is thrown away: whoever establishes the connection may answer in plain text through fd().
class TlsTransport final : public Transport {
 public:
  // Received and sealed at a time, give or take a record.
  static constexpr size_t kMaxBatchBytes = 32 * 1024;
  // A busy spell begins with records that fit into a segment, so that the peer can open the first
  // of them when it comes; then they are full ones, which cost less. A pause ends the spell.
  static constexpr size_t kSmallRecordBytes = 1400;
  static constexpr size_t kFullRecordBytes = 16 * 1024;
  static constexpr size_t kSmallRecordsFirst = 64 * 1024;
  static constexpr Duration kSpellEndsAfter = std::chrono::seconds(1);
  // Messages after the handshake (key updates, tickets) that a peer may send in a second.
  static constexpr int kMaxMessagesPerSecond = 100;
  // Of answers to those, while the peer does not read.
  static constexpr size_t kMaxUnsentBytes = 128 * 1024;

  TlsTransport(FileDescriptor socket, std::shared_ptr<TlsServerContext> context);
  // `endpoint`: whose session may be resumed.
  TlsTransport(FileDescriptor socket, std::shared_ptr<TlsClientContext> context,
               const SocketAddress& endpoint);
  ~TlsTransport() override;

  int fd() const override { return socket_.get(); }
  void Arrive(EventLoop* loop, SlabPool* slabs) override;
  void Leave() override;
  IoResult Establish() override;
  std::string_view protocol() const override;
  IoResult Read(const iovec* pieces, int count) override;
  IoResult Write(const iovec* pieces, int count) override;
  IoResult Shutdown() override;
  void ExpectEnd() override { end_expected_ = true; }
  void SayEnd() override;
  Quiet Inspect() override;
  bool ends_with_socket() const override { return false; }
  uint64_t wire_bytes_written() const override { return written_; }
  // Of upstreams only.
  std::optional<uint64_t> wire_bytes_acknowledged() const override;
  bool encrypted() const override { return true; }
  bool MayAskFor(std::string_view host) const override;
  bool Detachable() const override;
  std::optional<SecureFacts> secure() const override;
  const PeerIdentity* identity(bool whole) override;

  // What was agreed on; meaningful once established.
  std::string_view version() const;  // "TLSv1.3"
  std::string_view cipher() const;
  bool resumed() const;
  // The name that the client asked for; empty: none. Good until the connection ends.
  std::string_view server_name() const;
  // DER; empty: it has shown none. One that was shown has been verified (of an upstream: unless
  // nothing is).
  std::string PeerCertificate() const;
  // Server only: the way in which the client was checked (TlsServerContext).
  size_t client_policy() const;
  std::optional<TlsFailure> failure() const { return failure_; }

 private:
  friend struct TransportBio;  // the library's way to our buffers
  enum class Step : uint8_t { kDone, kReadMore, kClosed, kFailed };
  // Plaintext that is sealed but was not reported as written, since its records have not left.
  struct Batch {
    uint32_t plain = 0;
    uint32_t wire = 0;
    uint32_t reported = 0;
  };

  explicit TlsTransport(FileDescriptor socket) : socket_(std::move(socket)) {}
  void SetUp(ssl_st* ssl);
  bool server() const { return server_ != nullptr; }

  Step StepOf(int result);
  void Fail(TlsFailure failure);
  IoResult Failed() const;
  IoResult FailHandshake(TlsFailure failure, int system = 0);
  // Reads from the socket once, about `wanted` bytes. kOk: something came, and there may be `more`.
  IoResult Receive(size_t wanted);
  // Sends what is sealed. kOk: all of it has left.
  IoResult SendRest();
  // Sends what reading has made us say, if there is room for it.
  void Answer();
  IoResult BeginConnected();
  // Goes on with what has come. kBlocked: it needs more, or what it says has not left.
  IoResult Shake();
  // Reads once. kOk: something came.
  IoResult Hear();
  // `dry`: the socket was emptied.
  IoResult FinishHandshake(bool dry);
  // Opens records into the room. True: something is to be told at once, in `*result`.
  bool Open(char* room, size_t size, size_t* opened, IoResult* result);
  IoResult Seal(const iovec* pieces, int count, size_t total);
  void SealEnd();
  IoResult ReportSent();
  size_t NextRecordSize();
  void NoteMessage(uint8_t type);
  // The library or we hold bytes that it can go on with.
  bool HasInput() const;
  bool PeerHasClosed() const;

  FileDescriptor socket_;
  uint32_t acknowledged_at_start_ = 0;
  ssl_st* ssl_ = nullptr;
  EventLoop* loop_ = nullptr;
  SlabPool* slabs_ = nullptr;
  Buffer in_{nullptr};   // records, not opened
  Buffer out_{nullptr};  // records, not sent
  uint64_t written_ = 0;
  std::shared_ptr<TlsServerContext> server_;
  std::unique_ptr<TlsSessionSink> sink_;  // of a client, at the worker where it began
  TimePoint spell_at_;                    // the latest write
  TimePoint messages_since_;
  Batch batch_;
  uint32_t spell_bytes_ = 0;
  uint8_t messages_ = 0;  // since messages_since_
  std::optional<TlsFailure> failure_;
  int failed_system_ = 0;
  // Of the socket, which tells a reset once and shows an end in good order after it: whoever only
  // looks, or answers in between, must not take it from whoever reads.
  int socket_error_ = 0;
  bool knows_start_ : 1 = false;  // acknowledged_at_start_ is known
  bool connected_ : 1 = false;
  bool established_ : 1 = false;
  bool heard_ : 1 = false;  // the first bytes came
  bool held_ : 1 = false;   // what is unsent may wait for the first write
  bool end_expected_ : 1 = false;
  bool said_end_ : 1 = false;  // close_notify
  bool overdone_ : 1 = false;  // more messages than allowed
  bool renegotiates_ : 1 = false;
  std::unique_ptr<PeerIdentity> identity_;  // of a client, once it was asked for
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_TRANSPORT_H_
