#include "tests/pool/tls/support/tls_script.h"

#include <string>
#include <string_view>
#include <utility>

#include "pool/tls/tls_transport.h"
#include "tests/pool/net/record_script.h"
#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"

namespace holdfast::pool {
namespace {

const Issued& Site() {
  static const Issued site = SiteFor({"a.test"});
  return site;
}

TlsPeer::Options PeerOf(bool server) {
  if (server) return {.server_name = "a.test"};
  return {.server = true, .certificate = &Site()};
}

class TlsScript final : public TransportScript {
 public:
  explicit TlsScript(bool server) : server_(server), peer_(PeerOf(server)) {}

  std::unique_ptr<Transport> Make(FileDescriptor socket) override {
    if (server_) {
      return std::make_unique<TlsTransport>(std::move(socket), ServerWith(SiteSettings()));
    }
    return std::make_unique<TlsTransport>(std::move(socket), ClientWith(UpstreamSettings()),
                                          *SocketAddress::FromIp("127.0.0.1", 443));
  }
  std::string Hello() override {
    peer_.Handshake();
    return peer_.Take();
  }
  std::string Answer(std::string_view received) override {
    peer_.Feed(received);
    if (peer_.Handshake()) peer_.Read();
    return peer_.Take();
  }
  bool established() const override { return peer_.handshaken(); }
  std::string Nonsense() const override { return "\xff\xfe\xfd\xfc\xfb"; }
  std::string_view nonsense_word() const override { return "tls_protocol"; }
  std::string Data(std::string_view payload) override { return peer_.Data(payload); }
  // A client has no tickets.
  std::string Aside() override { return server_ ? peer_.KeyUpdate(false) : peer_.Ticket(); }
  std::string End() override { return peer_.End(); }
  std::string Question() override { return peer_.KeyUpdate(/*ask=*/true); }
  bool answers_come_first() const override { return false; }
  std::string EarlyAside() override { return {}; }
  bool heard_end() const override { return peer_.heard_end(); }
  size_t record_overhead() const override { return 5 + 1 + 16; }

 private:
  const bool server_;
  TlsPeer peer_;
};

}  // namespace

std::unique_ptr<TransportScript> NewTlsScript(bool server) {
  return std::make_unique<TlsScript>(server);
}

std::unique_ptr<TransportScript> NewScript(ScriptKind kind, bool server) {
  if (kind == ScriptKind::kTls) return NewTlsScript(server);
  return std::make_unique<RecordScript>(server);
}

}  // namespace holdfast::pool
