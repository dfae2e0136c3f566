#include "tests/support/wire_tls.h"

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr char kListenerName[] = "edge.test";
constexpr char kUpstreamName[] = "web.test";

pool::TlsPeer::Options OptionsOf(TlsSide side) {
  static const pool::Issued site = pool::SiteFor({kUpstreamName});
  if (side == TlsSide::kServer) return {.server = true, .certificate = &site};
  return {.server_name = kListenerName};
}

struct Files {
  TempDir dir;
  std::string listener;
  std::string upstream;

  Files() {
    const pool::Issued site = pool::SiteFor({kListenerName});
    listener = "tls: {certificates: [{cert: " + dir.Write("site.pem", site.chain().pem) +
               ", key: " + dir.Write("site.key", site.key_file().pem) + "}]}";
    upstream = "tls: {ca: " + dir.Write("ca.pem", pool::TestAuthority().chain().pem) +
               ", server_name: " + kUpstreamName + "}";
  }
};

const Files& TheFiles() {
  static const Files files;
  return files;
}

}  // namespace

std::unique_ptr<pool::TlsPeer> NewTlsPeer(TlsSide side) {
  // Whose settings all others share: made once, it costs as much as a handshake.
  static const pool::TlsPeer client(OptionsOf(TlsSide::kClient));
  static const pool::TlsPeer server(OptionsOf(TlsSide::kServer));
  pool::TlsPeer::Options options = OptionsOf(side);
  options.like = side == TlsSide::kServer ? &server : &client;
  return std::make_unique<pool::TlsPeer>(options);
}

std::string ListenerTls() { return TheFiles().listener; }
std::string UpstreamTls() { return TheFiles().upstream; }

}  // namespace holdfast::support
