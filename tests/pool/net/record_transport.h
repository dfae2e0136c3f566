#ifndef HOLDFAST_TESTS_POOL_NET_RECORD_TRANSPORT_H_
#define HOLDFAST_TESTS_POOL_NET_RECORD_TRANSPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pool/net/socket.h"
#include "pool/net/transport.h"

namespace holdfast::pool {

// A second transport, with the manners of TLS and none of its secrets: what crosses the wire is
// records (a type, two bytes of length, the payload).
//   - Establishing takes a hello from the client, one from the server, and a word of the client's.
//   - After a question a read goes on only once the answer has left: reads wait for writing.
//   - A record is read whole and handed out in pieces, so bytes lie inside that epoll knows not of.
//   - Tickets are records that are nobody's data; they come at any time.
//   - The end is a record of its own; the socket's end without it is a truncation.
// Keeps no pointer to its worker: it may travel while nothing is inside.
class RecordTransport final : public Transport {
 public:
  enum class Type : char {
    kHello = 'H',
    kFinished = 'F',
    kData = 'D',
    kQuestion = 'Q',
    kAnswer = 'A',
    kTicket = 'T',
    kEnd = 'E',
  };
  static constexpr size_t kHeaderBytes = 3;
  static std::string Record(Type type, std::string_view payload = {});

  // `server`: the peer speaks first.
  RecordTransport(FileDescriptor socket, bool server)
      : socket_(std::move(socket)), server_(server) {}

  int fd() const override { return socket_.get(); }
  void Arrive(EventLoop*, SlabPool*) override {}
  void Leave() override {}
  IoResult Establish() override;
  std::string_view protocol() const override { return "records"; }
  IoResult Read(const iovec* pieces, int count) override;
  IoResult Write(const iovec* pieces, int count) override;
  IoResult Shutdown() override;
  void ExpectEnd() override { end_expected_ = true; }
  void SayEnd() override;
  Quiet Inspect() override;
  bool ends_with_socket() const override { return false; }
  uint64_t wire_bytes_written() const override { return written_; }
  std::optional<uint64_t> wire_bytes_acknowledged() const override;
  bool encrypted() const override { return false; }
  bool MayAskFor(std::string_view) const override { return true; }
  std::optional<SecureFacts> secure() const override { return std::nullopt; }
  const PeerIdentity* identity(bool) override { return nullptr; }
  bool Detachable() const override {
    return received_.empty() && unsent_.empty() && plain_.empty();
  }

 private:
  // Takes one record off what was received; nullopt: it is not whole yet.
  std::optional<Type> TakeRecord(std::string* payload);
  // Reads from the socket. kOk: something came.
  IoResult Receive();
  void AddEnd();
  // Sends what is to be sent first. kOk: all of it has left.
  IoResult SendRest();
  // Goes on to the next data. kOk: plain_ has some.
  IoResult Advance();

  FileDescriptor socket_;
  const bool server_;
  bool connected_ = false;
  bool said_hello_ = false;
  bool heard_hello_ = false;
  bool ended_ = false;  // the peer has said so
  bool end_expected_ = false;
  bool shutdown_ = false;  // we have
  std::string received_;   // records, maybe cut short
  std::string plain_;      // data of a record that was taken
  std::string unsent_;     // records that must leave before anything else
  uint64_t written_ = 0;
  std::optional<uint64_t> acknowledged_at_start_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_NET_RECORD_TRANSPORT_H_
